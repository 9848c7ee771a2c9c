#include "net/deflate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Its input is const then. */
#define ZLIB_CONST
#include <zlib.h>

enum {
	/* Theirs may be as large as DEFLATE has it, of 32 KiB. */
	WINDOW_THEIRS = -15,
	WINDOW_OURS = -14,
	MEMORY_OURS = 6,
	LEVEL = 4 /* much less work than 6, and hardly larger */
};

struct deflate {
	struct io_layer layer;
	z_stream in;
	z_stream out;
	int error;     /* sticky, of in */
	bool is_ended; /* by the other side */
	bool has_more; /* in has bytes that had no room */
	bool is_flushed;
	unsigned char raw[READER_SIZE];
	unsigned char encoded[WRITER_SIZE];
};

/* 0: nothing came out of what is there. */
static size_t
inflate_some(struct deflate *state, char *into, size_t max)
{
	z_stream *in = &state->in;

	in->next_out = (unsigned char *)into;
	in->avail_out = (unsigned)max;
	int result = inflate(in, Z_SYNC_FLUSH);
	if (result == Z_STREAM_END)
		state->is_ended = true;
	else if (result == Z_MEM_ERROR)
		state->error = ENOMEM;
	else if (result != Z_OK && result != Z_BUF_ERROR)
		state->error = EBADMSG;
	state->has_more = in->avail_out == 0;
	return max - in->avail_out;
}

static ssize_t
read_decoded(void *context, int fd, char *into, size_t max)
{
	struct deflate *state = context;

	for (;;) {
		if (!state->is_ended && state->error == 0 &&
		    (state->in.avail_in > 0 || state->has_more)) {
			size_t got = inflate_some(state, into, max);

			if (got > 0)
				return (ssize_t)got;
		}
		if (state->error != 0 || (fd == -1 && !state->is_ended)) {
			errno = state->error != 0 ? state->error : EAGAIN;
			return -1;
		}
		if (state->is_ended)
			return 0;
		ssize_t got = read(fd, state->raw, sizeof(state->raw));
		if (got <= 0)
			return got;
		state->in.next_in = state->raw;
		state->in.avail_in = (unsigned)got;
	}
}

/* A flush is over when it leaves room. */
static struct span
encode(void *context, struct span *plain, bool is_end)
{
	struct deflate *state = context;
	z_stream *out = &state->out;

	if (plain->len > 0)
		state->is_flushed = false;
	else if (!is_end || state->is_flushed)
		return (struct span){ NULL, 0 };
	unsigned take =
	    plain->len < UINT32_MAX ? (unsigned)plain->len : UINT32_MAX;
	out->next_in = (z_const unsigned char *)plain->ptr;
	out->avail_in = take;
	out->next_out = state->encoded;
	out->avail_out = sizeof(state->encoded);
	deflate(out, is_end ? Z_SYNC_FLUSH : Z_NO_FLUSH);
	*plain = span_slice(*plain, take - out->avail_in, plain->len);
	state->is_flushed = is_end && out->avail_out > 0;
	return (struct span){ (const char *)state->encoded,
		sizeof(state->encoded) - out->avail_out };
}

struct deflate *
deflate_new(void)
{
	struct deflate *state = calloc(1, sizeof(*state));

	if (state == NULL)
		return NULL;
	state->layer = (struct io_layer){ read_decoded, encode, state };
	state->is_flushed = true;
	if (inflateInit2(&state->in, WINDOW_THEIRS) != Z_OK) {
		free(state);
		return NULL;
	}
	if (deflateInit2(&state->out, LEVEL, Z_DEFLATED, WINDOW_OURS,
		MEMORY_OURS, Z_DEFAULT_STRATEGY) != Z_OK) {
		inflateEnd(&state->in);
		free(state);
		return NULL;
	}
	return state;
}

void
deflate_begin(struct deflate *state, struct reader *in, struct writer *out)
{
	size_t buffered = in->end - in->start;

	writer_flush(out);
	memcpy(state->raw, in->bytes + in->start, buffered);
	state->in.next_in = state->raw;
	state->in.avail_in = (unsigned)buffered;
	reader_discard(in);
	in->layer = out->layer = &state->layer;
}

void
deflate_free(struct deflate *state)
{
	if (state == NULL)
		return;
	inflateEnd(&state->in);
	deflateEnd(&state->out);
	free(state);
}
