#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

/*
 * header - the fields at the head of a message, RFC 5322 section 2.2.
 *
 * Works on a block of lines ended by LF, up to and without the empty line.
 */

#include "base/buf.h"

enum {
	MESSAGE_ID_MAX = 250
};

/* The part of a message before its empty line (all of it without one). */
struct span header_of(struct span message);

/* Where the field that starts text ends: after its last folded line. */
size_t header_field_length(struct span text);

/*
 * Take the next field off *rest: *name without the colon, *value with its
 * folding as it stands.  A line that is no field is passed over.  False at
 * the end.
 */
bool header_next(struct span *rest, struct span *name, struct span *value);

/* The first field of that name, ASCII case ignored; false if there is none. */
bool header_find(struct span header, const char *name, struct span *value);

/* Append value with its folds turned into single spaces, ends trimmed. */
void header_add_unfolded(struct buf *into, struct span value);

/*
 * Append the value of a Message-ID field (RFC 5322 section 3.6.4) as a log may
 * have it: <...> of visible ASCII, at most MESSAGE_ID_MAX bytes; nothing if it
 * is not like that.
 */
void header_add_message_id(struct buf *into, struct span value);

/* Does a field begin with this line: a name of visible ASCII and a colon? */
bool header_is_field(struct span line);

/* Is there nothing in text that could end or fold a header line? */
bool header_is_safe(struct span text);

/*
 * Append text as a quoted-string, RFC 5322 section 3.2.4 (and quoted of RFC
 * 9051): what cannot be in one becomes a space.
 */
void header_add_quoted(struct buf *into, struct span text);

#endif
