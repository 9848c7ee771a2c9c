#ifndef MAIL_CONTENTTYPE_H
#define MAIL_CONTENTTYPE_H

/*
 * contenttype - the value of a Content-Type field, RFC 2045 section 5.1.
 *
 * Lenient a value that should have been quoted, and was not, is taken as it is
 *         meant: a file's name to the ';', a boundary to the blank, others to
 *         the blank or comment.
 * Limits  a parameter's value is cut to what the caller's buf holds; comments
 *         are passed over, eight deep.
 * Memory  nothing is allocated but the buf that the caller brings.
 */

#include "base/buf.h"

struct content_type {
	struct span type;    /* empty: the field makes no sense */
	struct span subtype; /* both as written */
	struct span parameters;
};

/* Read value as it stands in the field, folds included. */
void content_type_parse(struct span value, struct content_type *type);

/* Is it TYPE/SUBTYPE, letters in either case?  subtype NULL: any. */
bool content_type_is(const struct content_type *type, const char *main_type,
    const char *subtype);

/* Append a parameter's value, unquoted; false if it is not there. */
bool content_type_parameter(
    const struct content_type *type, const char *name, struct buf *value);

/*
 * Take the next parameter off *rest (parameters, or what is left of them): its
 * name as written, its value appended to value.  False at the end.
 */
bool content_type_next(struct span *rest, struct span *name, struct buf *value);

/* The token that value begins with, after space and comments; quoted or not. */
struct span content_token(struct span value);

#endif
