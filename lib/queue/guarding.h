#ifndef QUEUE_GUARDING_H
#define QUEUE_GUARDING_H

/*
 * guarding - the control files of filter-guard(8) and greylist(8).
 */

#include "base/control.h"

enum {
	DNSBL_MAX = 32,
	WEIGHT_MAX = 1000
};

/* "ZONE[=127.0.0.x[-y]] WEIGHT"; spans point into what was parsed. */
struct dnsbl {
	struct span zone;
	unsigned low; /* of the last byte of 127.0.0.x */
	unsigned high;
	int weight;     /* below 0: it speaks for the client */
	bool is_broken; /* by its own test: not to be asked */
};

struct dnsbls {
	struct control_list text; /* what the zones point into */
	size_t count;
	struct dnsbl lists[DNSBL_MAX];
};

enum sign {
	SIGN_NO_PTR,       /* "noptr": the address has no name */
	SIGN_UNCONFIRMED,  /* "unconfirmed": its name is not its own */
	SIGN_HELO_NO_FQDN, /* "helonotfqdn" */
	SIGN_HELO_LITERAL, /* "heloliteral": another's address */
	SIGN_HELO_UNKNOWN, /* "helounknown": no such name */
	SIGN_COUNT
};

/* control/greylist: "MINUTES HOURS DAYS". */
struct greylisting {
	bool is_on;
	uint64_t wait_minutes;
	uint64_t expire_hours;
	uint64_t keep_days;
};

bool dnsbl_parse(struct span line, struct dnsbl *list);
const char *sign_name(enum sign sign);

/* Each ends the program as control_complain does if a line is broken. */
void dnsbls_read(struct dnsbls *lists);
void weights_read(int weights[SIGN_COUNT]);
void greylisting_read(struct greylisting *greylisting);

#endif
