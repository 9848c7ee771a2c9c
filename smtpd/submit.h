#ifndef SMTPD_SUBMIT_H
#define SMTPD_SUBMIT_H

/*
 * submit - the way into the queue: a session with the queue-inject service,
 * or, by hand, a queue-inject program for each message.
 *
 * The first SUBMIT_HELD bytes wait in memory, so that a small message is one
 * packet, or a request that the injector can finish at once; a larger one
 * streams.  A failure is sticky, and told by submit_finish.
 */

#include <sys/types.h>

#include "queue/inject.h"

enum {
	SUBMIT_HELD = 60 << 10
};

struct submission {
	struct queue_id id;
	int session; /* -1: by a program */
	pid_t program;
	struct injection injection;
	struct span envelope; /* whole, with its end; the caller's memory */
	struct buf held;
	bool is_open;
	bool has_failed;
};

void submit_init(struct submission *submission, const struct queue_id *id,
    int session, struct span envelope);
void submit_add(struct submission *submission, struct span bytes);
void submit_abort(struct submission *submission);

/* Wait for the verdict; *text says why it is not INJECT_KEPT. */
enum inject_verdict submit_finish(
    struct submission *submission, struct buf *text);

#endif
