#include "queue/outcome.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

bool
outcome_is_sender_holding(const struct queue_file *file)
{
	return file->envelope.hold_until > (int64_t)time(NULL);
}

static bool
is_in(const struct outcome *outcome, const char *folder, struct span name)
{
	struct buf path = buf_new(128);
	struct stat status;

	buf_printf(&path, "%s/%.*s", folder, (int)name.len, name.ptr);
	bool is_there = fstatat(outcome->top, buf_string(&path), &status,
			    AT_SYMLINK_NOFOLLOW) == 0;
	buf_free(&path);
	return is_there;
}

static int
open_in(const struct outcome *outcome, const char *folder, struct span name)
{
	struct buf path = buf_new(128);

	buf_printf(&path, "%s/%.*s", folder, (int)name.len, name.ptr);
	int fd = openat(
	    outcome->top, buf_string(&path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	buf_free(&path);
	return fd;
}

/* Does its sender no longer hold it? */
static bool
is_free(const struct outcome *outcome, const char *folder, struct span text)
{
	int fd = open_in(outcome, folder, text);
	struct queue_name name;
	struct queue_file file;
	bool is_held = true;

	if (fd == -1)
		return false;
	if (queue_name_parse(text, &name) &&
	    queue_file_read(&file, fd, &name)) {
		queue_file_take_release(&file);
		is_held = outcome_is_sender_holding(&file);
		queue_file_free(&file);
	}
	close(fd);
	return !is_held;
}

/* Does the file in the folder have the route that was asked for? */
static bool
is_routed(const struct outcome *outcome, const char *folder, struct span name)
{
	char route[QUEUE_ROUTE_MAX + 1];
	const struct queue_file file = { .fd = open_in(outcome, folder, name) };

	if (file.fd == -1)
		return false;
	queue_file_route(&file, route);
	close(file.fd);
	return strcmp(route, outcome->route) == 0;
}

/* Is REQUIRETLS what was asked for? */
static bool
is_secured(const struct outcome *outcome, const char *folder, struct span name)
{
	int fd = open_in(outcome, folder, name);

	if (fd == -1)
		return false;
	const char *now = queue_file_tls(fd);
	close(fd);
	return strcmp(now, outcome->tls) == 0;
}

bool
outcome_is_there(const struct outcome *outcome, struct span line)
{
	struct span text = span_cut(&line, ' ');
	char cur[8] = "cur/";

	/* By the last digit of its id, as spool_cur_path has it. */
	cur[4] = text.ptr[QUEUE_ID_LEN - 1];
	bool is_held = is_in(outcome, "hold", text);
	bool is_there =
	    is_in(outcome, cur, text) || is_in(outcome, "new", text);
	if (strcmp(outcome->verb, "hold") == 0)
		return is_held || !is_there;
	if (strcmp(outcome->verb, "remove") == 0)
		return !is_held && !is_there;
	if (outcome->route != NULL) /* or it has gone */
		return is_routed(outcome, is_held ? "hold" : cur, text) ||
		       (!is_held && !is_there);
	if (outcome->tls != NULL)
		return is_secured(outcome, is_held ? "hold" : cur, text) ||
		       (!is_held && !is_there);
	if (line.len > 0) /* its sender's time is over */
		return is_held || !is_there || is_free(outcome, cur, text);
	return !is_held;
}
