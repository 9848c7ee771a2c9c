#ifndef IMAPD_PROGRESS_H
#define IMAPD_PROGRESS_H

/*
 * progress - "* OK [INPROGRESS ...]" while a command takes long, RFC 9585.
 *
 * Never waits: where the client does not read, the notice is left out, for a
 * folder may be locked meanwhile.
 */

#include <stdint.h>

struct session;

struct progress {
	int64_t next_ms; /* when the next notice is due, by clock_ms */
	uint64_t done;   /* messages, each as often as it is looked at */
	uint64_t goal;   /* 0: not known */
};

/* A command begins, nothing of it is done. */
void progress_begin(struct session *session);

/* One message more; session is a struct session. */
void progress_tick(void *session);

#endif
