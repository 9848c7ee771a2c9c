#ifndef QUEUE_VIEW_H
#define QUEUE_VIEW_H

/*
 * view - the queue as mailq(1) and queue(1) show it, to people and programs.
 *
 * Who  root and group mta-admin see all, others what they sent from here.
 */

#include <sys/types.h>

#include "queue/spool.h"

struct view {
	struct spool spool;
	uid_t caller;
	bool sees_all;
	bool is_json;
	unsigned long messages; /* printed */
	unsigned long long bytes;
};

/* Ends the program with EX_TEMPFAIL and the mend. */
void view_open(struct view *view);

/* Hand each message that the caller may see to take, open. */
typedef void view_take(
    void *context, const struct queue_file *file, bool is_held);
void view_walk(struct view *view, view_take *take, void *context);

/* One message, as text or as a line of JSON; and the last line. */
void view_print(struct view *view, const struct queue_file *file, bool is_held);
void view_print_total(const struct view *view);

/*
 * Lines to the manager's command FIFO, at most PIPE_BUF bytes; queue(5).  Ends
 * the program if no manager runs.
 */
void view_tell(const struct view *view, struct span lines);
/* The same, but false if none runs. */
bool view_tell_if_running(const struct view *view, struct span lines);

/* With quotes, as UTF-8; and for a terminal, without control characters. */
void view_print_json_string(struct span text);
void view_print_text(struct span text);

#endif
