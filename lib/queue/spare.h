#ifndef QUEUE_SPARE_H
#define QUEUE_SPARE_H

/*
 * spare - a mailbox program whose client has left, and which waits for the next
 * client of the same account: login(5).
 *
 * Who reads mail on the web logs in for each page, and half of what a log-in
 * costs is a process that begins: its program, its jail, the mailbox.  No
 * process serves two accounts.  What it read when it began it keeps, so it is
 * not used for longer than SPARE_AGE_MS.
 *
 *   program   SHARING_SPARE  ->  login's parent: my client has left
 *   program   SHARING_NEXT   <-  login's parent, with one end of a pair; or it
 *                                closes: the program ends
 *   program   SHARING_NEXT, handover  <-  login's child, on that pair: whose
 *                                client it is, and the client
 *   program   SHARING_YES    ->  it is served; or SHARING_NO, and the program
 *                                ends
 */

#include <sys/types.h>

#include "base/buf.h"

enum {
	SPARE_USES_MAX = 100, /* clients of one process */
	SPARE_AGE_MS = 60000
};

/* ---- the program ---- */

struct spare {
	int login; /* the pair with login's parent; -1: it serves one client */
	const char *mailbox;
	dev_t device; /* of the Maildir that its jail is for */
	ino_t inode;
	int64_t begun_ms; /* clock_ms() */
	unsigned uses;
};

/* What comes with a client, which is on descriptors 0 and 1. */
struct spare_client {
	struct buf peer;  /* its address as text */
	struct buf input; /* as LOGIN_INPUT_FD has it */
};

/*
 * Before the jail, for the client that is there.  An mbox has one client, and
 * so has a Maildir that is not there.
 */
struct spare spare_begin(int login, const char *mailbox);

/*
 * Hang up on the client and wait for the next, in a jail: false if the program
 * is to end.  *next is the caller's, to be given again or to be freed.
 */
bool spare_wait(struct spare *spare, struct spare_client *next);

/* ---- login's child ---- */

/* Whose the process must be. */
struct spare_account {
	unsigned uid;
	unsigned gid;
	struct span mailbox;
};

/*
 * Give the client away: false if it is the caller's still, for then the process
 * will not touch it any more.
 */
bool spare_hand_over(int pair, const struct spare_account *account,
    struct span peer, struct span input, int client);

#endif
