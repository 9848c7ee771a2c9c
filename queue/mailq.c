/*
 * mailq - show the queue, and ask for a retry.
 *
 * started by  anyone (setuid mta-queue, setgid mta-inject)
 * uid         mta-queue
 * fd 1        the listing, or one JSON object a message (-j)
 * reads       the queue; /etc/group
 * writes      queue/command (-q)
 * exits       0; EX_USAGE; EX_TEMPFAIL; EX_UNAVAILABLE if no manager runs
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "base/die.h"
#include "queue/file.h"
#include "queue/spool.h"

static const char usage[] =
    "usage: mailq [-j | --json]           show the queue\n"
    "       mailq -q [-I QUEUE-ID]        try all (or one) again now";

struct view {
	struct spool spool;
	uid_t caller;
	bool sees_all; /* root, and group mta-admin */
	bool is_json;
	unsigned long messages;
	unsigned long long bytes;
};

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

static void
print_json_string(struct span text)
{
	putchar('"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ' || c == 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void
print_text(struct span text)
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
		print_json_string(address);
		printf(",\"state\":\"%s\",\"attempts\":%u,\"next_try\":%lld,"
		       "\"code\":\"%s\",\"reason\":",
		    state_word(slot), slot->attempts, (long long)slot->next_try,
		    slot->code);
		print_json_string(span_of(slot->text));
		putchar('}');
		return;
	}
	if (slot->state != SLOT_WAITING && slot->state != SLOT_FAILED)
		return;
	if (slot->attempts > 0) {
		printf("    (%s ", slot->code);
		print_text(span_of(slot->text));
		print_time("; next try ", slot->next_try);
		puts(")");
	}
	printf("        ");
	print_text(address);
	putchar('\n');
}

static void
print_head(const struct view *view, const struct queue_file *file)
{
	int64_t made = (int64_t)(queue_id_time_us(&file->name.id) / 1000000);

	if (view->is_json) {
		printf("{\"id\":\"%s\",\"bytes\":%llu,\"arrived\":%lld,"
		       "\"sender\":",
		    file->name.id.text,
		    (unsigned long long)file->message_length, (long long)made);
		print_json_string(file->envelope.sender);
		printf(",\"recipients\":[");
		return;
	}
	printf("%s %9llu ", file->name.id.text,
	    (unsigned long long)file->message_length);
	print_time("", made);
	printf("  ");
	if (file->envelope.sender.len == 0)
		printf("<>");
	print_text(file->envelope.sender);
	putchar('\n');
}

static void
print_message(struct view *view, const struct queue_file *file)
{
	struct span rest = file->envelope.recipients;
	struct recipient recipient;
	struct slot slot;

	if (!view->sees_all &&
	    (!file->envelope.has_uid || file->envelope.uid != view->caller))
		return;
	if (view->messages++ == 0 && !view->is_json)
		printf("%-23s %9s %-19s  %s\n", "Queue id", "Bytes", "Arrived",
		    "Sender, (reason), recipients");
	view->bytes += file->message_length;
	print_head(view, file);
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

static void
show_file(struct view *view, int folder, const char *text)
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
		print_message(view, &file);
		queue_file_free(&file);
	}
	close(fd);
}

static void
show_folder(struct view *view, const char *path)
{
	int fd =
	    openat(view->spool.top, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (folder == NULL)
		temp_fail("cannot list the queue's folder %s", path);
	while ((entry = readdir(folder)) != NULL)
		show_file(view, fd, entry->d_name);
	closedir(folder);
}

static int
show(struct view *view)
{
	char path[16];

	show_folder(view, "new");
	for (unsigned i = 0; i < SPOOL_FOLDERS; i++) {
		snprintf(path, sizeof(path), "cur/%x", i);
		show_folder(view, path);
	}
	if (!view->is_json && view->messages == 0)
		puts("Mail queue is empty");
	else if (!view->is_json)
		printf("-- %llu KiB in %lu message%s\n", view->bytes / 1024,
		    view->messages, view->messages == 1 ? "" : "s");
	return fflush(stdout) == EOF ? EX_IOERR : EX_OK;
}

static int
retry(const struct view *view, const char *id)
{
	char line[64];
	struct queue_id parsed;

	if (id != NULL && !queue_id_parse(span_of(id), &parsed))
		die(EX_USAGE, "%s is not a queue id", id);
	snprintf(line, sizeof(line), "retry%s%s\n", id == NULL ? "" : " ",
	    id == NULL ? "" : id);
	int fd = openat(
	    view->spool.top, "command", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 && errno == ENXIO)
		die(EX_UNAVAILABLE, "no queue-manager runs: mtactl start");
	if (fd == -1 || write(fd, line, strlen(line)) == -1)
		temp_fail("cannot tell the queue-manager");
	close(fd);
	return EX_OK;
}

int
main(int argc, char **argv)
{
	struct view view = { .caller = getuid() };
	const char *id = NULL;
	bool is_retry = false;

	program_name("mailq");
	closefrom(3);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-h") == 0)
			return puts(usage) == EOF ? EX_IOERR : EX_OK;
		else if (strcmp(argv[i], "-j") == 0 ||
			 strcmp(argv[i], "--json") == 0)
			view.is_json = true;
		else if (strcmp(argv[i], "-q") == 0)
			is_retry = true;
		else if (strcmp(argv[i], "-I") == 0 && argv[i + 1] != NULL)
			id = argv[++i];
		else
			die(EX_USAGE, "%s", usage);
	}
	view.sees_all = is_admin(view.caller);
	spool_open(&view.spool);
	return is_retry ? retry(&view, id) : show(&view);
}
