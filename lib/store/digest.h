#ifndef STORE_DIGEST_H
#define STORE_DIGEST_H

/*
 * digest - what the index keeps of a message, made of its file; and the rows
 * that it is kept in.
 *
 * Rows     a row holds the numbers and texts of one group, with a checksum
 *          over them and the UID: what is not whole, or another message's, is
 *          no row.
 * Limits   DIGEST_ROW_MAX bytes a row; a longer one is made each time.
 */

#include "base/buf.h"

enum digest_group {
	DIGEST_SIZES,
	DIGEST_ENVELOPES,
	DIGEST_STRUCTURES,
	DIGEST_SORTING,
	DIGEST_FIELDS,
	DIGEST_SIGNATURES,
	DIGEST_GROUPS
};

enum digest_number {
	DIGEST_OCTETS,
	DIGEST_DATE_S, /* the file's time of change */
	DIGEST_SENT_S,
	DIGEST_ZONE_S,
	DIGEST_HAS_SENT,
	DIGEST_IS_REPLY,
	DIGEST_NUMBERS
};

enum digest_text {
	DIGEST_ENVELOPE,
	DIGEST_ENVELOPE_UTF8, /* empty: the same */
	DIGEST_STRUCTURE,
	DIGEST_STRUCTURE_UTF8,
	DIGEST_BODY,
	DIGEST_BODY_UTF8,
	DIGEST_PREVIEW,
	DIGEST_EMAIL_ID,
	DIGEST_SUBJECT,
	DIGEST_FROM,
	DIGEST_TO,
	DIGEST_CC,
	DIGEST_DISPLAY_FROM,
	DIGEST_DISPLAY_TO,
	DIGEST_MESSAGE_ID,
	DIGEST_REFERENCES,
	DIGEST_FIELD_TEXT, /* "NAME:VALUE" LF, folded, of usual fields */
	DIGEST_SIGNATURE,  /* signature.h; made by a search */
	DIGEST_TEXTS
};

enum {
	DIGEST_ROW_MAX = 1 << 20,
	DIGEST_MAX = 64 << 20 /* all texts of one */
};

struct digest {
	int64_t numbers[DIGEST_NUMBERS];
	struct span texts[DIGEST_TEXTS];
};

/* How much of the message must be read for a group. */
enum digest_depth {
	DIGEST_BY_HEADER, /* envelopes, sorting, fields */
	DIGEST_BY_ALL     /* sizes and structures, too */
};
enum digest_depth digest_depth_of(enum digest_group group);

/*
 * Make one of an open file; the texts point into *text.  *depth may be made
 * more, where that costs little.  False with errno set.
 */
bool digest_make(
    struct digest *digest, struct buf *text, int fd, enum digest_depth *depth);

/* Append a row; read one, whose texts then point into it. */
void digest_add_row(struct buf *into, const struct digest *digest,
    enum digest_group group, uint32_t uid);
bool digest_read_row(struct digest *digest, enum digest_group group,
    uint32_t uid, struct span row);

/* Is a field (ASCII case ignored) among those of DIGEST_FIELD_TEXT? */
bool digest_has_field(struct span field);

#endif
