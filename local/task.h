#ifndef LOCAL_TASK_H
#define LOCAL_TASK_H

/*
 * task - one delivery, from the manager's packet to its verdict.
 *
 * Stages: look for a loop; expand the recipient; read :include: files, which
 * may expand further; then do every action.  One action that is for later
 * makes the whole delivery later: what was done is found done the next time
 * (names in Maildirs and ids of forwards are derived from the message).
 */

#include "local/parser.h"

/* Begin what the packet asks for; takes its descriptor. */
void task_start(struct parser *parser, struct packet *packet);

/* The pool's callbacks; context is the parser. */
int task_fill(void *context, const struct work *work, struct command *command,
    int fds[2]);
void task_done(
    void *context, struct work *work, const struct verdict *verdict, int fd);

#endif
