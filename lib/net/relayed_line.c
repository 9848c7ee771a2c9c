#include "net/relayed_line.h"

static enum relayed_brace
next_brace(struct relayed_line *line, char c)
{
	enum relayed_brace brace = line->brace;

	if (c == '{') {
		line->octets = 0;
		line->has_plus = false;
		return BRACE_OPEN;
	}
	if (c >= '0' && c <= '9' &&
	    (brace == BRACE_OPEN || brace == BRACE_DIGITS)) {
		/* Beyond INT64_MAX it is no number to anyone. */
		line->octets = line->octets > (INT64_MAX - 9) / 10
				   ? (uint64_t)INT64_MAX
				   : line->octets * 10 + (uint64_t)(c - '0');
		return BRACE_DIGITS;
	}
	if (c == '+' && brace == BRACE_DIGITS) {
		line->has_plus = true;
		return BRACE_PLUS;
	}
	if (c == '}' && (brace == BRACE_DIGITS || brace == BRACE_PLUS))
		return BRACE_CLOSED;
	return c == '\r' && brace == BRACE_CLOSED ? BRACE_CR : BRACE_NONE;
}

void
relayed_line_begin(struct relayed_line *line)
{
	line->len = 0;
	line->last = '\0';
	line->brace = BRACE_NONE;
	line->is_quoted = line->is_escaped = false;
}

void
relayed_line_add(struct relayed_line *line, char c)
{
	if (line->len < sizeof(line->head))
		line->head[line->len] = c;
	line->len++;
	line->brace = next_brace(line, c);
	line->last = c;
	if (c == '"' && !line->is_escaped)
		line->is_quoted = !line->is_quoted;
	line->is_escaped = line->is_quoted && c == '\\' && !line->is_escaped;
}

bool
relayed_line_announces(const struct relayed_line *line)
{
	return line->brace == BRACE_CLOSED || line->brace == BRACE_CR;
}

bool
relayed_line_is_known(const struct relayed_line *line)
{
	return line->len < sizeof(line->head);
}

struct span
relayed_line_text(const struct relayed_line *line)
{
	size_t len = line->len - (line->last == '\r' && line->len > 0);

	return span_slice(
	    (struct span){ line->head, sizeof(line->head) }, 0, len);
}

size_t
relayed_pass_octets(uint64_t *octets, size_t bytes)
{
	size_t passed = *octets < bytes ? (size_t)*octets : bytes;

	*octets -= passed;
	return passed;
}
