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

#include <stdio.h>
#include <string.h>

#include <bsd/unistd.h>

#include "base/die.h"
#include "queue/view.h"

static const char usage[] =
    "usage: mailq [-j | --json]           show the queue\n"
    "       mailq -q [-I QUEUE-ID]        try all (or one) again now";

static void
show(void *context, const struct queue_file *file, bool is_held)
{
	view_print(context, file, is_held);
}

static void
retry(const struct view *view, const char *id)
{
	struct buf line = buf_new(64);
	struct queue_id parsed;

	if (id != NULL && !queue_id_parse(span_of(id), &parsed))
		die(EX_USAGE, "%s is not a queue id", id);
	buf_printf(&line, "by=%u retry%s%s\n", view->caller,
	    id == NULL ? "" : " ", id == NULL ? "" : id);
	view_tell(view, buf_span(&line));
	buf_free(&line);
}

int
main(int argc, char **argv)
{
	static struct view view;
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
	view_open(&view);
	if (is_retry) {
		retry(&view, id);
		return EX_OK;
	}
	view_walk(&view, show, &view);
	view_print_total(&view);
	return fflush(stdout) == EOF ? EX_IOERR : EX_OK;
}
