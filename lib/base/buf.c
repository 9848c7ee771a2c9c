#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"

enum {
	SMALLEST = 64 /* a buf that has anything */
};

struct buf
buf_new(size_t max)
{
	return (struct buf){ .max = max };
}

void
buf_free(struct buf *buf)
{
	free(buf->data);
	*buf = buf_new(buf->max);
}

void
buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->overflow = false;
}

void
buf_wipe(struct buf *buf)
{
	if (buf->data != NULL)
		explicit_bzero(buf->data, buf->cap);
	buf_clear(buf);
}

/* Apart, so that the usual case is short: most text comes in small bits. */
static __attribute__((noinline)) void
grow(struct buf *buf, size_t need)
{
	size_t cap = need < SMALLEST ? SMALLEST : need + need / 2;
	char *data = realloc(buf->data, cap);

	if (data == NULL)
		temp_fail("out of memory");
	buf->data = data;
	buf->cap = cap;
}

static inline char *
make_room(struct buf *buf, size_t extra)
{
	if (buf->overflow || extra > buf->max - buf->len) {
		buf->overflow = true;
		return NULL;
	}
	size_t need = buf->len + extra + 1;
	if (need > buf->cap)
		grow(buf, need);
	return buf->data + buf->len;
}

char *
buf_room(struct buf *buf, size_t extra)
{
	return make_room(buf, extra);
}

void
buf_grown(struct buf *buf, size_t bytes)
{
	buf->len += bytes;
}

void
buf_add(struct buf *buf, struct span bytes)
{
	char *room = bytes.len == 0 ? NULL : make_room(buf, bytes.len);

	if (room == NULL)
		return;
	memcpy(room, bytes.ptr, bytes.len);
	buf->len += bytes.len;
}

void
buf_add_char(struct buf *buf, char c)
{
	char *room = make_room(buf, 1);

	if (room == NULL)
		return;
	*room = c;
	buf->len++;
}

void
buf_add_string(struct buf *buf, const char *string)
{
	buf_add(buf, span_of(string));
}

void
buf_add_number(struct buf *buf, uint64_t number)
{
	char digits[SPAN_DIGITS_MAX];

	buf_add(buf, span_digits(number, digits));
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	va_list again;

	va_start(args, format);
	va_copy(again, args);
	/* Mostly it fits where there is room already. */
	size_t left = buf->cap - buf->len;
	int len = vsnprintf(
	    left == 0 ? NULL : buf->data + buf->len, left, format, args);
	va_end(args);
	char *room = len < 0 ? NULL : make_room(buf, (size_t)len);
	if (room != NULL) {
		if ((size_t)len >= left)
			vsnprintf(room, (size_t)len + 1, format, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}

void
buf_drop(struct buf *buf, size_t bytes)
{
	if (bytes >= buf->len) {
		buf->len = 0;
		return;
	}
	memmove(buf->data, buf->data + bytes, buf->len - bytes);
	buf->len -= bytes;
}

struct span
buf_span(const struct buf *buf)
{
	return (struct span){ buf->data, buf->len };
}

const char *
buf_string(struct buf *buf)
{
	if (buf_room(buf, 0) == NULL || memchr(buf->data, '\0', buf->len))
		return NULL;
	buf->data[buf->len] = '\0';
	return buf->data;
}
