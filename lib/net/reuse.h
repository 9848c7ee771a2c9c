#ifndef NET_REUSE_H
#define NET_REUSE_H

/*
 * reuse - one process for the connections of one client, one after another.
 *
 * Who has much mail to bring often makes a connection for each message, and a
 * process for each would cost more than the message.  If an address comes again
 * within REUSE_MS, its next process has one end of a pair: it says on it that
 * it is free when a client has left in peace, and may be handed the next
 * connection of that address.  Its jail and its sessions with the neighbours
 * stay.  No process serves two addresses, and none a second client after TLS or
 * a log-in.  (DESIGN section 3 has a fork for each connection, so that no
 * client meets another's process; a client that meets its own is why this
 * differs.)
 *
 * A process that waits for nothing is told to go after REUSE_MS, by the other
 * end's closing: the acceptor decides, so that no connection is sent to one
 * that goes.
 */

#include <stdint.h>

#include "net/peer.h"
#include "net/places.h"

enum {
	REUSE_MS = 1000,
	REUSE_RECENT = 32 /* addresses that are remembered */
};

struct reuse {
	bool is_on;
	int watch; /* readable when a process says that it is free, or ends */
	int64_t swept_ms;
	unsigned oldest;
	struct {
		unsigned char address[16];
		int64_t came_ms;
	} recent[REUSE_RECENT];
};

/* ---- the acceptor ---- */

/* Before the jail closes. */
void reuse_init(struct reuse *reuse, bool is_on);

/*
 * Send the connection to a free process that served the same address: its
 * place, or NULL.  client stays the caller's to close.
 */
struct place *reuse_hand_over(struct reuse *reuse, struct places *places,
    const struct peer *peer, int client);

/*
 * For the process that is about to begin: the pair, or -1 twice for a client
 * that did not come lately, or that is several.  The first end is the
 * process's.
 */
void reuse_open(
    struct reuse *reuse, const struct peer *peer, bool is_one, int ends[2]);

/* There is no such process after all. */
void reuse_close(const int ends[2]);

/* After the fork: its end is closed, ours watched for as long as it lives. */
void reuse_keep(struct reuse *reuse, struct places *places, struct place *place,
    const struct peer *peer, const int ends[2]);

/* The watch is readable. */
void reuse_hear(struct reuse *reuse, struct places *places);

/* For how long the acceptor may sleep before reuse_sweep; -1: any time. */
int reuse_sleep_ms(const struct places *places);
void reuse_sweep(struct reuse *reuse, struct places *places);

/* No more: who is free goes, who is busy will. */
void reuse_end(struct reuse *reuse, struct places *places);

/* ---- the process ---- */

/*
 * Say that it is free: before the client's last reply, for a client that has
 * that may be back at once, and would find its process busy.  What is still to
 * be done may wait for nobody.  False: it is not heard, and serves no more.
 */
bool reuse_say_free(int end);

/* Close that client and wait: the next one, or -1 if it is to go. */
int reuse_next(int end, int client, struct peer *peer);

#endif
