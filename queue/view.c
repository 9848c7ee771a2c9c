/*
 * view - the queue as mailq(1) and queue(1) show it.
 */

#include "queue/view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/die.h"
#include "mail/utf8.h"

enum {
	TELL_MS = 30000
};

/* Root, and group mta-admin. */
static bool
is_admin(uid_t caller)
{
	const struct group *admin = getgrnam("mta-admin");
	gid_t groups[256];
	int count = getgroups(256, groups);

	if (caller == 0)
		return true;
	for (int i = 0; admin != NULL && i < count; i++)
		if (groups[i] == admin->gr_gid)
			return true;
	return false;
}

/* RFC 8259 section 8.1: UTF-8, though hosts answer in whatever they like. */
void
view_print_json_string(struct span text)
{
	struct buf clean = buf_new(SIZE_MAX / 2);

	utf8_add_clean(&clean, text);
	putchar('"');
	for (size_t i = 0; i < clean.len; i++) {
		unsigned char c = (unsigned char)clean.data[i];

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ' || c == 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
	buf_free(&clean);
}

void
view_print_text(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		putchar(c < ' ' || c == 0x7f ? '?' : c);
	}
}

static void
print_time(const char *label, int64_t seconds)
{
	time_t when = (time_t)seconds;
	char text[40] = "";
	struct tm date;

	if (localtime_r(&when, &date) != NULL)
		strftime(text, sizeof(text), "%a %b %e %H:%M:%S", &date);
	printf("%s%s", label, text);
}

static const char *
state_word(const struct slot *slot)
{
	switch (slot->state) {
	case SLOT_DELIVERED:
	case SLOT_ARRIVED:
	case SLOT_RELAYED:
	case SLOT_EXPANDED:
		return "delivered";
	case SLOT_FAILED:
		return "failed";
	case SLOT_REPORTED:
		return "reported";
	case SLOT_WAITING:
		break;
	}
	return slot->attempts == 0 ? "new" : "deferred";
}

static void
print_recipient(
    const struct view *view, const struct slot *slot, struct span address)
{
	if (view->is_json) {
		printf("{\"address\":");
		view_print_json_string(address);
		printf(",\"state\":\"%s\",\"attempts\":%u,\"next_try\":%lld,"
		       "\"code\":\"%s\",\"reason\":",
		    state_word(slot), slot->attempts, (long long)slot->next_try,
		    slot->code);
		view_print_json_string(span_of(slot->text));
		printf(",\"bounce_pending\":%s}",
		    slot->state == SLOT_FAILED ? "true" : "false");
		return;
	}
	if (slot->state != SLOT_WAITING && slot->state != SLOT_FAILED)
		return;
	if (slot->attempts > 0 || slot->state == SLOT_FAILED) {
		printf("    (%s ", slot->code);
		view_print_text(span_of(slot->text));
		if (slot->state == SLOT_FAILED)
			printf("; failed, its report is not sent yet");
		else
			print_time("; next try ", slot->next_try);
		puts(")");
	}
	printf("        ");
	view_print_text(address);
	putchar('\n');
}

/* What a message came with, of RFC 3461 and its like; most have little. */
static void
print_json_envelope(const struct envelope *envelope)
{
	const struct {
		const char *name;
		struct span value;
	} texts[] = { { "message_id", envelope->message_id },
		{ "client", envelope->client },
		{ "authenticated", envelope->authenticated },
		{ "body", envelope->body }, { "envid", envelope->envid },
		{ "ret", envelope->ret }, { "verp", envelope->verp },
		{ "solicitation", envelope->solicitation } };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i].value.len == 0)
			continue;
		printf(",\"%s\":", texts[i].name);
		view_print_json_string(texts[i].value);
	}
	if (envelope->has_uid)
		printf(",\"uid\":%llu", (unsigned long long)envelope->uid);
	if (envelope->hold_until != 0)
		printf(",\"hold_until\":%lld", (long long)envelope->hold_until);
	if (envelope->by.mode != 0)
		printf(",\"deliver_by\":%lld", (long long)envelope->by.time);
	if (envelope->priority != 0)
		printf(",\"priority\":%d", envelope->priority);
	if (envelope->needs_utf8)
		printf(",\"needs_utf8\":true");
	if (envelope->requires_tls)
		printf(",\"requires_tls\":true");
}

/* Why an administrator's rule holds it; empty: it was asked for, or is not
 * held.
 */
static void
read_why_held(
    const struct queue_file *file, bool is_held, char why[QUEUE_WHY_MAX + 1])
{
	why[0] = '\0';
	if (is_held)
		queue_file_why_held(file->fd, why);
	if (strcmp(why, QUEUE_RELEASED) == 0)
		why[0] = '\0'; /* that was before */
}

static void
print_json_head(const struct queue_file *file, bool is_held, int64_t made)
{
	char route[QUEUE_ROUTE_MAX + 1];
	char why[QUEUE_WHY_MAX + 1];

	queue_file_route(file, route);
	read_why_held(file, is_held, why);
	printf("{\"id\":\"%s\",\"bytes\":%llu,\"arrived\":%lld,\"sender\":",
	    file->name.id.text, (unsigned long long)file->message_length,
	    (long long)made);
	view_print_json_string(file->envelope.sender);
	print_json_envelope(&file->envelope);
	printf(",\"held\":%s", is_held ? "true" : "false");
	if (why[0] != '\0') {
		printf(",\"held_by\":");
		view_print_json_string(span_of(why));
	}
	printf(",\"route\":\"%s\",\"recipients\":[", route);
}

static void
print_holders(const struct queue_file *file, bool is_held)
{
	char why[QUEUE_WHY_MAX + 1];

	if (file->envelope.hold_until > (int64_t)time(NULL)) {
		print_time(
		    "  (held by its sender until ", file->envelope.hold_until);
		putchar(')');
	}
	if (!is_held)
		return;
	read_why_held(file, is_held, why);
	printf("  (held%s", why[0] == '\0' ? "" : " by ");
	view_print_text(span_of(why));
	putchar(')');
}

static void
print_head(const struct view *view, const struct queue_file *file, bool is_held)
{
	int64_t made = (int64_t)(queue_id_time_us(&file->name.id) / 1000000);
	char route[QUEUE_ROUTE_MAX + 1];

	if (view->is_json) {
		print_json_head(file, is_held, made);
		return;
	}
	queue_file_route(file, route);
	printf("%s %9llu ", file->name.id.text,
	    (unsigned long long)file->message_length);
	print_time("", made);
	printf("  ");
	if (file->envelope.sender.len == 0)
		printf("<>");
	view_print_text(file->envelope.sender);
	if (route[0] != '\0')
		printf("  (by %s)", route);
	print_holders(file, is_held);
	putchar('\n');
}

void
view_print(struct view *view, const struct queue_file *file, bool is_held)
{
	struct span rest = file->envelope.recipients;
	struct recipient recipient;
	struct slot slot;

	if (view->messages++ == 0 && !view->is_json)
		printf("%-23s %9s %-19s  %s\n", "Queue id", "Bytes", "Arrived",
		    "Sender, (reason), recipients");
	view->bytes += file->message_length;
	print_head(view, file, is_held);
	for (uint64_t i = 0; envelope_next(&rest, &recipient); i++) {
		if (!slot_read(file, i, &slot))
			slot = (struct slot){ .state = SLOT_WAITING };
		if (view->is_json && i > 0)
			putchar(',');
		print_recipient(view, &slot, recipient.address);
	}
	if (view->is_json)
		puts("]}");
}

void
view_print_total(const struct view *view)
{
	if (!view->is_json && view->messages == 0)
		puts("Mail queue is empty");
	else if (!view->is_json)
		printf("-- %llu KiB in %lu message%s\n", view->bytes / 1024,
		    view->messages, view->messages == 1 ? "" : "s");
}

/* ---- walking ---- */

/* A user sees what he sent from this host. */
static bool
is_visible(const struct view *view, const struct queue_file *file)
{
	return view->sees_all ||
	       (file->envelope.has_uid && file->envelope.uid == view->caller);
}

static void
take_file(struct view *view, int folder, const char *text, bool is_held,
    view_take *take, void *context)
{
	struct queue_name name;
	struct queue_file file;

	if (!queue_name_parse(span_of(text), &name))
		return;
	int fd = openat(
	    folder, text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return; /* it has gone meanwhile */
	if (queue_file_read(&file, fd, &name)) {
		queue_file_take_release(&file);
		queue_file_take_tls(&file);
		if (is_visible(view, &file))
			take(context, &file, is_held);
		queue_file_free(&file);
	}
	close(fd);
}

static void
walk_folder(struct view *view, const char *path, bool is_held, view_take *take,
    void *context)
{
	int fd =
	    openat(view->spool.top, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (folder == NULL)
		temp_fail("cannot list the queue's folder %s", path);
	while ((entry = readdir(folder)) != NULL)
		take_file(view, fd, entry->d_name, is_held, take, context);
	closedir(folder);
}

void
view_walk(struct view *view, view_take *take, void *context)
{
	char path[16];

	walk_folder(view, "new", false, take, context);
	for (unsigned i = 0; i < SPOOL_FOLDERS; i++) {
		snprintf(path, sizeof(path), "cur/%x", i);
		walk_folder(view, path, false, take, context);
	}
	walk_folder(view, "hold", true, take, context);
}

void
view_open(struct view *view)
{
	view->caller = getuid();
	view->sees_all = is_admin(view->caller);
	spool_open(&view->spool);
}

/* At most PIPE_BUF bytes: all of them or none.  A busy manager is waited for.
 */
static bool
write_whole(int fd, struct span lines)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	while (write(fd, lines.ptr, lines.len) != (ssize_t)lines.len)
		if (errno != EAGAIN || poll(&room, 1, TELL_MS) != 1)
			return false;
	return true;
}

bool
view_tell_if_running(const struct view *view, struct span lines)
{
	int fd = openat(
	    view->spool.top, "command", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1 && errno == ENXIO)
		return false;
	if (fd == -1 || !write_whole(fd, lines))
		temp_fail("cannot tell the queue-manager");
	close(fd);
	return true;
}

void
view_tell(const struct view *view, struct span lines)
{
	if (!view_tell_if_running(view, lines))
		die(EX_UNAVAILABLE, "no queue-manager runs: mtactl start");
}
