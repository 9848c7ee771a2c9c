#ifndef SIEVE_COMPOSE_H
#define SIEVE_COMPOSE_H

/*
 * compose - the lines of a message that a script has us write: RFC 5322, lines
 * ended by LF.  All is ASCII but for addresses that are not: a message whose
 * header has such ones needs SMTPUTF8 (RFC 6532), and who sends it says so.
 */

#include "base/buf.h"

enum {
	COMPOSE_LINE = 76
};

/*
 * Append "NAME: value" LF: what is not ASCII, or has too few spaces for lines,
 * as encoded words, folded at its spaces, control bytes as spaces.
 */
void compose_add_field(struct buf *into, struct span name, struct span value);

/* The same of mailboxes: addresses as they stand. */
void compose_add_mailboxes(
    struct buf *into, struct span name, struct span value);

/* A field without its name and its end: with the space before it. */
void compose_add_value(struct buf *into, size_t column, struct span value);

/* Append the fields that say how text is written, the empty line and text, in
 * UTF-8 or less. */
void compose_add_text(struct buf *into, struct span text);

#endif
