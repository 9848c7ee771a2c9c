#ifndef LOCAL_PROGRAM_H
#define LOCAL_PROGRAM_H

/*
 * program - run a command line of an alias or a user with a message.
 *
 * /bin/sh -c COMMAND in the user's home, a session of its own, a clean
 * environment (SENDER RECIPIENT LOCAL DOMAIN EXTENSION USER LOGNAME HOME SHELL
 * PATH QUEUE_ID), the message on descriptor 0 with Return-Path and
 * Delivered-To before it, its output (512 bytes at most) becomes the verdict's
 * text.  Exit codes are qmail-local's: 0 and 99 delivered; 100 64 65 70 76 77
 * 78 112 failed for good; any other, and a signal, later.
 */

#include "local/command.h"

enum {
	PROGRAM_OUTPUT_MAX = 512
};

/*
 * Fill kind, code and text of *verdict; text lies in *output.  The program is
 * stopped after timeout_ms, or when nobody is left at the other end of
 * parser_fd.
 */
void program_run(const struct command *command, int parser_fd, int message_fd,
    int64_t timeout_ms, struct buf *output, struct verdict *verdict);

/* What an exit code of a program means. */
enum verdict_kind program_verdict(int exit_code);

#endif
