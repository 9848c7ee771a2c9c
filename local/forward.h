#ifndef LOCAL_FORWARD_H
#define LOCAL_FORWARD_H

/*
 * forward - a new message for the remote members of an alias.
 *
 * Its id is derived from the parent's, and so a repeated forward is answered
 * INJECT_EXISTS, which counts as done.  It gets a Delivered-To line of the
 * alias before it, by which a circle is noticed (RFC 9228), and a Received
 * field (RFC 5321 section 4.4).
 */

#include "local/command.h"

/* Fill *verdict; its text lies in *text. */
void forward_run(const struct command *command, int message_fd, int session,
    struct buf *text, struct verdict *verdict);

#endif
