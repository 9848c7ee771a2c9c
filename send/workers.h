#ifndef SEND_WORKERS_H
#define SEND_WORKERS_H

/*
 * workers - processes that carry one channel after another.
 *
 * Of mail for many hosts, fork, page faults and exit took half of the time
 * where each connection had a process of its own.  So a process whose channel
 * has ended says that it is free, and is handed another one, whatever its host
 * is.  (DESIGN has a process for one host.  What this gives up is bounded: who
 * takes a process over from outside, which no known fault allows, has the
 * messages of those that come after it, USES in all, and what memory has kept
 * of those before it; with control/maxuseremote 1 none does.)  Not so with a
 * log-in, or over a customer's connection: that process ends with its channel.
 * TLS is another process's for each channel, as the session with tlsd is new.
 *
 * One that is free for WORKER_IDLE_MS is told to go, by the other end's
 * closing: the parent decides, so that no channel goes to one that ends.
 */

#include "base/packet.h"

enum {
	WORKERS_MAX = 500, /* as control/concurrencyremote's */
	WORKER_IDLE_MS = 1000
};

struct worker {
	int end; /* -1: no worker */
	bool is_free;
	uint64_t left; /* channels that it may still have */
	int64_t free_ms;
};

struct workers {
	int watch;     /* readable when one says that it is free, or ends */
	uint64_t uses; /* control/maxuseremote: channels of one process */
	uint64_t free;
	int64_t swept_ms;
	struct worker all[WORKERS_MAX];
};

/* ---- the parent ---- */

/* Before the jail closes. */
void workers_init(struct workers *workers, uint64_t uses);

/*
 * Send it to a free one: the packet that opens a channel, the channel, and a
 * new session with tlsd, or -1.  They stay the caller's.  False if none is
 * free.
 */
bool workers_hand_over(
    struct workers *workers, struct span opening, int channel, int tls);

/*
 * For one that is about to begin: a pair, of which the first end is its own; -1
 * twice if it is to have one channel only.
 */
void workers_open(struct workers *workers, int ends[2]);

/* After the fork, or without one: its end is closed. */
void workers_keep(struct workers *workers, const int ends[2], bool is_running);

/* The watch is readable. */
void workers_hear(struct workers *workers);

/* The one that has been free for longest goes. */
void workers_make_room(struct workers *workers);

/* For how long the parent may sleep before workers_sweep; -1: any time. */
int64_t workers_sleep_ms(const struct workers *workers);
void workers_sweep(struct workers *workers);

/* ---- the process ---- */

/*
 * Say that it is free, close the channel, and wait for the packet of the next
 * one; false if it is to go.
 */
bool workers_next(int end, int channel, struct packet *packet);

#endif
