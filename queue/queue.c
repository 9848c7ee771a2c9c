/*
 * queue - show the queue and handle what is in it.
 *
 * started by  anyone (setuid mta-queue, setgid mta-inject)
 * uid         mta-queue; arguments are ids, patterns and addresses, nothing
 * else fd 0        addresses (suppress add -) fd 1        what was asked for
 * reads       the queue, also of a message's header (-H) and text (show);
 *             /etc/group
 * writes      queue/command holdrules suppressed; syncs queue/hold
 * exits       0; EX_USAGE; EX_NOINPUT nothing fits; EX_TEMPFAIL;
 *             EX_UNAVAILABLE if no manager runs
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "net/routes.h"
#include "queue/holdrule.h"
#include "queue/outcome.h"
#include "queue/select.h"
#include "queue/shape.h"
#include "queue/standing.h"
#include "queue/suppress.h"
#include "queue/view.h"

static const char usage[] =
    "usage: queue list [-j|--json] [WHICH]   as mailq, only those\n"
    "       queue show ID                    one with its text\n"
    "       queue shape [-j] [-s] [WHICH]    how much for each domain, by age\n"
    "       queue limits                     each destination and its state\n"
    "       queue hold WHICH                 keep them until they are "
    "released\n"
    "       queue release WHICH              let them go\n"
    "       queue retry WHICH                try them again now\n"
    "       queue remove WHICH               take them away, tell nobody\n"
    "       queue fail WHICH                 send them back as undeliverable\n"
    "       queue route HOST[:PORT] WHICH    send them there; - as usual\n"
    "       queue requiretls yes|no|- WHICH  only over TLS (REQUIRETLS), or "
    "not\n"
    "WHICH: ID ... | -a all | -w held | -f SENDER | -r RECIPIENT | -d DOMAIN "
    "|\n"
    "       -H 'FIELD: PATTERN' | -o AGE at least | -y AGE at most (30m 4h 5d)";

/* A line of the log is not endless: apart. */
static const char usage_lists[] =
    "usage: queue holdrule add [-q] -a | [-f SENDER] [-d DOMAIN]\n"
    "                                        hold such mail as it arrives; "
    "-q:\n"
    "                                        and what is queued\n"
    "       queue holdrule list [-j|--json]\n"
    "       queue holdrule remove -a | NUMBER ...\n"
    "       queue suppress add [-m WHY] ADDRESS ... | -\n"
    "                                        send them nothing more\n"
    "       queue suppress list [-j|--json] [ADDRESS ...]\n"
    "       queue suppress remove -a | ADDRESS ...";

enum {
	WAIT_MS = 10000,
	SHAPE_ROWS = 50,
	PROGRESS = 1000
};

struct request {
	struct view view;
	struct selection selection;
	struct shape shape;
	const char *verb;
	const char *route; /* where to, "" as usual; NULL: another verb */
	const char *tls;   /* yes, no or -; NULL: another verb */
	struct buf lines;  /* for the manager, not yet told */
	struct buf names;  /* of all that it was told of, each with LF */
	bool may_find_none;
	unsigned long found;
	unsigned long kept; /* by their senders: no retry moves them */
};

/* ---- what only shows ---- */

static void
list(void *context, const struct queue_file *file, bool is_held)
{
	struct request *request = context;

	if (selection_has(&request->selection, file, is_held))
		view_print(&request->view, file, is_held);
}

static void
shape(void *context, const struct queue_file *file, bool is_held)
{
	struct request *request = context;

	if (selection_has(&request->selection, file, is_held))
		shape_add(&request->shape, file);
}

static void
show(void *context, const struct queue_file *file, bool is_held)
{
	struct request *request = context;
	uint64_t at = file->message_offset;
	uint64_t end = at + file->message_length;
	static char bytes[65536];

	if (!selection_has(&request->selection, file, is_held))
		return;
	request->found++;
	view_print(&request->view, file, is_held);
	putchar('\n');
	while (at < end) {
		size_t most = end - at < sizeof(bytes) ? (size_t)(end - at)
						       : sizeof(bytes);
		ssize_t got = pread(file->fd, bytes, most, (off_t)at);

		if (got <= 0)
			temp_fail("cannot read %s", file->name.id.text);
		fwrite(bytes, 1, (size_t)got, stdout);
		at += (uint64_t)got;
	}
}

/* ---- what changes ---- */

static void
tell(struct request *request)
{
	if (request->lines.len > 0)
		view_tell(&request->view, buf_span(&request->lines));
	buf_clear(&request->lines);
}

static bool
is_meant(
    const struct request *request, const struct queue_file *file, bool is_held)
{
	if (!selection_has(&request->selection, file, is_held))
		return false;
	if (is_held)
		return request->view.sees_all &&
		       strcmp(request->verb, "retry") != 0 &&
		       strcmp(request->verb, "hold") != 0;
	return strcmp(request->verb, "release") != 0 ||
	       outcome_is_sender_holding(file);
}

static void
ask(void *context, const struct queue_file *file, bool is_held)
{
	struct request *request = context;
	char name[QUEUE_NAME_MAX];
	bool is_retry = strcmp(request->verb, "retry") == 0;

	if (!is_meant(request, file, is_held))
		return;
	if (is_retry && outcome_is_sender_holding(file)) {
		request->kept++;
		return;
	}
	/* An administrator's hold ends first; the next one ends the sender's.
	 */
	bool is_early = !is_held && strcmp(request->verb, "release") == 0;
	queue_name_format(&file->name, name);
	/* Lines that are written at once stay together up to PIPE_BUF. */
	if (request->lines.len + sizeof(name) + ROUTE_TEXT_MAX + 32 > PIPE_BUF)
		tell(request);
	buf_printf(&request->lines, "by=%u %s %s", request->view.caller,
	    is_early ? "early" : request->verb,
	    is_retry ? file->name.id.text : name);
	if (request->route != NULL && request->route[0] != '\0')
		buf_printf(&request->lines, " %s", request->route);
	if (request->tls != NULL)
		buf_printf(&request->lines, " %s", request->tls);
	buf_add_char(&request->lines, '\n');
	buf_printf(&request->names, "%s%s\n", name, is_early ? " early" : "");
	if (++request->found % PROGRESS == 0 && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%lu ", request->found);
}

/* As long as the manager gets on it is waited for; what it has not done then
 * it does when they are back. */
static unsigned long
count_undone(const struct request *request)
{
	struct span rest = buf_span(&request->names);
	int64_t deadline = clock_ms() + WAIT_MS;
	unsigned long undone = 0;
	const struct outcome outcome = { .top = request->view.spool.top,
		.verb = request->verb,
		.route = request->route,
		.tls = request->tls };

	while (rest.len > 0) {
		struct span line = span_cut(&rest, '\n');

		while (
		    !outcome_is_there(&outcome, line) && clock_ms() < deadline)
			usleep(5000);
		if (!outcome_is_there(&outcome, line))
			undone++;
		else if (clock_ms() < deadline)
			deadline = clock_ms() + WAIT_MS;
	}
	return undone;
}

static void
sync_folders(const struct view *view)
{
	int fd =
	    openat(view->spool.top, "hold", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1 || syncfs(fd) == -1)
		temp_fail("cannot sync the queue");
	close(fd);
}

/* Are files moved or removed, and not only recipients tried? */
static bool
moves(const struct request *request)
{
	return strcmp(request->verb, "retry") != 0 &&
	       strcmp(request->verb, "fail") != 0;
}

static int
change(struct request *request)
{
	if (!request->view.sees_all &&
	    (strcmp(request->verb, "hold") == 0 ||
		strcmp(request->verb, "release") == 0 ||
		request->route != NULL || request->tls != NULL))
		die(EX_NOPERM, "for root and group mta-admin only");
	if (!selection_says(&request->selection))
		die(EX_USAGE, "which ones?  -a for all\n%s", usage);
	view_walk(&request->view, ask, request);
	tell(request);
	if (isatty(STDERR_FILENO) && request->found >= PROGRESS)
		fputc('\r', stderr);
	if (request->found == 0 && !request->may_find_none)
		die(EX_NOINPUT,
		    request->kept > 0
			? "held by their senders: queue release lets them go"
			: "no message in the queue fits");
	unsigned long undone = 0;
	if (moves(request)) {
		undone = count_undone(request);
		sync_folders(&request->view);
	}
	printf("%s: %lu message%s\n", request->verb, request->found,
	    request->found == 1 ? "" : "s");
	if (request->kept > 0)
		printf("%lu held by their senders: not tried\n", request->kept);
	if (undone > 0)
		printf("%lu on the way now: when they are back\n", undone);
	return fflush(stdout) == EOF ? EX_IOERR : EX_OK;
}

/* ---- arguments ---- */

static void
take_age(const char *text, int64_t *seconds)
{
	if (!selection_age(text, seconds))
		die(EX_USAGE, "%s: an age is 90s, 30m, 4h or 5d", text);
}

static void
take_option(struct request *request, int option)
{
	struct selection *selection = &request->selection;

	switch (option) {
	case 'a':
		selection->is_all = true;
		break;
	case 'w':
		selection->is_held = true;
		break;
	case 'f':
		selection->sender = optarg;
		break;
	case 'r':
		selection->recipient = optarg;
		break;
	case 'd':
		selection->domain = optarg;
		break;
	case 'H':
		if (strchr(optarg, ':') == NULL)
			die(EX_USAGE, "%s: should be FIELD: PATTERN", optarg);
		selection->field = optarg;
		break;
	case 'o':
		take_age(optarg, &selection->older_s);
		break;
	case 'y':
		take_age(optarg, &selection->younger_s);
		break;
	case 'j':
		request->view.is_json = true;
		break;
	case 's':
		request->shape.by_sender = true;
		break;
	default:
		die(EX_USAGE, "%s", usage);
	}
}

static void
take_route(struct request *request, const char *text)
{
	struct route route = { .port = 0 };

	if (text == NULL)
		die(EX_USAGE, "route where?\n%s", usage);
	if (strcmp(text, "-") != 0 && !route_parse(span_of(text), &route))
		die(EX_USAGE,
		    "%s: write HOST, HOST:PORT or [ADDRESS]:PORT, smtps: or "
		    "lmtp: before it if it speaks that",
		    text);
	request->route = strcmp(text, "-") == 0 ? "" : text;
}

static void
take_tls(struct request *request, const char *text)
{
	if (text == NULL ||
	    (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0 &&
		strcmp(text, "-") != 0))
		die(EX_USAGE,
		    "requiretls yes, no, or - as its sender has it\n%s", usage);
	request->tls = text;
}

static void
take_arguments(struct request *request, int argc, char **argv)
{
	static const struct option words[] = { { .name = "json", .val = 'j' },
		{ .name = NULL } };
	struct queue_id id;
	int option;

	request->verb = argv[1];
	optind = 2;
	if (strcmp(request->verb, "route") == 0)
		take_route(request, argv[optind++]);
	else if (strcmp(request->verb, "requiretls") == 0)
		take_tls(request, argv[optind++]);
	opterr = 0;
	while ((option = getopt_long(
		    argc, argv, "awf:r:d:H:o:y:js", words, NULL)) != -1)
		take_option(request, option);
	for (int i = optind; i < argc; i++)
		if (!queue_id_parse(span_of(argv[i]), &id))
			die(EX_USAGE, "%s is not a queue id", argv[i]);
	request->selection.ids = (const char *const *)argv + optind;
	request->selection.id_count = (size_t)(argc - optind);
}

static int
run(struct request *request)
{
	struct view *view = &request->view;

	if (strcmp(request->verb, "list") == 0) {
		view_walk(view, list, request);
		view_print_total(view);
	} else if (strcmp(request->verb, "shape") == 0) {
		view_walk(view, shape, request);
		shape_print(&request->shape, SHAPE_ROWS, view->is_json);
	} else if (strcmp(request->verb, "show") == 0) {
		if (request->selection.id_count != 1)
			die(EX_USAGE, "show takes one queue id");
		view_walk(view, show, request);
		if (request->found == 0)
			die(EX_NOINPUT, "no such message in the queue");
	} else if (strcmp(request->verb, "limits") == 0) {
		standing_print(view);
	} else {
		return change(request);
	}
	return fflush(stdout) == EOF ? EX_IOERR : EX_OK;
}

static int
hold_by_rule(struct request *request, int argc, char **argv)
{
	view_open(&request->view);
	if (!holdrule_run(
		&request->view, argc, argv, usage_lists, &request->selection))
		return fflush(stdout) == EOF ? EX_IOERR : EX_OK;
	request->verb = "hold";
	request->may_find_none = true;
	return change(request);
}

static int
suppress(struct request *request, int argc, char **argv)
{
	view_open(&request->view);
	suppress_run(&request->view, argc, argv, usage_lists);
	return fflush(stdout) == EOF ? EX_IOERR : EX_OK;
}

int
main(int argc, char **argv)
{
	static const char *const verbs[] = { "list", "show", "shape", "limits",
		"hold", "release", "retry", "remove", "fail", "route",
		"requiretls", "holdrule", "suppress" };
	static struct request request;
	bool is_known = false;

	program_name("queue");
	closefrom(3);
	umask(077); /* what it makes is the manager's alone */
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return printf("%s\n%s\n", usage, usage_lists) < 0 ? EX_IOERR
								  : EX_OK;
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(*verbs); i++)
		is_known = is_known || strcmp(argv[1], verbs[i]) == 0;
	if (!is_known)
		die(EX_USAGE, "%s", usage);
	request.lines = buf_new(PIPE_BUF);
	request.names = buf_new(SIZE_MAX / 2);
	if (strcmp(argv[1], "holdrule") == 0)
		return hold_by_rule(&request, argc - 1, argv + 1);
	if (strcmp(argv[1], "suppress") == 0)
		return suppress(&request, argc - 1, argv + 1);
	take_arguments(&request, argc, argv);
	view_open(&request.view);
	return run(&request);
}
