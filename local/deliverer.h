#ifndef LOCAL_DELIVERER_H
#define LOCAL_DELIVERER_H

/*
 * deliverer - executes commands as one user; local-deliver(8).
 *
 * It runs under the recipient's uid without a jail (what a user may do, his
 * programs may do) and answers each command with a verdict.  What goes wrong
 * on our side, or may go right later, is VERDICT_LATER.
 */

#include <stdint.h>

/* Serve commands from fd until it closes; an exit code. */
int deliverer_run(int fd, int64_t program_timeout_ms);

#endif
