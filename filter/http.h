#ifndef FILTER_HTTP_H
#define FILTER_HTTP_H

/*
 * http - one request to an HTTP server, RFC 9112: as much of it as asking a
 * scanner needs.
 *
 * The answer is read to its Content-Length, its last chunk, or the end of the
 * connection; its head has HTTP_HEAD_MAX bytes at most, its body what the
 * caller's buf takes.
 */

#include "base/io.h"

enum {
	HTTP_HEAD_MAX = 32 << 10
};

/* Read an answer: its status, and its body appended to *body; 0 if it is
 * none. */
unsigned http_read_answer(struct reader *in, struct buf *body);

/* Append a header field of a request; what could end it is left out. */
void http_add_field(struct buf *request, const char *name, struct span value);

#endif
