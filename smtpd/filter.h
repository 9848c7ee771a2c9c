#ifndef SMTPD_FILTER_H
#define SMTPD_FILTER_H

/*
 * filter - the filters of control/filters, asked at each stage of a session;
 * filter(5).
 *
 * Each hook returns true if the session may go on, and false after it has
 * given the client its reply.  Without filters all of them are true at once.
 */

#include "queue/draft.h"
#include "queue/filters.h"
#include "queue/id.h"

struct filter_settings {
	struct filters list;   /* control/filters */
	int64_t timeout_ms;    /* control/timeoutfilter */
	struct buf quarantine; /* control/quarantine */
};

/* What a session knows of its filters. */
struct filtering {
	int sessions[FILTERS_MAX]; /* -1: failed */
	bool has_begun;            /* a transaction that they know of */
	bool is_discarded;
	struct buf reason; /* of quarantine; empty: none */
};

struct session;
struct span;

/*
 * Read the settings, and close the pairs of filters that control/filters does
 * not name: those end.  Where the clients are known, users or our provider,
 * there is no use for guard.  Ends the program if one that it names is no
 * neighbour.
 */
void filter_read_settings(struct filter_settings *settings, bool is_known);

/* sessions has one for each filter; NULL by hand, where none is asked. */
void filter_begin(struct session *session, const int *sessions);

bool filter_connect(struct session *session);
bool filter_helo(struct session *session, struct span name, bool is_esmtp);
bool filter_mail(struct session *session);
bool filter_rcpt(struct session *session, struct span recipient);

/* The transaction is over; nothing to do if they do not know of it. */
void filter_reset(struct session *session);

/* Is anybody to judge messages? */
bool filter_is_wanted(const struct session *session);

/*
 * Show the message to each, and apply their edits to it and to the session's
 * envelope.  On true it is to be kept unless is_discarded is set.
 */
bool filter_message(
    struct session *session, struct draft *draft, const struct queue_id *id);

#endif
