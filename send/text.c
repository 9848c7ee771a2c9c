#include "send/text.h"

#include <unistd.h>

struct source {
	int fd;
	uint64_t at;
	uint64_t end;
	char bytes[16384];
};

/* The next part of the message; empty at its end, or on error (false). */
static bool
next_part(struct source *source, struct span *part)
{
	uint64_t left = source->end - source->at;
	size_t len =
	    left < sizeof(source->bytes) ? (size_t)left : sizeof(source->bytes);
	ssize_t got =
	    len == 0 ? 0
		     : pread(source->fd, source->bytes, len, (off_t)source->at);

	if (got < 0 || (got == 0 && len > 0))
		return false;
	source->at += (uint64_t)got;
	*part = (struct span){ source->bytes, (size_t)got };
	return true;
}

static void
begin(struct source *source, const struct text *text)
{
	source->fd = text->fd;
	source->at = text->offset;
	source->end = text->offset + text->length;
}

bool
text_has_8bit(const struct text *text)
{
	static struct source source;
	struct span part;

	begin(&source, text);
	while (next_part(&source, &part) && part.len > 0)
		if (!span_is_ascii(part))
			return true;
	return false;
}

/* ---- as 7 bits ---- */

/* Feed the whole message, line by line; false if it cannot be read. */
static bool
feed(const struct text *text, struct transfer *transfer)
{
	static struct source source;
	struct buf carry = buf_new(TRANSFER_LINE_MAX);
	struct span part;

	begin(&source, text);
	do {
		if (!next_part(&source, &part)) {
			buf_free(&carry);
			return false;
		}
		while (span_index(part, '\n') < part.len) {
			buf_add(&carry, span_cut(&part, '\n'));
			transfer_add(transfer, buf_span(&carry), TRANSFER_LF);
			buf_clear(&carry);
		}
		buf_add(&carry, part);
		if (carry.len > TRANSFER_PIECE) {
			transfer_add(transfer, buf_span(&carry), TRANSFER_OPEN);
			buf_clear(&carry);
		}
	} while (source.at < source.end);
	transfer_finish(transfer, buf_span(&carry));
	buf_free(&carry);
	return true;
}

static void
count(void *context, struct span bytes)
{
	uint64_t *length = context;

	*length += bytes.len;
}

struct text_prospect
text_foresee(const struct text *text)
{
	static struct transfer transfer;
	struct text_prospect prospect = { .is_read = false };

	transfer_init(&transfer, TRANSFER_TO_7BIT, count, &prospect.length);
	prospect.is_read = feed(text, &transfer);
	prospect.status = transfer.status;
	prospect.has_wide_header = transfer.has_wide_header;
	transfer_free(&transfer);
	return prospect;
}

/* ---- to the wire ---- */

struct wire {
	struct writer *out;
	bool at_start; /* of a line */
};

/*
 * Part of a line.  A CR that is not part of a line's end would be a bare one:
 * it is left out.  The dot that is doubled is the first byte that goes out,
 * not the first that is stored: LF CR "." LF must not end the message.
 */
static void
write_bytes(struct writer *out, struct span bytes, bool *at_start)
{
	while (bytes.len > 0) {
		struct span clean = span_cut(&bytes, '\r');

		if (clean.len == 0)
			continue;
		if (*at_start && clean.ptr[0] == '.')
			write_string(out, ".");
		write_span(out, clean);
		*at_start = false;
	}
}

/* RFC 5321 section 4.5.2: CRLF ends a line, its first dot is doubled. */
static void
write_part(struct writer *out, struct span part, bool *at_start)
{
	while (part.len > 0) {
		size_t len = span_index(part, '\n');
		bool has_end = len < part.len;

		write_bytes(out, span_slice(part, 0, len), at_start);
		if (has_end) {
			write_string(out, "\r\n");
			*at_start = true;
		}
		part = span_slice(part, len + has_end, part.len);
	}
}

static void
write_converted(void *context, struct span bytes)
{
	struct wire *wire = context;

	write_part(wire->out, bytes, &wire->at_start);
}

static bool
write_as_it_is(const struct text *text, struct wire *wire)
{
	static struct source source;
	struct span part;

	begin(&source, text);
	do {
		if (!next_part(&source, &part))
			return false;
		write_part(wire->out, part, &wire->at_start);
	} while (part.len > 0);
	return true;
}

static bool
convert(const struct text *text, struct wire *wire)
{
	static struct transfer transfer;

	transfer_init(&transfer, TRANSFER_TO_7BIT, write_converted, wire);
	bool is_good = feed(text, &transfer) && transfer.status == TRANSFER_OK;
	transfer_free(&transfer);
	return is_good;
}

bool
text_write(const struct text *text, struct writer *out)
{
	struct wire wire = { .out = out, .at_start = true };
	bool is_read = text->is_converted ? convert(text, &wire)
					  : write_as_it_is(text, &wire);

	if (!is_read)
		return false;
	if (!wire.at_start)
		write_string(out, "\r\n");
	write_string(out, ".\r\n");
	return true;
}
