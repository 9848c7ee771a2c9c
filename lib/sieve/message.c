/*
 * message - the message's bytes, read as they are needed.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "sieve/run.h"

enum {
	PIECE_SIZE = 16 << 10,
	LINES_MAX = 2 * PIECE_SIZE, /* each line end becomes two */
	BYTES_A_STEP = 256,
	LINES_A_STEP = 3
};

bool
sieve_message_read_raw(struct sieve_machine *machine, uint64_t start,
    uint64_t end, bool (*take)(void *context, struct span piece), void *context)
{
	const struct sieve_run *run = machine->run;
	char bytes[PIECE_SIZE];

	if (end > run->length)
		end = run->length;
	while (start < end) {
		size_t want = end - start < sizeof(bytes)
				  ? (size_t)(end - start)
				  : sizeof(bytes);
		ssize_t got = pread(
		    run->message_fd, bytes, want, (off_t)(run->offset + start));

		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0) {
			machine->result->trouble = got == 0 ? EIO : errno;
			return sieve_fail(
			    machine, "the message cannot be read");
		}
		if (!sieve_spend(machine, 1 + (size_t)got / BYTES_A_STEP))
			return false;
		start += (uint64_t)got;
		if (!take(context, (struct span){ bytes, (size_t)got }))
			return true;
	}
	return true;
}

/* ---- with CRLF ---- */

struct lines {
	struct sieve_machine *machine;
	bool (*take)(void *context, struct span piece);
	void *context;
	bool has_cr; /* before what comes */
	struct buf out;
};

static bool
take_lines(void *context, struct span piece)
{
	struct lines *lines = context;
	size_t count = 0;

	buf_clear(&lines->out);
	while (piece.len > 0) {
		size_t len = span_index(piece, '\n');

		buf_add(&lines->out, span_slice(piece, 0, len));
		if (len > 0)
			lines->has_cr = piece.ptr[len - 1] == '\r';
		if (len < piece.len) {
			buf_add_string(
			    &lines->out, lines->has_cr ? "\n" : "\r\n");
			lines->has_cr = false;
			count++;
		}
		piece = span_slice(piece, len + 1, piece.len);
	}
	if (!sieve_spend(lines->machine,
		lines->out.len / BYTES_A_STEP + count / LINES_A_STEP))
		return false;
	return lines->take(lines->context, buf_span(&lines->out));
}

bool
sieve_message_read(struct sieve_machine *machine, uint64_t start, uint64_t end,
    bool (*take)(void *context, struct span piece), void *context)
{
	struct lines lines = { .machine = machine,
		.take = take,
		.context = context,
		.out = buf_new(LINES_MAX) };
	bool is_read =
	    sieve_message_read_raw(machine, start, end, take_lines, &lines);

	buf_free(&lines.out);
	return is_read;
}
