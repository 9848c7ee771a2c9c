#ifndef QUEUE_LIMITS_H
#define QUEUE_LIMITS_H

/*
 * limits - control/limits: how much a destination is given at once.
 *
 * Grammar  a line "DESTINATION CONNECTIONS [PER-MINUTE [PER-CONNECTION]]";
 *          DESTINATION is a domain, ".DOMAIN" for all below it, or "*" for
 *          all others; the first line that fits counts.  "-" is no limit.
 *          "mx:HOST" is an MX host and "mx:.DOMAIN" all hosts below one: what
 *          such a line gives is shared by all destinations that they serve.
 * Errors   a line without sense ends the program: control_complain.
 */

#include "base/control.h"

enum {
	LIMIT_CONNECTIONS = 20, /* where no line says another number */
	LIMIT_CONNECTIONS_MAX = 500
};

struct limit {
	struct span destination; /* without "mx:" */
	bool is_mx;
	uint64_t connections;
	uint64_t per_minute;     /* messages; 0: no limit */
	uint64_t per_connection; /* messages; 0: no limit */
};

struct limits {
	struct control_list text;
	struct limit *items;
	struct limit fallback;
	bool has_mx; /* a line is about MX hosts */
};

void limits_read(struct limits *limits);
void limits_free(struct limits *limits);

/* The limit of a domain; lasts until limits_free. */
const struct limit *limit_find(const struct limits *limits, struct span domain);

/* The same for an MX host; NULL: no line is about it. */
const struct limit *limit_find_mx(
    const struct limits *limits, struct span host);

#endif
