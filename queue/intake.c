/*
 * intake - from a name to a message in cur/.
 *
 * Names come from the trigger (accepted just now, so whole) and from scans of
 * new/ and cur/ (at the start, and when the trigger may have lost some).  What
 * a scan finds in new/ is checked, since a power cut may have torn it.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "queue/handling.h"

enum {
	SCAN_STEP = 64,        /* names between two looks at other events */
	RESCAN_S = 300,        /* in case a name never came */
	UNTOLD_S = 1,          /* until it is looked for if that is likely */
	UNFINISHED_AGE_S = 60, /* unlocked for so long: its injector is dead */
	TEMPORARY_AGE_S = 86400
};

static void
set_aside(struct manager *manager, const char *name)
{
	char path[NAME_MAX + 8];

	snprintf(path, sizeof(path), "broken/%s", name);
	if (renameat(manager->spool.arrived, name, manager->spool.top, path) ==
	    -1)
		warn_errno("%s cannot be set aside", name);
	else
		log_event("%s not whole, never acknowledged: set aside in "
			  "%s/broken",
		    name, MTA_QUEUE);
}

/* May the manager take what a scan found in new/? */
static bool
is_acceptable(
    struct manager *manager, const char *text, const struct queue_name *name)
{
	struct queue_file file;
	struct stat status;
	int fd = openat(manager->spool.arrived, text,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return false;
	bool is_ready = flock(fd, LOCK_SH | LOCK_NB) == 0;
	bool is_whole = is_ready && queue_file_read(&file, fd, name);
	if (is_whole) {
		is_whole = queue_file_check(&file);
		queue_file_free(&file);
	}
	bool is_torn = is_ready && !is_whole && errno == EBADMSG &&
		       fstat(fd, &status) == 0 &&
		       clock_now() - status.st_mtime > UNFINISHED_AGE_S;
	close(fd);
	if (is_torn)
		set_aside(manager, text);
	return is_whole;
}

/* What is known already was taken while its folder was listed. */
static void
add_message(
    struct manager *manager, const struct queue_name *name, bool is_retry)
{
	struct message *message = message_add(manager, name);

	if (message == NULL)
		return;
	message->is_retry = is_retry;
	message_list_add(
	    is_retry ? &manager->unread : &manager->fresh, message);
}

/* Move it from new/ to cur/; a name that is already there is left to it. */
static void
take(struct manager *manager, const char *text, const struct queue_name *name)
{
	char path[96];

	spool_cur_path(name, path);
	if (renameat2(manager->spool.arrived, text, manager->spool.top, path,
		RENAME_NOREPLACE) == 0) {
		add_message(manager, name, false);
		return;
	}
	if (errno == EEXIST && unlinkat(manager->spool.arrived, text, 0) == 0)
		log_event("%s arrived twice: one dropped", text);
	else if (errno != ENOENT)
		warn_errno("%s cannot be taken", text);
}

bool
intake_take(struct manager *manager, const struct queue_name *name)
{
	char text[QUEUE_NAME_MAX];

	queue_name_format(name, text);
	if (!is_acceptable(manager, text, name))
		return false;
	take(manager, text, name);
	return true;
}

bool
intake_name(struct manager *manager, struct span line)
{
	char text[QUEUE_NAME_MAX];
	struct queue_name name;

	if (line.len >= sizeof(text) || !queue_name_parse(line, &name))
		return false;
	memcpy(text, line.ptr, line.len);
	text[line.len] = '\0';
	take(manager, text, &name);
	return true;
}

/* One line in the log for what one read brought, however much it was. */
static void
complain(const char *fifo, unsigned strange)
{
	if (strange > 0)
		log_event(
		    "%s: %u lines that are not in queue(5)", fifo, strange);
}

static bool
open_scan(struct manager *manager)
{
	char path[16] = "new";

	if (manager->scan_folder >= 0)
		snprintf(path, sizeof(path), "cur/%x",
		    (unsigned)manager->scan_folder);
	int fd = openat(
	    manager->spool.top, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	manager->scan = fd == -1 ? NULL : fdopendir(fd);
	if (manager->scan == NULL && manager->scan_folder >= 0)
		temp_fail("cannot list %s/%s", MTA_QUEUE, path);
	if (manager->scan == NULL)
		warn_errno("cannot list %s/%s", MTA_QUEUE, path);
	return manager->scan != NULL;
}

static void
scan_entry(struct manager *manager, const struct dirent *entry)
{
	struct queue_name name;

	if (!queue_name_parse(span_of(entry->d_name), &name))
		return;
	if (manager->scan_folder >= 0)
		listing_add(&manager->listing, entry->d_ino, &name);
	else
		intake_take(manager, &name);
}

/* False: there is no more in the folder. */
static bool
scan_some(struct manager *manager)
{
	for (int i = 0; i < SCAN_STEP; i++) {
		struct queue_name name;
		struct dirent *entry =
		    manager->scan == NULL ? NULL : readdir(manager->scan);

		if (entry != NULL) {
			scan_entry(manager, entry);
			continue;
		}
		if (manager->scan != NULL)
			closedir(manager->scan);
		manager->scan = NULL;
		if (!listing_take(&manager->listing, &name))
			return false;
		add_message(manager, &name, true);
	}
	return true;
}

/* cur/0 to cur/f at the start, then new/; false at the end of all. */
static bool
next_folder(struct manager *manager)
{
	manager->is_scanning = false;
	if (manager->scan_folder == -1)
		return false;
	if (++manager->scan_folder == SPOOL_FOLDERS)
		manager->scan_folder = -1;
	return true;
}

/* In small steps, so that new mail never waits for it. */
static void
scan_step(evutil_socket_t fd, short what, void *context)
{
	struct manager *manager = context;
	const struct timeval soon = { 0, 0 };

	(void)fd, (void)what;
	if (!manager->is_scanning && !open_scan(manager))
		return;
	manager->is_scanning = true;
	if (scan_some(manager) || next_folder(manager))
		evtimer_add(manager->scan_event, &soon);
	schedule_run(manager);
}

static void
clean_temporary(struct manager *manager)
{
	int fd = openat(
	    manager->spool.top, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat status;

	while (folder != NULL && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.' &&
		    fstatat(manager->spool.temporary, entry->d_name, &status,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    clock_now() - status.st_mtime > TEMPORARY_AGE_S)
			unlinkat(manager->spool.temporary, entry->d_name, 0);
	if (folder != NULL)
		closedir(folder);
}

/* A moment later, when its injector has let go of a file. */
static void
rescan_soon(struct manager *manager)
{
	const struct timeval wait = { UNTOLD_S, 0 };

	if (!evtimer_pending(manager->rescan_event, NULL))
		evtimer_add(manager->rescan_event, &wait);
}

static void
rescan(evutil_socket_t fd, short what, void *context)
{
	struct manager *manager = context;
	const struct timeval soon = { 0, 0 };

	(void)fd, (void)what;
	clean_temporary(manager);
	if (manager->is_scanning || manager->scan_folder != -1)
		rescan_soon(manager); /* the last one still runs */
	else
		evtimer_add(manager->scan_event, &soon);
}

/* "by=UID", which those programs have from the kernel; false: another word. */
static bool
take_asker(struct manager *manager, struct span word)
{
	const size_t len = sizeof("by=") - 1;
	uint64_t uid = UINT32_MAX;
	bool is_there =
	    span_equal(span_slice(word, 0, len), span_of("by=")) &&
	    span_number(span_slice(word, len, word.len), 10, UINT32_MAX, &uid);

	manager->asker = (uint32_t)uid;
	return is_there;
}

/* "retry", "retry ID", "state" or "VERB NAME", from mailq(1) and queue(1). */
static bool
carry_out(struct manager *manager, struct span line)
{
	struct span verb = span_cut(&line, ' ');

	if (take_asker(manager, verb))
		verb = span_cut(&line, ' ');

	if (span_equal(verb, span_of("state"))) {
		state_write(manager);
		return line.len == 0;
	}
	if (!span_equal(verb, span_of("retry")))
		return handling_command(manager, verb, line);
	if (line.len > 0) {
		schedule_retry(manager, line);
		return true;
	}
	schedule_retry_all(manager);
	rescan(-1, 0, manager); /* what an injector left untold, too */
	return true;
}

/* A pipe holds no more than this, and only whole lines. */
static void
take_commands(struct manager *manager)
{
	static char lines[65536];
	ssize_t got = read(manager->command, lines, sizeof(lines));
	struct span rest = { lines, got > 0 ? (size_t)got : 0 };
	unsigned strange = 0;

	if (rest.len > 0)
		settings_refresh(manager);
	while (rest.len > 0)
		if (!carry_out(manager, span_cut(&rest, '\n')))
			strange++;
	complain("command", strange);
}

static void
handle_command(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	take_commands(context);
	schedule_run(context);
}

static void
handle_trigger(evutil_socket_t fd, short what, void *context)
{
	struct manager *manager = context;
	static char names[65536];
	ssize_t got = read(fd, names, sizeof(names));
	struct span rest = { names, got > 0 ? (size_t)got : 0 };
	unsigned strange = 0;

	(void)what;
	/* What was asked for before a message was taken is done to it. */
	take_commands(manager);
	while (rest.len > 0) {
		struct span line = span_cut(&rest, '\n');

		if (line.len > 1 && line.ptr[0] == '@')
			schedule_retry_domain(
			    manager, span_slice(line, 1, line.len));
		else if (!intake_name(manager, line))
			strange++;
	}
	complain("trigger", strange);
	/* A full pipe may have refused names, of injectors that are gone. */
	if (got > 0 && (size_t)got >= manager->spool.trigger_full)
		rescan_soon(manager);
	schedule_run(manager);
}

static void
watch(struct manager *manager, int fd, event_callback_fn callback)
{
	struct event *event = event_new(
	    manager->base, fd, EV_READ | EV_PERSIST, callback, manager);

	if (event == NULL || event_add(event, NULL) == -1)
		temp_fail("out of memory");
}

void
intake_start(struct manager *manager)
{
	const struct timeval often = { RESCAN_S, 0 };
	const struct timeval soon = { 0, 0 };
	struct event *again =
	    event_new(manager->base, -1, EV_PERSIST, rescan, manager);

	manager->command = openat(
	    manager->spool.top, "command", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (manager->command == -1)
		temp_fail(
		    "cannot open %s/command (mtactl init makes it)", MTA_QUEUE);
	manager->scan_event = evtimer_new(manager->base, scan_step, manager);
	manager->rescan_event = evtimer_new(manager->base, rescan, manager);
	if (again == NULL || manager->scan_event == NULL ||
	    manager->rescan_event == NULL)
		temp_fail("out of memory");
	watch(manager, manager->spool.trigger, handle_trigger);
	watch(manager, manager->command, handle_command);
	evtimer_add(manager->scan_event, &soon);
	event_add(again, &often);
}
