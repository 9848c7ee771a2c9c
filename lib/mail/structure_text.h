#ifndef MAIL_STRUCTURE_TEXT_H
#define MAIL_STRUCTURE_TEXT_H

/*
 * structure_text - the pieces of structure.h: values of fields as IMAP's
 * strings and lists.  A value whose ptr is NULL is NIL.
 */

#include "base/buf.h"

/* A field's value, unfolded. */
void structure_add_value(struct buf *into, struct span value, bool is_utf8);

/* ("name" "value" ...) of content_type's parameters, or NIL. */
void structure_add_parameters(
    struct buf *into, struct span parameters, bool is_utf8);

/* ("attachment" ("filename" "x")), or NIL. */
void structure_add_disposition(
    struct buf *into, struct span value, bool is_utf8);

/* "de", ("de" "en"), or NIL. */
void structure_add_languages(struct buf *into, struct span value, bool is_utf8);

#endif
