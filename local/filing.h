#ifndef LOCAL_FILING_H
#define LOCAL_FILING_H

/*
 * filing - messages into one Maildir as its owner's Sieve script says;
 * sieve-deliver(8).
 *
 * Faults   of the script are logged, and the message is kept in INBOX (RFC 5228
 *          section 2.10.6), where it also stays if a folder is not there.
 * Again    a delivery that is repeated after a crash finds what it did: names
 *          in folders and ids in the queue are derived from the message's.
 */

#include "local/command.h"
#include "sieve/sieve.h"
#include "store/account.h"
#include "store/script_host.h"
#include "store/scripts.h"

struct filing {
	const char *path; /* the Maildir */
	struct buf me;
	struct buf delimiters; /* control/recipientdelimiter */
	uint64_t redirects_max;
	uint64_t hops_max; /* control/maxhops */
	struct account *account;
};

/* One message, and what its script made of it. */
struct filed {
	const struct filing *filing;
	const struct command *command;
	int message_fd;
	int session; /* with queue-inject, or -1 */
	int64_t now;
	bool is_stored; /* somewhere */
	bool is_in_inbox;
	struct buf script; /* its name */
	struct script_host host;
	struct sieve_result result;
	struct buf *text; /* of the verdict */
	struct verdict *verdict;
};

/*
 * Deliver; text and verdict are filled in.  ACTION_ASKS: it needs the session,
 * and nothing was done.
 */
void filing_deliver(const struct filing *filing, const struct command *command,
    int message_fd, int session, struct buf *text, struct verdict *verdict);

/* ---- what filing's parts share ---- */

/* Into INBOX and folders; false: for later, and the verdict says why. */
bool filing_store(struct filed *filed);

/* What goes to the queue: redirects, vacation notices, notifications. */
bool filing_needs_queue(const struct filed *filed);
bool filing_send(struct filed *filed);

/*
 * The message with another header, in a file without a name; -1 with errno
 * set.
 */
int filing_edit(
    const struct filed *filed, struct span header, uint64_t *length);

/* Into INBOX, if it is nowhere yet: what was to be done cannot be. */
bool filing_keep(struct filed *filed);

/* Lines that the script's owner should read. */
void filing_log(const struct filed *filed, struct span errors);

/* "; " between what was done. */
void filing_say(struct filed *filed, const char *what, struct span name);
void filing_later(struct filed *filed, const char *code, struct span text);

#endif
