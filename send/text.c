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

/* What stands between two line ends, if it is not all CRs, has an end. */
static void
look_at(struct text_facts *facts, struct span part, bool *at_start)
{
	for (size_t i = 0; i < part.len; i++) {
		unsigned char c = (unsigned char)part.ptr[i];

		facts->has_8bit |= c >= 0x80;
		if (c == '\n')
			facts->wire_length += 2;
		else if (c != '\r')
			facts->wire_length++;
		if (c != '\r')
			*at_start = c == '\n';
	}
}

struct text_facts
text_look(const struct text *text)
{
	static struct source source;
	struct text_facts facts = { .is_read = true };
	struct span part;
	bool at_start = true;

	begin(&source, text);
	do {
		facts.is_read = next_part(&source, &part);
		if (facts.is_read)
			look_at(&facts, part, &at_start);
	} while (facts.is_read && part.len > 0);
	facts.wire_length += at_start ? 0 : 2;
	return facts;
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
	bool has_dots; /* they are doubled */
	uint64_t length;
};

static void
put(struct wire *wire, struct span bytes)
{
	write_span(wire->out, bytes);
	wire->length += bytes.len;
}

/*
 * Part of a line.  A CR that is not part of a line's end would be a bare one:
 * it is left out.  The dot that is doubled is the first byte that goes out,
 * not the first that is stored: LF CR "." LF must not end the message.
 */
static void
write_bytes(struct wire *wire, struct span bytes)
{
	while (bytes.len > 0) {
		struct span clean = span_cut(&bytes, '\r');

		if (clean.len == 0)
			continue;
		if (wire->has_dots && wire->at_start && clean.ptr[0] == '.')
			put(wire, span_of("."));
		put(wire, clean);
		wire->at_start = false;
	}
}

static void
end_line(struct wire *wire)
{
	put(wire, span_of("\r\n"));
	wire->at_start = true;
}

/* RFC 5321 section 4.5.2: CRLF ends a line, its first dot is doubled. */
static void
write_part(struct wire *wire, struct span part)
{
	while (part.len > 0) {
		size_t len = span_index(part, '\n');
		bool has_end = len < part.len;

		write_bytes(wire, span_slice(part, 0, len));
		if (has_end)
			end_line(wire);
		part = span_slice(part, len + has_end, part.len);
	}
}

static void
write_converted(void *context, struct span bytes)
{
	write_part(context, bytes);
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
		write_part(wire, part);
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

static bool
write_all_of(const struct text *text, struct wire *wire)
{
	bool is_read = text->is_converted ? convert(text, wire)
					  : write_as_it_is(text, wire);

	if (is_read && !wire->at_start)
		end_line(wire);
	return is_read;
}

bool
text_write(const struct text *text, struct writer *out)
{
	struct wire wire = { .out = out, .at_start = true, .has_dots = true };

	if (!write_all_of(text, &wire))
		return false;
	write_string(out, ".\r\n");
	return true;
}

bool
text_write_chunk(
    const struct text *text, uint64_t wire_length, struct writer *out)
{
	struct wire wire = { .out = out, .at_start = true };

	return write_all_of(text, &wire) && wire.length == wire_length;
}
