#ifndef SEND_JUDGE_H
#define SEND_JUDGE_H

/*
 * judge - what a server's reply means for a recipient.
 */

#include "send/transaction.h"

enum {
	ALL_THE_REST = DELIVERY_RECIPIENTS_MAX
};

/* The last reply as the text of this verdict, for one or ALL_THE_REST. */
void judge_give(struct connection *connection, struct verdicts *verdicts,
    size_t index, enum verdict_kind kind, const char *code);

/*
 * What a reply that is not the one we hoped for means for a recipient.  One
 * that is neither yes nor no comes from a server that is out of step: nothing
 * is known, so later.
 */
void judge_reply(
    struct connection *connection, struct verdicts *verdicts, size_t index);

#endif
