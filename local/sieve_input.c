#include "local/sieve_input.h"

#include "mail/utf8.h"

enum {
	KEPT_MAX = 65536 /* bytes of memory kept between commands */
};

static const char no_utf8[] = "a string is UTF-8, without NUL";

/* The octets that follow a line; none if there is no literal at its end. */
struct literal {
	bool is_there;
	uint32_t octets;
};

void
sieve_input_init(struct sieve_input *input, struct reader *in,
    uint64_t literal_max, uint64_t skip_max)
{
	*input = (struct sieve_input){ .in = in,
		.literal_max = literal_max,
		.skip_max = skip_max,
		.line = buf_new(SIEVE_LINE_MAX),
		.strings = buf_new(literal_max + SIEVE_LINE_MAX) };
}

/* The first fault is told; a literal that is too large counts for more. */
static bool
fail(struct sieve_input *input, enum sieve_input_status status,
    const char *wrong)
{
	if (input->status == SIEVE_INPUT_OK)
		input->wrong = wrong;
	if (input->status < status)
		input->status = status;
	return false;
}

static bool
is_wrong(struct sieve_input *input, const char *wrong)
{
	return fail(input, SIEVE_INPUT_WRONG, wrong);
}

static bool
take_char(struct span *rest, char c)
{
	if (rest->len == 0 || rest->ptr[0] != c)
		return false;
	*rest = span_slice(*rest, 1, rest->len);
	return true;
}

/* A number has 32 bits, and no zero before it. */
static bool
take_number(struct span *rest, uint32_t *number)
{
	size_t len = 0;
	uint64_t value;

	while (
	    len < rest->len && rest->ptr[len] >= '0' && rest->ptr[len] <= '9')
		len++;
	struct span digits = span_slice(*rest, 0, len);
	if (!span_number(digits, 10, UINT32_MAX, &value) ||
	    (len > 1 && digits.ptr[0] == '0'))
		return false;
	*number = (uint32_t)value;
	*rest = span_slice(*rest, len, rest->len);
	return true;
}

/* ---- arguments ---- */

static bool
add_argument(struct sieve_input *input, struct sieve_argument **argument)
{
	if (input->count == SIEVE_ARGUMENTS_MAX)
		return is_wrong(input, "too many arguments");
	*argument = &input->arguments[input->count++];
	**argument = (struct sieve_argument){ .start = input->strings.len };
	return true;
}

static bool
end_string(struct sieve_input *input, struct sieve_argument *argument)
{
	struct span text =
	    span_slice(buf_span(&input->strings), argument->start, SIZE_MAX);

	argument->text.len = text.len;
	return (utf8_is_valid(text) && span_index(text, '\0') == text.len) ||
	       is_wrong(input, no_utf8);
}

static bool
parse_quoted(struct sieve_input *input, struct span *rest)
{
	struct sieve_argument *argument;
	size_t octets = 0;

	if (!add_argument(input, &argument))
		return false;
	while (!take_char(rest, '"')) {
		if (take_char(rest, '\\')) {
			octets++;
			if (rest->len > 0 && rest->ptr[0] != '"' &&
			    rest->ptr[0] != '\\')
				return is_wrong(input,
				    "behind a backslash stands \\ or \"");
		}
		if (rest->len == 0)
			return is_wrong(input, "a string has no end");
		if (++octets > SIEVE_QUOTED_MAX)
			return is_wrong(input,
			    "a quoted string has 1024 octets at most: send a "
			    "literal");
		buf_add_char(&input->strings, rest->ptr[0]);
		*rest = span_slice(*rest, 1, rest->len);
	}
	return end_string(input, argument);
}

static bool
parse_number(struct sieve_input *input, struct span *rest)
{
	struct sieve_argument *argument;

	if (!add_argument(input, &argument))
		return false;
	argument->is_number = true;
	return take_number(rest, &argument->number) ||
	       is_wrong(input, "a number has 32 bits, and no zero before it");
}

/* {N+}, and the line ends. */
static bool
parse_literal(
    struct sieve_input *input, struct span rest, struct literal *literal)
{
	literal->is_there =
	    take_char(&rest, '{') && take_number(&rest, &literal->octets) &&
	    take_char(&rest, '+') && take_char(&rest, '}') && rest.len == 0;
	return literal->is_there ||
	       is_wrong(input, "a literal is {OCTETS+}, and the line ends");
}

static bool
parse_argument(
    struct sieve_input *input, struct span *rest, struct literal *literal)
{
	struct sieve_argument *argument;

	if (take_char(rest, '"'))
		return parse_quoted(input, rest);
	if (rest->len > 0 && rest->ptr[0] >= '0' && rest->ptr[0] <= '9')
		return parse_number(input, rest);
	if (rest->len == 0 || rest->ptr[0] != '{')
		return is_wrong(
		    input, "an argument is \"a string\", {N+} or a number");
	if (!parse_literal(input, *rest, literal) ||
	    !add_argument(input, &argument))
		return false;
	*rest = span_slice(*rest, rest->len, 0);
	return true;
}

/* ---- a line ---- */

static bool
parse_verb(struct sieve_input *input, struct span *rest)
{
	size_t len = 0;

	while (len < rest->len && len < SIEVE_VERB_MAX &&
	       ascii_is_letter(rest->ptr[len])) {
		char c = rest->ptr[len];

		input->verb[len++] =
		    (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
	}
	input->verb[len] = '\0';
	*rest = span_slice(*rest, len, rest->len);
	return (len > 0 && (rest->len == 0 || rest->ptr[0] == ' ')) ||
	       is_wrong(input, "a line begins with a command");
}

static void
parse_line(struct sieve_input *input, struct span rest, struct literal *literal)
{
	while (rest.len > 0 && input->status == SIEVE_INPUT_OK)
		if (!take_char(&rest, ' '))
			is_wrong(input, "a space goes before an argument");
		else
			parse_argument(input, &rest, literal);
}

/*
 * Of a line that is wrong, octets follow all the same: they are no commands.
 * Some text within quotes may end so, too; who sends that has other troubles.
 */
static void
find_literal(
    struct sieve_input *input, struct span line, struct literal *literal)
{
	size_t brace = span_last_index(line, '{');
	struct span rest = span_slice(line, brace + 1, line.len);
	size_t digits = 0;
	uint64_t octets;

	while (digits < rest.len && rest.ptr[digits] >= '0' &&
	       rest.ptr[digits] <= '9')
		digits++;
	if (digits == 0 ||
	    !span_equal(span_slice(rest, digits, rest.len), span_of("+}")))
		return;
	literal->is_there =
	    span_number(span_slice(rest, 0, digits), 10, UINT32_MAX, &octets);
	if (literal->is_there)
		literal->octets = (uint32_t)octets;
	else
		fail(input, SIEVE_INPUT_LOST, "a literal is too large");
}

/* False if the command ends here, whatever came of it. */
static bool
read_part(struct sieve_input *input, bool is_first, bool is_command,
    struct literal *literal)
{
	enum io_status status = read_line(input->in, &input->line);
	struct span line = buf_span(&input->line);

	*literal = (struct literal){ .is_there = false };
	if (status == IO_TOO_LONG)
		return fail(input, SIEVE_INPUT_LOST, "a line is too long");
	if (status != IO_OK)
		return fail(input, SIEVE_INPUT_CLOSED, "");
	line.len--;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	struct span rest = line;
	if (span_index(line, '\r') < line.len)
		is_wrong(input, "a line has no bare CR");
	else if (!is_first ||
		 (is_command ? parse_verb(input, &rest)
			     : parse_argument(input, &rest, literal)))
		parse_line(input, rest, literal);
	if (input->status != SIEVE_INPUT_OK)
		find_literal(input, line, literal);
	buf_wipe(&input->line);
	return literal->is_there && input->status < SIEVE_INPUT_LOST;
}

/* ---- literals ---- */

static void
keep(void *context, struct span bytes)
{
	struct sieve_input *input = context;

	buf_add(&input->strings, bytes);
}

static void
skip(void *context, struct span bytes)
{
	(void)context, (void)bytes;
}

static bool
read_literal(struct sieve_input *input, uint64_t octets)
{
	if (octets > input->literal_max)
		fail(input, SIEVE_INPUT_TOO_LARGE, "");
	if (octets > input->skip_max)
		return fail(input, SIEVE_INPUT_LOST, "a literal is too large");
	bool is_kept = input->status == SIEVE_INPUT_OK;
	if (!read_octets(input->in, octets, is_kept ? keep : skip, input))
		return fail(input, SIEVE_INPUT_CLOSED, "");
	if (input->strings.overflow)
		fail(input, SIEVE_INPUT_TOO_LARGE, "");
	else if (is_kept)
		end_string(input, &input->arguments[input->count - 1]);
	return true;
}

/* ---- a command ---- */

static enum sieve_input_status
read_command(struct sieve_input *input, bool is_command)
{
	struct literal literal;
	unsigned literals = 0;

	buf_clear(&input->strings);
	input->verb[0] = '\0';
	input->count = 0;
	input->status = SIEVE_INPUT_OK;
	while (read_part(input, literals == 0, is_command, &literal)) {
		if (++literals > SIEVE_LITERALS_MAX) {
			fail(input, SIEVE_INPUT_LOST, "too many literals");
			break;
		}
		if (!read_literal(input, literal.octets))
			break;
	}
	/* Now the strings do not move any more. */
	for (size_t i = 0; i < input->count; i++)
		input->arguments[i].text = span_slice(buf_span(&input->strings),
		    input->arguments[i].start, input->arguments[i].text.len);
	return input->status;
}

enum sieve_input_status
sieve_input_read(struct sieve_input *input)
{
	return read_command(input, true);
}

enum sieve_input_status
sieve_input_read_string(struct sieve_input *input)
{
	if (read_command(input, false) == SIEVE_INPUT_OK &&
	    (input->count != 1 || input->arguments[0].is_number))
		is_wrong(input, "one string is wanted");
	return input->status;
}

void
sieve_input_wipe(struct sieve_input *input)
{
	buf_wipe(&input->line);
	buf_wipe(&input->strings);
	reader_wipe(input->in);
	if (input->strings.cap > KEPT_MAX)
		buf_free(&input->strings);
}

void
sieve_input_free(struct sieve_input *input)
{
	buf_free(&input->line);
	buf_free(&input->strings);
}
