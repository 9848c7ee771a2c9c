#ifndef MAIL_STRUCTURE_H
#define MAIL_STRUCTURE_H

/*
 * structure - ENVELOPE, BODY and BODYSTRUCTURE as IMAP sends them, RFC 9051
 * section 7.5.2.
 *
 * Strings   always quoted, never literals: CR, LF and NUL become spaces.
 *           Encoded words stay as they stand.  Other bytes become encoded
 *           words, or clean UTF-8 where the client reads that (RFC 6855).
 * Missing   an address without a domain has "MISSING_DOMAIN": NIL would be a
 *           group's.
 * Limits    STRUCTURE_MAX bytes: a message that would have more is shown as
 *           one part.
 */

#include "mail/mime.h"

enum {
	STRUCTURE_MAX = 4 << 20
};

/* Append text as a quoted string. */
void structure_add_string(struct buf *into, struct span text, bool is_utf8);

/* Append the ENVELOPE of a message with that header. */
void structure_add_envelope(struct buf *into, struct span header, bool is_utf8);

/* What the headers of the parts say, as it is found. */
struct structure_part;
struct structure {
	bool is_utf8;
	bool is_extended;
	struct buf text;
	struct structure_part *parts;
	uint32_t count;
	uint32_t room;
};

void structure_init(
    struct structure *structure, bool is_extended, bool is_utf8);

/* From mime's take_header. */
void structure_take_header(struct structure *structure, const struct mime *mime,
    uint32_t part, struct span header);

/* After mime_finish: append BODY or BODYSTRUCTURE of the message. */
void structure_add(
    struct structure *structure, const struct mime *mime, struct buf *into);

/* The same of a part; false, and nothing is added, if it would be too large. */
bool structure_add_part(struct structure *structure, const struct mime *mime,
    uint32_t part, struct buf *into);
void structure_free(struct structure *structure);

#endif
