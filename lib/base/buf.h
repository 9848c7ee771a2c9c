#ifndef BASE_BUF_H
#define BASE_BUF_H

/*
 * buf - a growable run of bytes with a ceiling.
 *
 * Every buf that can hold bytes from outside has a max chosen by its owner.
 * An append that would pass it stores nothing and sets overflow, which stays
 * set until buf_clear: build first, look once.  Out of memory ends the
 * program with EX_TEMPFAIL; what was not yet committed to disk is retried.
 */

#include "base/span.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
	bool overflow;
};

struct buf buf_new(size_t max);

/* Give the memory back and leave buf empty, with the same max. */
void buf_free(struct buf *buf);

/* Forget the bytes and the overflow, keep the memory. */
void buf_clear(struct buf *buf);

/* As buf_clear, after overwriting every byte ever stored: for secrets. */
void buf_wipe(struct buf *buf);

void buf_add(struct buf *buf, struct span bytes);
void buf_add_char(struct buf *buf, char c);
void buf_add_string(struct buf *buf, const char *string);
void buf_add_number(struct buf *buf, uint64_t number); /* decimal */
void buf_printf(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Room for at least extra more bytes, to be filled by the caller and then
 * counted with buf_grown; NULL (and overflow set) if that passes max.
 */
char *buf_room(struct buf *buf, size_t extra);
void buf_grown(struct buf *buf, size_t bytes);

/* Drop the first bytes, keeping the rest. */
void buf_drop(struct buf *buf, size_t bytes);

/* The bytes so far: valid until the next call that changes buf. */
struct span buf_span(const struct buf *buf);

/* The same as a C string; NULL if it holds a NUL byte or overflowed. */
const char *buf_string(struct buf *buf);

#endif
