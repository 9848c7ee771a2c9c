#ifndef QUEUE_OUTCOME_H
#define QUEUE_OUTCOME_H

/*
 * outcome - has the manager done what queue(1) asked it to do?
 */

#include "queue/file.h"

struct outcome {
	int top; /* the queue's folder */
	const char *verb;
	const char *route; /* where to, "" as usual; NULL: another verb */
	const char *tls;   /* yes, no or -; NULL: another verb */
};

/* FUTURERELEASE: is its time still to come? */
bool outcome_is_sender_holding(const struct queue_file *file);

/*
 * Is the file where the verb puts it?  The line is its name, with " early"
 * behind it if it is its sender who held it.
 */
bool outcome_is_there(const struct outcome *outcome, struct span line);

#endif
