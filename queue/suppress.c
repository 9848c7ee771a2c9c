#include "queue/suppress.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/die.h"
#include "base/paths.h"
#include "queue/suppressed.h"

enum {
	LINES_MAX = 128 << 20 /* bytes: more than the list can hold */
};

struct request {
	const struct view *view;
	const char *usage;
	const char *why;
	bool is_all;
	bool is_json;
	unsigned long changed;
	unsigned long unchanged;
};

static _Noreturn void
cannot_read(void)
{
	temp_fail("cannot read %s/suppressed", MTA_QUEUE);
}

static _Noreturn void
cannot_write(const struct request *request)
{
	if (errno == ENOSPC)
		die(EX_UNAVAILABLE,
		    "the suppression list is full: over a million addresses; "
		    "%lu were changed",
		    request->changed);
	temp_fail(
	    "%lu addresses were changed, then: cannot write %s/suppressed",
	    request->changed, MTA_QUEUE);
}

static bool
is_address(struct span address)
{
	for (size_t i = 0; i < address.len; i++)
		if ((unsigned char)address.ptr[i] < ' ' ||
		    address.ptr[i] == 0x7f)
			return false;
	return address.len > 0 && address.len <= ENVELOPE_ADDRESS_MAX;
}

/* For the log, which is the manager's. */
static void
tell(const struct view *view, const char *verb, struct span what)
{
	struct buf line = buf_new(ENVELOPE_ADDRESS_MAX + 64);

	buf_printf(&line, "by=%u suppress %s %.*s\n", view->caller, verb,
	    (int)what.len, what.ptr);
	view_tell_if_running(view, buf_span(&line));
	buf_free(&line);
}

static void
sync_list(const struct view *view)
{
	int fd = openat(
	    view->spool.top, "suppressed", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd != -1 && syncfs(fd) == -1)
		temp_fail("cannot sync the queue");
	if (fd != -1)
		close(fd);
}

static void
finish(const struct request *request, const char *verb, const char *otherwise)
{
	sync_list(request->view);
	printf("%s: %lu address%s\n", verb, request->changed,
	    request->changed == 1 ? "" : "es");
	if (request->unchanged > 0)
		printf("%lu %s\n", request->unchanged, otherwise);
}

/* ---- add ---- */

static bool
add(struct request *request, struct span address)
{
	const struct suppressed entry = { .kind = 's',
		.address = address,
		.when = time(NULL),
		.uid = request->view->caller,
		.why = span_of(request->why) };

	int added = suppressed_add(request->view->spool.top, &entry, true);
	if (added == -1) {
		int error = errno;

		sync_list(request->view);
		errno = error;
		cannot_write(request);
	}
	if (added == 1)
		request->changed++;
	else
		request->unchanged++;
	return added == 1;
}

/* All are looked at before one is added. */
static void
check_lines(struct span lines)
{
	for (unsigned long number = 1; lines.len > 0; number++) {
		struct span line = span_trim(span_cut(&lines, '\n'));

		if (line.len > 0 && !is_address(line))
			die(EX_DATAERR,
			    "line %lu is no address: nothing was added",
			    number);
	}
}

static struct buf
read_lines(void)
{
	struct buf lines = buf_new(LINES_MAX);
	char part[16384];
	size_t got;

	while ((got = fread(part, 1, sizeof(part), stdin)) > 0) {
		if (lines.len + got > LINES_MAX)
			die(EX_DATAERR,
			    "more than %d MiB: nothing was added; divide the "
			    "list",
			    LINES_MAX >> 20);
		buf_add(&lines, (struct span){ part, got });
	}
	if (ferror(stdin))
		temp_fail("cannot read the addresses");
	return lines;
}

/* A long list: one line in the log. */
static void
add_lines(struct request *request)
{
	struct buf lines = read_lines();
	struct span rest = buf_span(&lines);
	struct buf text = buf_new(64);

	check_lines(rest);
	while (rest.len > 0) {
		struct span address = span_trim(span_cut(&rest, '\n'));

		if (address.len > 0)
			add(request, address);
	}
	buf_printf(&text, "%lu addresses", request->changed);
	tell(request->view, "added", buf_span(&text));
	buf_free(&text);
	buf_free(&lines);
}

static void
add_all(struct request *request, char **addresses)
{
	if (*addresses == NULL)
		die(EX_USAGE, "which addresses?\n%s", request->usage);
	for (char **address = addresses; *address != NULL; address++)
		if (!is_address(span_of(*address)))
			die(EX_USAGE, "%s: write an address", *address);
	for (; *addresses != NULL; addresses++)
		if (strcmp(*addresses, "-") == 0)
			add_lines(request);
		else if (add(request, span_of(*addresses)))
			tell(request->view, "added", span_of(*addresses));
	finish(request, "suppressed", "on the list already");
}

/* ---- list ---- */

static void
print(const struct request *request, const struct suppressed *entry)
{
	time_t when = (time_t)entry->when;
	char date[24] = "";
	struct tm day;

	if (request->is_json) {
		printf("{\"address\":");
		view_print_json_string(entry->address);
		printf(",\"since\":%lld", (long long)entry->when);
		if (entry->uid != UINT32_MAX)
			printf(",\"uid\":%llu", (unsigned long long)entry->uid);
		printf(",\"why\":");
		view_print_json_string(entry->why);
		puts("}");
		return;
	}
	if (localtime_r(&when, &day) != NULL)
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M", &day);
	view_print_text(entry->address);
	printf("  %s  ", date);
	view_print_text(entry->why);
	putchar('\n');
}

static void
list_named(struct request *request, char **addresses)
{
	struct buf room = buf_new(SUPPRESSED_FILE_MAX);
	struct suppressed entry;

	for (; *addresses != NULL; addresses++) {
		int found = suppressed_find(request->view->spool.top,
		    span_of(*addresses), &room, &entry);

		if (found == -1)
			cannot_read();
		if (found == 0)
			continue;
		request->changed++;
		print(request, &entry);
	}
	if (request->changed == 0)
		die(EX_NOINPUT, "not on the list");
	buf_free(&room);
}

/* Each that is there. */
static void
walk(struct request *request,
    void (*take)(struct request *request, const struct suppressed *entry))
{
	struct buf lines = buf_new(SUPPRESSED_FILE_MAX);
	struct suppressed entry;

	for (unsigned i = 0; i < SUPPRESSED_FILES; i++) {
		if (suppressed_read(request->view->spool.top, i, &lines) == -1)
			cannot_read();
		struct span rest = buf_span(&lines);
		while (suppressed_next(&rest, &entry))
			if (entry.kind == 's')
				take(request, &entry);
	}
	buf_free(&lines);
}

static void
take_to_print(struct request *request, const struct suppressed *entry)
{
	print(request, entry);
}

/* ---- remove ---- */

static bool
remove_one(struct request *request, struct span address)
{
	int removed = suppressed_remove(request->view->spool.top, address);

	if (removed == -1)
		cannot_write(request);
	if (removed == 1)
		request->changed++;
	else
		request->unchanged++;
	return removed == 1;
}

static void
take_to_remove(struct request *request, const struct suppressed *entry)
{
	remove_one(request, entry->address);
}

static void
remove_all(struct request *request, char **addresses)
{
	if (request->is_all == (*addresses != NULL))
		die(EX_USAGE, "which addresses?  -a for all\n%s",
		    request->usage);
	if (request->is_all) {
		walk(request, take_to_remove);
		tell(request->view, "removed", span_of("all"));
	}
	for (; *addresses != NULL; addresses++)
		if (remove_one(request, span_of(*addresses)))
			tell(request->view, "removed", span_of(*addresses));
	if (request->changed == 0)
		die(EX_NOINPUT, "not on the list");
	finish(request, "removed", "not on the list");
}

/* ---- arguments ---- */

static void
take_options(struct request *request, int argc, char **argv)
{
	static const struct option words[] = { { .name = "json", .val = 'j' },
		{ .name = NULL } };
	int option;

	optind = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "ajm:", words, NULL)) != -1)
		switch (option) {
		case 'a':
			request->is_all = true;
			break;
		case 'j':
			request->is_json = true;
			break;
		case 'm':
			request->why = optarg;
			break;
		default:
			die(EX_USAGE, "%s", request->usage);
		}
}

void
suppress_run(struct view *view, int argc, char **argv, const char *usage)
{
	struct request request = {
		.view = view, .usage = usage, .why = "by an administrator"
	};

	if (!view->sees_all)
		die(EX_NOPERM, "for root and group mta-admin only");
	if (argc < 2)
		die(EX_USAGE, "%s", usage);
	const char *verb = argv[1];
	take_options(&request, argc - 1, argv + 1);
	char **rest = argv + 1 + optind;
	if (strcmp(verb, "add") == 0)
		add_all(&request, rest);
	else if (strcmp(verb, "remove") == 0)
		remove_all(&request, rest);
	else if (strcmp(verb, "list") == 0 && *rest == NULL)
		walk(&request, take_to_print);
	else if (strcmp(verb, "list") == 0)
		list_named(&request, rest);
	else
		die(EX_USAGE, "%s", usage);
}
