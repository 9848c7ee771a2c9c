#ifndef NET_TLSPOLICY_H
#define NET_TLSPOLICY_H

/*
 * tlspolicy - control/tlspolicy: how far a connection to another host must be
 * protected.
 *
 * Grammar  PATTERN LEVEL [WORD...] a line, spaces between.  PATTERN is a name,
 *          .NAME for all below it, or * for all others.  LEVEL is none, may,
 *          encrypt, dane, verify [NAME...] or fingerprint SHA256...; a NAME
 *          with a dot before it is any below it, a SHA256 has 64 hex digits,
 *          with colons or without.
 */

#include "base/control.h"

enum tls_level {
	TLS_LEVEL_NONE, /* in clear */
	TLS_LEVEL_MAY,  /* encrypted if it can be; by TLSA if there are any */
	TLS_LEVEL_ENCRYPT,
	TLS_LEVEL_DANE, /* by TLSA records, or not at all */
	TLS_LEVEL_VERIFY,
	TLS_LEVEL_FINGERPRINT
};

struct tls_policy {
	enum tls_level level;
	struct span words; /* NAMEs or SHA256s; points into the list */
	bool is_named;     /* found by domain or host, not by * or nothing */
};

/* Read the file.  A line without sense ends the program: control_complain. */
struct control_list tlspolicy_read(void);

/* False if line is none. */
bool tlspolicy_parse(
    struct span line, struct span *pattern, struct tls_policy *policy);

/*
 * The longest pattern that fits the destination's domain; else the longest
 * that fits the host; else that of *; else may.
 */
struct tls_policy tlspolicy_find(
    const struct control_list *policies, struct span domain, struct span host);

/* Is digest (32 bytes) among the words of a fingerprint policy? */
bool tlspolicy_has_digest(
    const struct tls_policy *policy, const unsigned char *digest);

#endif
