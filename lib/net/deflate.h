#ifndef NET_DEFLATE_H
#define NET_DEFLATE_H

/*
 * deflate - a connection compressed both ways (RFC 1951, raw), as COMPRESS of
 * IMAP has it (RFC 4978).
 *
 * Memory   about 200 KiB a connection, whatever the other side sends: what it
 *          compressed is decoded into the reader's buffer as that has room.
 * Errors   a stream that is none: the reader's error is EBADMSG.  One that
 *          the other side ends is the end of input.
 */

#include "base/io.h"

struct deflate;

/* NULL: there is no memory for it. */
struct deflate *deflate_new(void);

/*
 * From now on, once: what out has is written before, as it is, and what in has
 * buffered is taken for compressed.
 */
void deflate_begin(
    struct deflate *deflate, struct reader *in, struct writer *out);

/* Neither in nor out may be used any more; NULL is nothing. */
void deflate_free(struct deflate *deflate);

#endif
