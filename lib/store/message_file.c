#include "store/message_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_kind.h"

static ssize_t
read_at(int fd, char *block, size_t size, uint64_t offset)
{
	for (;;) {
		ssize_t got = pread(fd, block, size, (off_t)offset);

		if (got != -1 || errno != EINTR)
			return got;
	}
}

bool
message_each_piece(int fd, uint64_t from, uint64_t to,
    bool (*take)(void *context, struct span piece), void *context)
{
	char *block = store_allocate(NULL, MESSAGE_BLOCK, 1);
	bool is_good = true;

	while (is_good && from < to) {
		size_t want = to - from < MESSAGE_BLOCK ? (size_t)(to - from)
							: MESSAGE_BLOCK;
		ssize_t got = read_at(fd, block, want, from);

		is_good =
		    got >= 0 && (got == 0 || take(context, (struct span){ block,
							       (size_t)got }));
		/* Less than was asked for is a file's end. */
		if (got < (ssize_t)want)
			break;
		from += (uint64_t)got;
	}
	int error = errno;
	free(block);
	errno = error;
	return is_good;
}

/* ---- the header ---- */

/* Where the empty line ends; 0 if it is not there yet. */
static size_t
header_end(struct span text, size_t start)
{
	for (size_t i = start; i < text.len; i++) {
		i += span_index(span_slice(text, i, text.len), '\n');
		if (i == text.len)
			return 0;
		if (i == 0 || text.ptr[i - 1] == '\n' ||
		    (text.ptr[i - 1] == '\r' &&
			(i == 1 || text.ptr[i - 2] == '\n')))
			return i + 1;
	}
	return 0;
}

struct header_reading {
	struct buf *header;
	bool is_done;
};

static bool
take_header(void *context, struct span piece)
{
	struct header_reading *reading = context;
	struct buf *header = reading->header;
	size_t before = header->len;

	buf_add(header, span_slice(piece, 0, header->max - header->len));
	size_t end = header_end(buf_span(header), before);
	if (end > 0)
		header->len = end;
	reading->is_done = end > 0 || header->len == header->max;
	return !reading->is_done;
}

/* Most headers fit a first, small piece. */
bool
message_read_header(int fd, struct buf *header)
{
	enum {
		FIRST = 8192
	};
	struct header_reading reading = { .header = header };
	char *room = buf_room(header, FIRST);

	if (room == NULL) {
		errno = ENOMEM;
		return false;
	}
	ssize_t got = read_at(fd, room, FIRST, 0);
	if (got < 0)
		return false;
	buf_grown(header, (size_t)got);
	size_t end = header_end(buf_span(header), 0);
	if (end > 0)
		header->len = end;
	if (end > 0 || got < FIRST)
		return true;
	return message_each_piece(
		   fd, FIRST, UINT64_MAX, take_header, &reading) ||
	       reading.is_done;
}

/* ---- parsing ---- */

static bool
add_to_mime(void *context, struct span piece)
{
	mime_add(context, piece);
	return true;
}

bool
message_parse(int fd, struct mime *mime)
{
	bool is_good = message_each_piece(fd, 0, UINT64_MAX, add_to_mime, mime);

	mime_finish(mime);
	return is_good;
}

/* ---- handing out ---- */

struct emitting {
	uint64_t skip; /* octets before what is wanted */
	uint64_t left; /* of it */
	uint64_t wire; /* octets that were passed */
	uint64_t raw;
	struct message_place place; /* between two lines, or pieces */
	bool is_after_cr;
	bool is_stopped;
	struct buf out;
	bool (*take)(void *context, struct span piece);
	void *context;
};

/* take_lines made room. */
static inline void
emit(struct emitting *out, const char *bytes, size_t count)
{
	size_t skipped = count < out->skip ? count : (size_t)out->skip;

	out->wire += count;
	out->skip -= skipped;
	count -= skipped;
	if (count > out->left)
		count = (size_t)out->left;
	out->left -= count;
	memcpy(out->out.data + out->out.len, bytes + skipped, count);
	buf_grown(&out->out, count);
}

static bool
flush(struct emitting *out)
{
	struct span bytes = buf_span(&out->out);

	for (size_t i = 0; i < bytes.len; i++) {
		i += span_index(span_slice(bytes, i, bytes.len), '\0');
		if (i < bytes.len)
			out->out.data[i] = (char)0x80;
	}
	if (bytes.len > 0 && !out->take(out->context, bytes))
		out->is_stopped = true;
	buf_clear(&out->out);
	return !out->is_stopped;
}

static bool
take_lines(void *context, struct span piece)
{
	struct emitting *out = context;

	if (buf_room(&out->out, 2 * piece.len) == NULL)
		return false;
	while (piece.len > 0 && out->left > 0) {
		size_t end = span_index(piece, '\n');

		emit(out, piece.ptr, end);
		out->raw += end;
		if (end > 0)
			out->is_after_cr = piece.ptr[end - 1] == '\r';
		piece = span_slice(piece, end, piece.len);
		if (piece.len == 0 || out->left == 0)
			break;
		emit(out, "\r\n" + out->is_after_cr, 2 - out->is_after_cr);
		out->raw++;
		out->is_after_cr = false;
		piece = span_slice(piece, 1, piece.len);
		if (out->left > 0)
			out->place =
			    (struct message_place){ out->raw, out->wire };
	}
	if (out->left > 0 && !out->is_after_cr)
		out->place = (struct message_place){ out->raw, out->wire };
	return flush(out) && out->left > 0;
}

bool
message_emit(int fd, const struct message_range *range,
    struct message_place *place, bool (*take)(void *context, struct span piece),
    void *context)
{
	struct emitting out = { .skip = range->offset,
		.left = range->length,
		.raw = range->from,
		.out = buf_new((size_t)4 * MESSAGE_BLOCK),
		.take = take,
		.context = context };

	if (place->raw > range->from && place->wire <= range->offset) {
		out.raw = place->raw;
		out.wire = place->wire;
		out.skip -= place->wire;
	}
	if (range->length == 0)
		return true;
	uint64_t start = out.raw;
	bool is_good =
	    message_each_piece(fd, start, range->to, take_lines, &out) ||
	    (out.left == 0 && !out.is_stopped);
	if (is_good && out.place.raw > 0)
		*place = out.place;
	buf_free(&out.out);
	return is_good;
}

struct counting {
	uint64_t octets;
	bool is_after_cr;
};

static bool
count_piece(void *context, struct span piece)
{
	struct counting *counting = context;
	struct span rest = piece;

	counting->octets += piece.len;
	while (rest.len > 0) {
		size_t end = span_index(rest, '\n');

		if (end > 0)
			counting->is_after_cr = rest.ptr[end - 1] == '\r';
		if (end == rest.len)
			break;
		counting->octets += !counting->is_after_cr;
		counting->is_after_cr = false;
		rest = span_slice(rest, end + 1, rest.len);
	}
	return true;
}

bool
message_octets(int fd, uint64_t from, uint64_t to, uint64_t *octets)
{
	struct counting counting = { .octets = 0 };

	if (!message_each_piece(fd, from, to, count_piece, &counting))
		return false;
	*octets = counting.octets;
	return true;
}
