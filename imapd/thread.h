#ifndef IMAPD_THREAD_H
#define IMAPD_THREAD_H

/*
 * thread - THREAD's two algorithms, RFC 5256 sections 3 and 4.
 *
 * Memory  what the messages refer to, while it runs.
 */

#include "imapd/session.h"

enum thread_algorithm {
	THREAD_ORDEREDSUBJECT,
	THREAD_REFERENCES
};

/* "* THREAD (...)(...)" of the messages; numbers or UIDs as the session's
 * command has it. */
void thread_put(struct session *session, enum thread_algorithm algorithm,
    const struct picks *picks);

#endif
