#include "mail/transfer.h"

#include <string.h>

#include "mail/contenttype.h"
#include "mail/header.h"

void
transfer_init(struct transfer *transfer, enum transfer_goal goal,
    void (*write)(void *context, struct span bytes), void *context)
{
	*transfer = (struct transfer){ .goal = goal,
		.write = write,
		.context = context,
		.in_header = true,
		.is_message = true,
		.header = buf_new(TRANSFER_HEADER_MAX),
		.out = buf_new(SIZE_MAX / 2) };
}

void
transfer_free(struct transfer *transfer)
{
	buf_free(&transfer->header);
	buf_free(&transfer->out);
}

static void
trouble(struct transfer *transfer, enum transfer_status status)
{
	if (transfer->status == TRANSFER_OK)
		transfer->status = status;
}

static void
flush(struct transfer *transfer)
{
	if (transfer->out.len > 0 && transfer->status == TRANSFER_OK)
		transfer->write(transfer->context, buf_span(&transfer->out));
	buf_clear(&transfer->out);
}

static bool
is_protected(const struct transfer *transfer)
{
	for (size_t i = 0; i < transfer->depth; i++)
		if (transfer->levels[i].is_protected)
			return true;
	return false;
}

/* ---- headers ---- */

/* What a header says of its part. */
struct part {
	struct content_type type;
	struct span encoding; /* empty: none is named, 7bit is meant */
	bool has_type;
	bool has_mime; /* MIME-Version */
};

static struct part
read_part(struct span header)
{
	struct part part = { .has_type = false };
	struct span value;

	part.has_type = header_find(header, "Content-Type", &value);
	content_type_parse(
	    part.has_type ? value : span_of("text/plain"), &part.type);
	if (header_find(header, "Content-Transfer-Encoding", &value))
		part.encoding = content_token(value);
	part.has_mime = header_find(header, "MIME-Version", &value);
	return part;
}

/* All of header but its Content-Transfer-Encoding; that one anew. */
static void
write_header(
    struct transfer *transfer, struct span header, const char *encoding)
{
	struct span rest = header;
	size_t written = 0;
	struct span name;
	struct span value;

	while (header_next(&rest, &name, &value)) {
		if (!span_equal_nocase(
			name, span_of("Content-Transfer-Encoding")))
			continue;
		size_t start = (size_t)(name.ptr - header.ptr);
		buf_add(&transfer->out,
		    span_slice(header, written, start - written));
		written = header.len - rest.len;
	}
	buf_add(&transfer->out, span_slice(header, written, header.len));
	buf_add_string(&transfer->out, "Content-Transfer-Encoding: ");
	buf_add_string(&transfer->out, encoding);
	buf_add_char(&transfer->out, '\n');
}

static bool
is_encoding(const struct part *part, const char *encoding)
{
	return span_equal_nocase(part->encoding, span_of(encoding));
}

static void
push_level(struct transfer *transfer, const struct part *part)
{
	struct buf boundary = buf_new(TRANSFER_BOUNDARY_MAX);

	if (!content_type_parameter(&part->type, "boundary", &boundary) ||
	    boundary.len == 0) {
		buf_free(&boundary);
		return; /* nothing in it can be told apart */
	}
	if (transfer->depth == TRANSFER_DEPTH_MAX) {
		trouble(transfer, TRANSFER_IMPOSSIBLE);
		buf_free(&boundary);
		return;
	}
	struct transfer_level *level = &transfer->levels[transfer->depth++];
	memcpy(level->boundary, boundary.data, boundary.len);
	level->len = boundary.len;
	level->is_protected =
	    content_type_is(&part->type, "multipart", "signed") ||
	    content_type_is(&part->type, "multipart", "encrypted");
	buf_free(&boundary);
}

/* One that holds parts: its own encoding is that of the widest in it. */
static void
begin_composite(
    struct transfer *transfer, struct span header, const struct part *part)
{
	bool is_from_binary = transfer->goal == TRANSFER_FROM_BINARY;

	if (is_encoding(part, "binary") ||
	    (!is_from_binary && is_encoding(part, "8bit"))) {
		if (is_protected(transfer))
			trouble(transfer, TRANSFER_IMPOSSIBLE);
		write_header(
		    transfer, header, is_from_binary ? "8bit" : "7bit");
	} else {
		buf_add(&transfer->out, header);
	}
	if (content_type_is(&part->type, "multipart", NULL))
		push_level(transfer, part);
}

/* RFC 2046 section 5.2: partial and external-body are 7bit for ever. */
static bool
is_changeable(const struct transfer *transfer, const struct part *part)
{
	return !is_protected(transfer) &&
	       (!content_type_is(&part->type, "message", NULL) ||
		   content_type_is(&part->type, "message", "global"));
}

static void
begin_leaf(
    struct transfer *transfer, struct span header, const struct part *part)
{
	bool is_from_binary = transfer->goal == TRANSFER_FROM_BINARY;
	bool is_plain = part->encoding.len == 0 || is_encoding(part, "7bit") ||
			is_encoding(part, "8bit");
	bool is_wide =
	    is_encoding(part, "binary") || (!is_from_binary && is_plain);

	if (!is_wide || !is_changeable(transfer, part)) {
		if (is_encoding(part, "binary"))
			trouble(transfer, TRANSFER_IMPOSSIBLE);
		buf_add(&transfer->out, header);
		return;
	}
	transfer->encoding = is_from_binary ? TRANSFER_BASE64 : TRANSFER_QUOTED;
	write_header(
	    transfer, header, is_from_binary ? "base64" : "quoted-printable");
	if (is_from_binary || !transfer->is_message || part->has_mime)
		return;
	buf_add_string(&transfer->out, "MIME-Version: 1.0\n");
	if (!part->has_type) /* RFC 1428 section 3 */
		buf_add_string(&transfer->out,
		    "Content-Type: text/plain; charset=unknown-8bit\n");
}

/* The header is whole: what is its body, and what will it be? */
static void
end_header(struct transfer *transfer, bool has_body)
{
	struct span header = buf_span(&transfer->header);
	struct part part = read_part(header);
	bool is_embedded = content_type_is(&part.type, "message", "rfc822");

	transfer->in_header = false;
	transfer->encoding = TRANSFER_AS_IT_IS;
	encoder_init(&transfer->encoder);
	transfer->has_wide_header |= !span_is_ascii(header);
	if (transfer->header.overflow ||
	    (transfer->has_wide_header && transfer->goal == TRANSFER_TO_7BIT))
		trouble(transfer, TRANSFER_HEADER);
	if (!has_body)
		buf_add(&transfer->out, header);
	else if (is_embedded || content_type_is(&part.type, "multipart", NULL))
		begin_composite(transfer, header, &part);
	else
		begin_leaf(transfer, header, &part);
	if (has_body)
		buf_add_char(&transfer->out, '\n');
	transfer->in_header = transfer->is_message = has_body && is_embedded;
	buf_clear(&transfer->header);
}

/* ---- lines ---- */

/* "--boundary", or "--boundary--", and space: the level it belongs to. */
static bool
is_delimiter(const struct transfer *transfer, struct span line, size_t *level,
    bool *is_close)
{
	if (!span_starts(line, span_of("--")))
		return false;
	line = span_slice(line, 2, line.len);
	for (size_t i = transfer->depth; i > 0; i--) {
		const struct transfer_level *candidate =
		    &transfer->levels[i - 1];
		struct span boundary = { candidate->boundary, candidate->len };

		if (!span_starts(line, boundary))
			continue;
		struct span rest = span_slice(line, boundary.len, line.len);
		*is_close = span_starts(rest, span_of("--"));
		if (*is_close)
			rest = span_slice(rest, 2, rest.len);
		*level = i - 1;
		if (span_trim(rest).len == 0)
			return true;
	}
	return false;
}

static void
take_delimiter(
    struct transfer *transfer, struct span line, size_t level, bool is_close)
{
	if (transfer->in_header)
		end_header(transfer, false);
	if (transfer->encoding == TRANSFER_BASE64)
		encoder_end_base64(&transfer->encoder, &transfer->out);
	transfer->encoding = TRANSFER_AS_IT_IS;
	transfer->owes_newline = false;
	transfer->depth = is_close ? level : level + 1;
	transfer->in_header = !is_close;
	transfer->is_message = false;
	buf_add(&transfer->out, line);
	buf_add_char(&transfer->out, '\n');
}

/* What is no binary must be lines, and what is not encoded must be fit. */
static void
check_line(struct transfer *transfer, struct span piece, enum transfer_end end)
{
	bool is_from_binary = transfer->goal == TRANSFER_FROM_BINARY;

	if (transfer->line_len > TRANSFER_LINE_MAX ||
	    (is_from_binary &&
		(end == TRANSFER_LF || span_index(piece, '\r') < piece.len ||
		    span_index(piece, '\0') < piece.len)))
		trouble(transfer, TRANSFER_UNCLEAN);
	if (!is_from_binary && !transfer->in_header &&
	    transfer->encoding == TRANSFER_AS_IT_IS && !span_is_ascii(piece))
		trouble(transfer, TRANSFER_IMPOSSIBLE);
}

static void
take_header_piece(
    struct transfer *transfer, struct span piece, enum transfer_end end)
{
	if (transfer->line_len == 0 && end != TRANSFER_OPEN) {
		end_header(transfer, true);
		return;
	}
	buf_add(&transfer->header, piece);
	if (end != TRANSFER_OPEN)
		buf_add_char(&transfer->header, '\n');
}

static void
take_binary(struct transfer *transfer, struct span piece, enum transfer_end end)
{
	struct encoder *encoder = &transfer->encoder;

	if (transfer->owes_newline)
		encoder_add_base64(encoder, &transfer->out, span_of("\r\n"));
	encoder_add_base64(encoder, &transfer->out, piece);
	transfer->owes_newline = end == TRANSFER_CRLF;
	if (end == TRANSFER_LF)
		encoder_add_base64(encoder, &transfer->out, span_of("\n"));
}

static void
take_body_piece(
    struct transfer *transfer, struct span piece, enum transfer_end end)
{
	switch (transfer->encoding) {
	case TRANSFER_BASE64:
		take_binary(transfer, piece, end);
		return;
	case TRANSFER_QUOTED:
		encoder_add_quoted(&transfer->encoder, &transfer->out, piece);
		if (end != TRANSFER_OPEN)
			encoder_end_quoted(&transfer->encoder, &transfer->out);
		return;
	case TRANSFER_AS_IT_IS:
		buf_add(&transfer->out, piece);
		if (end != TRANSFER_OPEN)
			buf_add_char(&transfer->out, '\n');
	}
}

void
transfer_add(
    struct transfer *transfer, struct span piece, enum transfer_end end)
{
	bool is_start = transfer->line_len == 0;
	size_t level;
	bool is_close;

	transfer->line_len += piece.len;
	if (is_start && !transfer->is_after_bare_lf && end != TRANSFER_OPEN &&
	    (end == TRANSFER_CRLF || transfer->goal == TRANSFER_TO_7BIT) &&
	    is_delimiter(transfer, piece, &level, &is_close)) {
		take_delimiter(transfer, piece, level, is_close);
	} else {
		if (transfer->encoding != TRANSFER_BASE64 ||
		    transfer->in_header)
			check_line(transfer, piece, end);
		if (transfer->in_header)
			take_header_piece(transfer, piece, end);
		else
			take_body_piece(transfer, piece, end);
	}
	if (end != TRANSFER_OPEN) {
		transfer->line_len = 0;
		transfer->is_after_bare_lf =
		    end == TRANSFER_LF &&
		    transfer->goal == TRANSFER_FROM_BINARY;
	}
	flush(transfer);
}

enum transfer_status
transfer_finish(struct transfer *transfer, struct span last)
{
	bool is_binary = transfer->encoding == TRANSFER_BASE64;
	bool is_close;
	size_t level;

	/* Only what is binary can end without a line's end. */
	if (last.len > 0 || transfer->line_len > 0)
		transfer_add(transfer, last,
		    is_binary &&
			    !is_delimiter(transfer, last, &level, &is_close)
			? TRANSFER_OPEN
			: TRANSFER_CRLF);
	if (transfer->in_header)
		end_header(transfer, false);
	if (transfer->owes_newline)
		encoder_add_base64(
		    &transfer->encoder, &transfer->out, span_of("\r\n"));
	if (transfer->encoding == TRANSFER_BASE64)
		encoder_end_base64(&transfer->encoder, &transfer->out);
	flush(transfer);
	return transfer->status;
}
