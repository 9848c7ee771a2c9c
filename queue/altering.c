#include "queue/altering.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/die.h"
#include "net/routes.h"
#include "queue/handling.h"

static_assert(
    (int)QUEUE_ROUTE_MAX >= (int)ROUTE_TEXT_MAX, "a route fits its attribute");

struct alteration {
	const char *verb;
	bool (*is_right)(struct span value);
	bool (*set)(int fd, struct span value);
	const char *done; /* for the log, and the value behind it */
	const char *cannot;
};

/* ---- each of them ---- */

static bool
is_nothing(struct span value)
{
	return value.len == 0;
}

static bool
release(int fd, struct span value)
{
	(void)value;
	return queue_file_set_release(fd, clock_now());
}

/* None takes it away. */
static bool
is_route(struct span value)
{
	struct route route = { .port = 0 };

	return value.len == 0 || route_parse(value, &route);
}

static bool
is_tls(struct span value)
{
	static const char *const words[] = { "yes", "no", "-" };

	return span_is_one_of(value, words, sizeof(words) / sizeof(*words));
}

static const struct alteration alterations[] = {
	{ "early", is_nothing, release, "released before its sender's time",
	    "released" },
	{ "route", is_route, queue_file_set_route, "route=", "routed" },
	{ "requiretls", is_tls, queue_file_set_tls,
	    "requiretls=", "marked for TLS" },
};

static const struct alteration *
find(struct span verb)
{
	for (size_t i = 0; i < sizeof(alterations) / sizeof(*alterations); i++)
		if (span_equal(verb, span_of(alterations[i].verb)))
			return &alterations[i];
	return NULL;
}

bool
altering_is_verb(struct span verb)
{
	return find(verb) != NULL;
}

/* ---- a message ---- */

/* The file, held or not; -1 with errno set. */
static int
open_file(const struct manager *manager, const struct queue_name *name)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
	char path[96];

	spool_cur_path(name, path);
	int fd = openat(manager->spool.top, path, flags);
	if (fd == -1 && errno == ENOENT) {
		handling_hold_path(name, path);
		fd = openat(manager->spool.top, path, flags);
	}
	return fd;
}

static void
log_done(const struct manager *manager, const struct queue_name *name,
    const struct alteration *alteration, struct span value)
{
	char what[QUEUE_ROUTE_MAX + 40];

	snprintf(what, sizeof(what), "%s%.*s", alteration->done, (int)value.len,
	    value.len == 0 ? "" : value.ptr);
	handling_log(manager, name->id.text, what);
}

static bool
alter(const struct manager *manager, const struct queue_name *name,
    const struct alteration *alteration, struct span value)
{
	int fd = open_file(manager, name);
	bool is_set = fd != -1 && alteration->set(fd, value);

	if (is_set)
		log_done(manager, name, alteration, value);
	else
		warn_errno(
		    "%s cannot be %s", name->id.text, alteration->cannot);
	if (fd != -1)
		close(fd);
	return is_set;
}

static bool
is_known(const struct manager *manager, const struct queue_name *name)
{
	return message_find(manager, span_of(name->id.text)) != NULL ||
	       handling_is_unread(manager, name);
}

/* One that is held stays so. */
bool
altering_command(struct manager *manager, struct span verb, struct span text)
{
	const struct alteration *alteration = find(verb);
	struct span word = span_cut(&text, ' ');
	struct queue_name name;

	if (alteration == NULL || !queue_name_parse(word, &name) ||
	    !alteration->is_right(text))
		return false;
	if (!is_known(manager, &name))
		intake_take(manager, &name);
	if (alter(manager, &name, alteration, text) && is_known(manager, &name))
		handling_give(manager, &name, ORDER_SORT);
	return true;
}
