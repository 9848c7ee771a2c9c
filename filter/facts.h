#ifndef FILTER_FACTS_H
#define FILTER_FACTS_H

/*
 * facts - what a filter was told about a session so far; filter(5).
 *
 * Memory  bounded: an envelope of more than FACTS_RECIPIENTS_MAX bytes keeps
 *         its first recipients.
 */

#include "queue/filter.h"

enum {
	FACTS_TEXT_MAX = 4096,
	FACTS_RECIPIENTS_MAX = 256 << 10
};

struct facts {
	struct buf host;
	struct buf service;
	struct buf client;
	struct buf name;
	struct buf local;
	uint64_t client_port;
	uint64_t local_port;
	struct buf helo;
	struct buf tls;
	struct buf user;
	struct buf sender;
	struct buf recipient;  /* the newest */
	struct buf recipients; /* all, each ended by LF */
	struct buf id;
	uint64_t size; /* of the message */
};

void facts_init(struct facts *facts);

/* Take over what a request says; later stages are forgotten. */
void facts_take(struct facts *facts, const struct filter_request *request);

/* The newest recipient was refused. */
void facts_drop_recipient(struct facts *facts);

#endif
