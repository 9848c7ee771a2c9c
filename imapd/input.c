#include "imapd/input.h"

#include <string.h>

enum {
	KEPT_MAX = 4096, /* bytes of memory kept between commands */
	BEGINNING = 256  /* of a line that is too long: it has the tag */
};

void
input_init(
    struct input *input, struct reader *in, struct writer *out, size_t max)
{
	*input = (struct input){ .in = in,
		.out = out,
		.line = buf_new(max),
		.command = buf_new(max),
		.max = max };
}

void
input_ask(struct input *input, const struct literal *literal)
{
	if (literal->is_sync)
		write_string(input->out, "+ OK\r\n");
}

static void
add_octets(void *command, struct span bytes)
{
	buf_add(command, bytes);
}

/*
 * A line too many, which ends with these bytes: is what follows it a literal
 * that was not asked for (RFC 7888 section 4)?  Its bytes are no commands, and
 * how many they are is not known.
 */
static enum input_status
refuse_line(const struct input *input, struct span end)
{
	if (end.len > 0 && end.ptr[end.len - 1] == '\r')
		end.len--;
	bool is_literal = end.len > 1 && end.ptr[end.len - 1] == '}' &&
			  (input->is_relayed || end.ptr[end.len - 2] == '+');
	return is_literal ? INPUT_BROKEN : INPUT_TOO_LONG;
}

/* One line onto the command. */
static enum input_status
add_line(struct input *input)
{
	enum io_status status = read_line(input->in, &input->line);
	struct span line = buf_span(&input->line);

	if (status == IO_TOO_LONG) {
		if (input->command.len == 0)
			buf_add(&input->command,
			    span_slice(buf_span(&input->line), 0, BEGINNING));
		return refuse_line(input, (struct span){ input->in->before_lf,
					      sizeof(input->in->before_lf) });
	}
	if (status != IO_OK)
		return INPUT_CLOSED;
	line.len--;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	buf_add(&input->command, line);
	enum input_status result =
	    input->command.overflow ? refuse_line(input, line) : INPUT_OK;
	buf_wipe(&input->line);
	return result;
}

enum input_status
input_read(struct input *input, bool (*is_streamed)(struct span so_far),
    struct literal *literal)
{
	for (;;) {
		size_t start = input->command.len;
		enum input_status status = add_line(input);
		struct span line =
		    span_slice(buf_span(&input->command), start, SIZE_MAX);

		if (status != INPUT_OK || !parse_literal(line, literal))
			return status;
		literal->is_sync &= !input->is_relayed;
		struct span so_far = buf_span(&input->command);
		so_far.len -= literal->len;
		if (is_streamed != NULL && is_streamed(so_far))
			return INPUT_STREAM;
		if (literal->octets > input->max ||
		    literal->octets > input->max - input->command.len)
			return literal->is_sync ? INPUT_TOO_LONG : INPUT_BROKEN;
		input_ask(input, literal);
		buf_add_string(&input->command, "\r\n");
		if (!read_octets(input->in, literal->octets, add_octets,
			&input->command))
			return INPUT_CLOSED;
	}
}

void
input_wipe(struct input *input)
{
	buf_wipe(&input->line);
	buf_wipe(&input->command);
	reader_wipe(input->in);
	if (input->line.cap > KEPT_MAX)
		buf_free(&input->line);
	if (input->command.cap > KEPT_MAX)
		buf_free(&input->command);
}
