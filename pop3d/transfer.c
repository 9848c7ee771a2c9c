#include "pop3d/transfer.h"

#include <stdio.h>
#include <string.h>

#include "mail/surrogate.h"

/* More than any message has: such lines need no count. */
#define MANY_LINES (UINT64_MAX / 2)

struct transfer {
	struct writer *out;
	enum language language;
	uint64_t octets;
	uint64_t lines_left; /* of the body */
	uint64_t line_len;   /* bytes of this line so far, CR not counted */
	bool is_line_open;   /* some byte of this line was sent */
	bool has_begun;      /* +OK was said */
	bool is_in_body;
	bool is_enough;
	bool is_passed_on; /* nothing in it is to be changed */
	struct surrogate surrogate;
	struct buf changed;
};

/* A line, or a part of one, was sent. */
static void
count_line(struct transfer *transfer, struct span line)
{
	bool has_ended = line.ptr[line.len - 1] == '\n';
	size_t len = line.len - has_ended;

	/* An empty line is a CR and LF, in one piece or in two. */
	if (transfer->line_len > 0 || len > 1 ||
	    (len == 1 && line.ptr[0] != '\r'))
		transfer->line_len += len;
	if (!has_ended)
		return;
	if (transfer->is_in_body)
		transfer->lines_left--;
	else if (transfer->line_len == 0)
		transfer->is_in_body = true;
	transfer->line_len = 0;
	transfer->is_enough = transfer->is_in_body && transfer->lines_left == 0;
}

/* Not before the message could be opened. */
static void
begin(struct transfer *transfer)
{
	char head[64];

	if (transfer->has_begun)
		return;
	transfer->has_begun = true;
	snprintf(head, sizeof(head), "+OK %llu %s\r\n",
	    (unsigned long long)transfer->octets,
	    language_say(transfer->language, "octets"));
	write_string(transfer->out, head);
}

/* To the end of the first line. */
static size_t
line_length(struct span piece)
{
	size_t end = span_index(piece, '\n');

	return end < piece.len ? end + 1 : end;
}

/* Up to the next line that begins with a dot. */
static size_t
stretch_length(struct span piece)
{
	const char *dot = memmem(piece.ptr, piece.len, "\n.", 2);

	return dot != NULL ? (size_t)(dot - piece.ptr) + 1 : piece.len;
}

static bool
send_piece(struct transfer *transfer, struct span piece)
{
	while (piece.len > 0 && !transfer->is_enough) {
		bool is_counted =
		    !transfer->is_in_body || transfer->lines_left < MANY_LINES;
		struct span part = span_slice(piece, 0,
		    is_counted ? line_length(piece) : stretch_length(piece));

		if (!transfer->is_line_open && part.ptr[0] == '.')
			write_string(transfer->out, ".");
		write_span(transfer->out, part);
		transfer->is_line_open = part.ptr[part.len - 1] != '\n';
		if (is_counted)
			count_line(transfer, part);
		piece = span_slice(piece, part.len, piece.len);
	}
	return !transfer->is_enough && transfer->out->status == IO_OK;
}

/* Who did not say UTF8 gets headers in ASCII: RFC 6856 section 2.1. */
static bool
take_piece(void *context, struct span piece)
{
	struct transfer *transfer = context;

	begin(transfer);
	if (transfer->is_passed_on ||
	    surrogate_passes(&transfer->surrogate, piece))
		return send_piece(transfer, piece);
	buf_clear(&transfer->changed);
	surrogate_add(&transfer->surrogate, &transfer->changed, piece);
	return send_piece(transfer, buf_span(&transfer->changed));
}

static void
end_surrogate(struct transfer *transfer)
{
	buf_clear(&transfer->changed);
	surrogate_end(&transfer->surrogate, &transfer->changed);
	send_piece(transfer, buf_span(&transfer->changed));
	if (transfer->is_line_open)
		write_string(transfer->out, "\r\n");
}

enum transfer_status
transfer_send(struct conversation *talk, struct store *store, size_t i,
    uint64_t body_lines)
{
	struct transfer transfer = { .out = &talk->out,
		.language = talk->language,
		.lines_left = body_lines,
		.is_passed_on = talk->is_utf8,
		.changed = buf_new(SIZE_MAX / 2) };

	if (!store_octets(store, i, &transfer.octets))
		return TRANSFER_UNREADABLE;
	surrogate_init(&transfer.surrogate);
	bool is_read = store_read(store, i, take_piece, &transfer);
	if (is_read && !transfer.is_enough && !transfer.is_passed_on)
		end_surrogate(&transfer);
	surrogate_free(&transfer.surrogate);
	buf_free(&transfer.changed);
	if (!is_read && !transfer.is_enough)
		return transfer.has_begun ? TRANSFER_CUT : TRANSFER_UNREADABLE;
	begin(&transfer);
	write_string(&talk->out, ".\r\n");
	return TRANSFER_OK;
}
