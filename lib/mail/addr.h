#ifndef MAIL_ADDR_H
#define MAIL_ADDR_H

/*
 * addr - the path argument of MAIL FROM and RCPT TO.
 *
 * Grammar  RFC 5321 section 4.1.2, with UTF-8 as in RFC 6531 section 3.3.
 * Limits   RFC 5321 section 4.5.3.1, in octets, quotes included.
 * Memory   nothing is allocated: the spans point into the caller's line.
 */

#include "base/buf.h"

enum {
	ADDR_LOCAL_MAX = 64,
	ADDR_DOMAIN_MAX = 255
};

enum addr_status {
	ADDR_OK,
	ADDR_SYNTAX,   /* not a path: answer 501 5.1.3 (or 5.1.7) */
	ADDR_TOO_LONG, /* a part is over its limit: answer 501 5.1.3 */
};

struct addr {
	struct span local;  /* as written: "a b" keeps its quotes */
	struct span domain; /* name or [literal], without the @ */
};

/*
 * Parse the path at the start of line: <local@domain>, <>, <postmaster> (RFC
 * 5321 section 4.1.1.3; domain is then empty), or
 * <@relay,@relay:local@domain>, whose source route is dropped.
 *
 * On ADDR_OK *addr is the mailbox (both parts empty for <>) and *rest is what
 * follows the '>', where the ESMTP parameters are.  On any other status
 * neither is changed.
 */
enum addr_status addr_parse_path(
    struct span line, struct addr *addr, struct span *rest);

/* Parse all of text as local@domain; as addr_parse_path otherwise. */
enum addr_status addr_parse_mailbox(struct span text, struct addr *addr);

/*
 * Append local@domain as it is compared and looked up: the domain in lower
 * case, the local part without needless quotes.  Nothing for the null path.
 */
void addr_add_canonical(struct buf *into, const struct addr *addr);

#endif
