#ifndef NET_STS_H
#define NET_STS_H

/*
 * sts - the texts of MTA-STS, RFC 8461: a domain's record in the DNS, its
 * policy, and which mail hosts that admits.
 *
 * Grammar  RFC 8461 sections 3.1 and 3.2; of a field that may be there once the
 *          first counts; what is unknown is passed over.
 * Limits   a policy has at most STS_BODY_MAX bytes, and its patterns
 *          STS_PATTERNS_MAX; a larger max_age counts as STS_AGE_MAX.
 */

#include "base/buf.h"

enum sts_mode {
	STS_NONE,
	STS_TESTING,
	STS_ENFORCE
};

enum {
	STS_BODY_MAX = 64 << 10, /* section 3.3 */
	STS_AGE_MAX = 31557600,  /* section 3.2 */
	STS_ID_MAX = 32,
	STS_PATTERNS_MAX = 8192,
	STS_TEXT_MAX = STS_PATTERNS_MAX + 256, /* what sts_add_policy adds */
	STS_DOMAIN_MAX = 253 - 9               /* "_mta-sts." goes before it */
};

struct sts_policy {
	enum sts_mode mode;
	uint64_t max_age_s;
	struct buf patterns; /* lines of a policy: "mx: " PATTERN LF */
};

/* An empty one: mode none. */
struct sts_policy sts_policy_new(void);
void sts_policy_free(struct sts_policy *policy);

/*
 * Read a policy into *policy, which is one already; false, and of no use but to
 * be freed, if it is none.
 */
bool sts_parse_policy(struct span body, struct sts_policy *policy);

/* As sts_parse_policy reads it. */
void sts_add_policy(struct buf *buf, const struct sts_policy *policy);
const char *sts_mode_name(enum sts_mode mode);

/* The value of the first such field; false if there is none. */
bool sts_find_field(struct span body, const char *name, struct span *value);

/* Is host, without a dot at its end, one of the policy's?  Section 4.1. */
bool sts_admits(const struct sts_policy *policy, struct span host);

/* Does a text begin as the record does?  Others count for nothing. */
bool sts_is_record(struct span text);

/* The id of a record; false if the record is not whole. */
bool sts_parse_record(struct span text, struct span *id);

/*
 * A domain in lower case, appended; false if it is no name that could have a
 * policy, and so none for a file either.
 */
bool sts_add_domain(struct buf *buf, struct span domain);

#endif
