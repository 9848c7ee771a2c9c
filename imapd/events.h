#ifndef IMAPD_EVENTS_H
#define IMAPD_EVENTS_H

/*
 * events - Sieve scripts that run when messages are appended or copied to a
 * folder, or change their flags there: IMAPSIEVE, RFC 6785.
 *
 * Which      the annotation /shared/imapsieve/script of the folder, else of the
 *            account, names one of the account's scripts; control/imapsieve
 *            has it all on.
 * When       the change is done, and the command not answered yet.
 * Again      what a script does is no event.
 * Faults     are logged, and the message stays as it is.
 */

#include "imapd/session.h"
#include "sieve/sieve.h"

struct events;

/* For changes of a folder by a command: NULL, no script is to run. */
struct events *events_begin(
    struct session *session, struct span mailbox, enum sieve_event cause);

/* Message i of the folder, which is mailbox; changed: the flags' names, parted
 * by spaces. */
void events_run(struct events *events, struct folder *folder, size_t i,
    struct span changed);

void events_end(struct events *events);

/* The same for messages that came into a folder, by their UIDs. */
void events_run_new(struct session *session, struct span mailbox,
    enum sieve_event cause, const uint32_t *uids, size_t count);

/*
 * What flags were like before a command, for those that it may change: then
 * run on those that it did.
 */
struct events_flags;
struct events_flags *events_flags_begin(struct session *session,
    const size_t *indexes, size_t count); /* NULL: no script */
void events_flags_end(struct events_flags *flags);

/* ---- between its files ---- */

struct events {
	struct session *session;
	struct span mailbox;
	enum sieve_event cause;
	struct buf name; /* of the script */
	struct sieve_script *script;
	struct buf email; /* of the user */
};

void events_log(const struct events *events, uint32_t uid, struct span text);

/* One message that its script was run on. */
struct acting {
	struct events *events;
	struct folder *folder;
	size_t i;
	int fd;
	uint64_t length;
	const struct sieve_result *result;
	bool has_failed; /* something was not done: it stays */
};

/* What could not be done is logged, and has_failed set. */
void events_fail(struct acting *acting, const char *what, struct span name);

/* What a script wants done with message i; false: not all of it was. */
bool events_act(struct events *events, struct folder *folder, size_t i, int fd,
    uint64_t length, const struct sieve_result *result);

/* SIEVE_REDIRECT and SIEVE_NOTIFY. */
void events_send(struct acting *acting, const struct sieve_action *action);

#endif
