#include "sieve/variable.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_identifier(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!ascii_is_alnum(text.ptr[i]) && text.ptr[i] != '_')
			return false;
	return text.len > 0 && !is_digit(text.ptr[0]);
}

static bool
is_number(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_digit(text.ptr[i]))
			return false;
	return text.len > 0;
}

/* Leading zeros do not count (section 3.2). */
static unsigned
match_of(struct span digits)
{
	uint64_t number = VARIABLE_MATCH_MAX + 1;

	while (digits.len > 1 && digits.ptr[0] == '0')
		digits = span_slice(digits, 1, digits.len);
	span_number(digits, 10, VARIABLE_MATCH_MAX, &number);
	return (unsigned)number;
}

/* namespace = identifier "." *(variable-name "."), without the last dot. */
static bool
is_namespace(struct span text)
{
	if (!is_identifier(span_cut(&text, '.')))
		return false;
	while (text.len > 0) {
		struct span part = span_cut(&text, '.');

		if (!is_identifier(part) && !is_number(part))
			return false;
	}
	return true;
}

bool
variable_parse(struct span text, struct variable *variable)
{
	size_t dot = span_last_index(text, '.');
	struct span name = text;
	struct span space = { text.ptr, 0 };

	if (dot < text.len) {
		name = span_slice(text, dot + 1, text.len);
		space = span_slice(text, 0, dot);
		/* span_cut does not tell "a" from "a.". */
		if (!is_namespace(space) || space.ptr[space.len - 1] == '.')
			return false;
	}
	if (!is_identifier(name) && !is_number(name))
		return false;
	variable->space = space;
	variable->name = name;
	variable->is_match = is_number(name);
	variable->match = variable->is_match ? match_of(name) : 0;
	return true;
}

/* How many bytes text begins with that a name may have. */
static size_t
name_length(struct span text)
{
	size_t len = 0;

	while (
	    len < text.len && (ascii_is_alnum(text.ptr[len]) ||
				  text.ptr[len] == '_' || text.ptr[len] == '.'))
		len++;
	return len;
}

bool
variable_next(struct span *rest, struct span *before, struct variable *variable)
{
	struct span text = *rest;
	size_t at = 0;

	while (at < text.len) {
		at += span_index(span_slice(text, at, text.len), '$');
		struct span here = span_slice(text, at, text.len);
		if (span_starts(here, span_of("${"))) {
			struct span inside = span_slice(here, 2, here.len);
			size_t len = name_length(inside);

			if (len < inside.len && inside.ptr[len] == '}' &&
			    variable_parse(
				span_slice(inside, 0, len), variable)) {
				*before = span_slice(text, 0, at);
				*rest = span_slice(inside, len + 1, inside.len);
				return true;
			}
		}
		at++;
	}
	*before = text;
	*rest = span_slice(text, text.len, 0);
	return false;
}

bool
variable_is_in(struct span text)
{
	struct variable variable;
	struct span before;

	return variable_next(&text, &before, &variable);
}
