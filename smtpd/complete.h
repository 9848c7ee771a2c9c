#ifndef SMTPD_COMPLETE_H
#define SMTPD_COMPLETE_H

/*
 * complete - what the submission service adds to a user's message, and takes
 * out: RFC 6409 section 8.  Bcc fields go; Date, Message-ID and From are added
 * where they are missing; nothing else is touched.
 */

#include "base/buf.h"

struct completion {
	bool has_line;   /* a line of the header was seen */
	bool is_dropped; /* the field that it is in */
	bool has_from;
	bool has_date;
	bool has_id;
	bool is_ended;
};

/* What the fields that are missing are made of. */
struct completion_facts {
	struct span me;
	struct span id;   /* the queue id */
	struct span from; /* an address without a domain is of me */
	int64_t now_s;
};

enum completion_line {
	COMPLETION_KEEP,
	COMPLETION_DROP,
	COMPLETION_END /* of the header: what is missing comes before this line
			*/
};

/* The next line of the header, without its line end. */
enum completion_line completion_take(
    struct completion *completion, struct span line);

/* Append the fields that are missing, lines ended by LF. */
void completion_add(const struct completion *completion,
    const struct completion_facts *facts, struct buf *fields);

#endif
