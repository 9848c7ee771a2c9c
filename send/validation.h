#ifndef SEND_VALIDATION_H
#define SEND_VALIDATION_H

/*
 * validation - DNSSEC (RFC 4035) in libunbound: with which keys it begins, and
 * whether what it finds forged may be believed.
 *
 * Many name servers that forward questions drop the signatures: then all is
 * forged, as far as libunbound can know, and with the root's keys as the
 * default no mail would go.  So what is forged is believed, as if there were no
 * DNSSEC, until the root itself was seen to be secure once; it is asked about
 * at the start, and then again and again.  With keys that an administrator has
 * given there is no such leniency.
 */

#include <event2/event.h>
#include <unbound.h>

#include "net/anchors.h"

struct validation {
	struct ub_ctx *unbound;
	struct anchors anchors;
	bool is_strict; /* what is forged is no answer */
	bool is_told;   /* that there is no DNSSEC */
	struct event *timer;
	void (*ready)(void *context);
	void *context;
};

/* Before the jail, and the first question: give libunbound its keys. */
void validation_prepare(struct validation *validation, struct ub_ctx *unbound);

/*
 * In the jail: ask about the root if need be.  ready is called once, when that
 * is known, or has taken too long.
 */
void validation_begin(struct validation *validation, struct event_base *base,
    void (*ready)(void *context), void *context);

#endif
