#ifndef IMAPD_CONTEXT_STATE_H
#define IMAPD_CONTEXT_STATE_H

/*
 * context_state - what is kept of a search that is updated; for context.c and
 * context_output.c alone.
 */

#include "imapd/context.h"

struct context {
	struct context *next;
	struct buf command; /* that all its spans point into */
	struct span tag;
	struct span items;
	struct program program;
	struct sort_order order;
	bool is_sort;
	bool is_uid;
	bool is_multisearch; /* RFC 7377: MAILBOX and UIDVALIDITY are told */
	bool is_timed;       /* OLDER, YOUNGER: RFC 5032 section 3 */
	bool asks_all;       /* a change of one may change another's place */
	struct buf uids;     /* of uint32_t: the result in its order */
	uint64_t modseq;     /* the highest that was looked at */
	size_t messages;
};

size_t context_count(const struct context *context);
uint32_t context_uid(const struct context *context, size_t k);
void context_add_uid(struct buf *uids, uint32_t uid);

/*
 * ESEARCH REMOVEFROM of the results that are marked, before they are taken
 * out; ADDTO of those that are, in the result that they are in already.
 */
void context_put_removed(struct session *session, const struct context *context,
    const bool *is_removed);
void context_put_added(struct session *session, const struct context *context,
    const bool *is_added);

#endif
