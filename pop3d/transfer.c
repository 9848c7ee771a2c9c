#include "pop3d/transfer.h"

#include <stdio.h>

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
};

/* A line ended. */
static void
end_line(struct transfer *transfer)
{
	if (transfer->is_in_body)
		transfer->lines_left--;
	else if (transfer->line_len == 0)
		transfer->is_in_body = true;
	transfer->line_len = 0;
	transfer->is_line_open = false;
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

static bool
take_piece(void *context, struct span piece)
{
	struct transfer *transfer = context;

	begin(transfer);
	while (piece.len > 0 && !transfer->is_enough) {
		size_t end = span_index(piece, '\n');
		size_t take = end < piece.len ? end + 1 : end;

		if (!transfer->is_line_open && piece.ptr[0] == '.')
			write_string(transfer->out, ".");
		write_span(transfer->out, span_slice(piece, 0, take));
		transfer->is_line_open = true;
		/* An empty line is a CR and LF, in one piece or in two. */
		transfer->line_len +=
		    end > 0 && !(transfer->line_len == 0 && end == 1 &&
				   piece.ptr[0] == '\r')
			? end
			: 0;
		if (end < piece.len)
			end_line(transfer);
		piece = span_slice(piece, take, piece.len);
	}
	return !transfer->is_enough && transfer->out->status == IO_OK;
}

enum transfer_status
transfer_send(struct conversation *talk, struct store *store, size_t i,
    uint64_t body_lines)
{
	struct transfer transfer = { .out = &talk->out,
		.language = talk->language,
		.lines_left = body_lines };

	if (!store_octets(store, i, &transfer.octets))
		return TRANSFER_UNREADABLE;
	if (!store_read(store, i, take_piece, &transfer) && !transfer.is_enough)
		return transfer.has_begun ? TRANSFER_CUT : TRANSFER_UNREADABLE;
	begin(&transfer);
	write_string(&talk->out, ".\r\n");
	return TRANSFER_OK;
}
