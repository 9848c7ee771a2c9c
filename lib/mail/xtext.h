#ifndef MAIL_XTEXT_H
#define MAIL_XTEXT_H

/*
 * xtext - the text of ENVID, ORCPT, AUTH and XCLIENT parameters: RFC 3461
 * section 4, and its UTF-8 kin of RFC 6533 section 3.
 *
 * Grammar  visible ASCII but "+" and "="; any byte as "+" and two upper-case
 *          hex digits.
 */

#include "base/buf.h"

enum {
	XTEXT_ENVID_MAX = 100, /* RFC 3461 section 4.4 */
	XTEXT_ORCPT_MAX = 500  /* RFC 3461 section 4.2 */
};

bool xtext_is_valid(struct span text);

/* Append what text means; false if it is no xtext. */
bool xtext_decode(struct buf *into, struct span text);
void xtext_encode(struct buf *into, struct span bytes);

/*
 * ORCPT's value, ADDR-TYPE;ADDRESS: is it well formed?  The type utf-8 may
 * hold UTF-8 itself, where the message may (may_be_utf8).
 */
bool orcpt_is_valid(struct span orcpt, bool may_be_utf8);

/*
 * Append it for a server without SMTPUTF8: UTF-8 as "\x{HEX}", which RFC 6533
 * section 3 (1) has there.  False, and nothing appended, where it holds other
 * bytes than ASCII and has no such form.
 */
bool orcpt_add_ascii(struct buf *into, struct span orcpt);

/*
 * Append it as Original-Recipient has it (RFC 3464 section 2.3.1): "TYPE;
 * ADDRESS", decoded; of the type utf-8 decoded only where is_utf8 (RFC 6533
 * section 3).  Bytes that a field cannot hold become "?".
 */
void orcpt_add_field(struct buf *into, struct span orcpt, bool is_utf8);

/*
 * Append a UTF-8 address as a message/delivery-status must have it, in ASCII:
 * utf-8-addr-xtext of RFC 6533 section 3, "\x{HEX}".  Bytes that are no UTF-8
 * become "?".
 */
void xtext_add_embedded(struct buf *into, struct span address);

#endif
