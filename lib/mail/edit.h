#ifndef MAIL_EDIT_H
#define MAIL_EDIT_H

/*
 * edit - changing the fields at the head of a message, one at a time.
 *
 * Works on a block of fields, each ended by LF (its last line's), as
 * header_of gives it.  Names are compared without ASCII case; indexes count
 * from 1, from above.  A value stands behind the colon as it is given, so it
 * brings its space along; the caller has checked that it does not end its
 * field.
 *
 * Errors  what would pass the buf's max changes nothing and sets overflow.
 */

#include "base/buf.h"

/* Below all others. */
void edit_add(struct buf *header, struct span name, struct span value);

/* As number index of all fields, 0 and 1 being the first. */
void edit_insert(
    struct buf *header, size_t index, struct span name, struct span value);

/* The index-th of that name gets the value; added if there are fewer. */
void edit_change(
    struct buf *header, size_t index, struct span name, struct span value);

/* The index-th of that name goes; 0 is all of them. */
void edit_delete(struct buf *header, size_t index, struct span name);

#endif
