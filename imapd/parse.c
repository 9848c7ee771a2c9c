#include "imapd/parse.h"

#include <string.h>

struct parse
parse_begin(const struct buf *command)
{
	static char nothing[1];

	if (command->data == NULL)
		return (struct parse){ nothing, nothing };
	return (struct parse){ command->data, command->data + command->len };
}

struct span
parse_rest(const struct parse *parse)
{
	return (struct span){ parse->next, (size_t)(parse->end - parse->next) };
}

bool
parse_is_end(const struct parse *parse)
{
	return parse->next == parse->end;
}

char
parse_peek(const struct parse *parse)
{
	return parse->next == parse->end ? '\0' : *parse->next;
}

bool
parse_char(struct parse *parse, char c)
{
	if (parse->next == parse->end || *parse->next != c)
		return false;
	parse->next++;
	return true;
}

bool
parse_space(struct parse *parse)
{
	return parse_char(parse, ' ');
}

/* RFC 3501: no CTL, no 8-bit, none of (){ SP %*"\ and ]. */
static bool
is_atom_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("(){%*\"\\]", c) == NULL;
}

static bool
is_astring_char(char c)
{
	return is_atom_char(c) || c == ']';
}

static bool
is_pattern_char(char c)
{
	return is_astring_char(c) || c == '%' || c == '*';
}

static bool
is_tag_char(char c)
{
	return is_astring_char(c) && c != '+';
}

bool
parse_prefix(struct parse *parse, const char *prefix)
{
	struct span word = span_of(prefix);

	if (!span_starts_nocase(parse_rest(parse), word))
		return false;
	parse->next += word.len;
	return true;
}

bool
parse_keyword(struct parse *parse, const char *word)
{
	struct parse after = *parse;

	if (!parse_prefix(&after, word) || is_atom_char(parse_peek(&after)))
		return false;
	*parse = after;
	return true;
}

static bool
take_run(struct parse *parse, bool (*is_in)(char c), struct span *run)
{
	char *start = parse->next;

	while (parse->next < parse->end && is_in(*parse->next))
		parse->next++;
	*run = (struct span){ start, (size_t)(parse->next - start) };
	return run->len > 0;
}

bool
parse_atom(struct parse *parse, struct span *atom)
{
	return take_run(parse, is_atom_char, atom);
}

bool
parse_tag(struct parse *parse, struct span *tag)
{
	return take_run(parse, is_tag_char, tag);
}

/* Behind the opening quote; unquoted in its place. */
static bool
parse_quoted(struct parse *parse, struct span *string)
{
	char *start = parse->next;
	char *to = start;

	while (parse->next < parse->end) {
		char c = *parse->next++;

		if (c == '"') {
			*string = (struct span){ start, (size_t)(to - start) };
			return true;
		}
		if (c == '\\') {
			if (parse->next == parse->end)
				return false;
			c = *parse->next++;
			if (c != '"' && c != '\\')
				return false;
		}
		if (c == '\0' || c == '\r' || c == '\n')
			return false;
		*to++ = c;
	}
	return false;
}

/* Behind the opening brace. */
static bool
parse_counted(struct parse *parse, bool is_binary, struct span *string)
{
	uint64_t octets;

	if (!parse_number(parse, SIZE_MAX, &octets))
		return false;
	parse_char(parse, '+');
	if (!parse_prefix(parse, "}\r\n") || octets > parse_rest(parse).len)
		return false;
	*string = span_slice(parse_rest(parse), 0, (size_t)octets);
	parse->next += octets;
	return is_binary || span_index(*string, '\0') == string->len;
}

bool
parse_string(struct parse *parse, struct span *string)
{
	if (parse_char(parse, '"'))
		return parse_quoted(parse, string);
	return parse_char(parse, '{') && parse_counted(parse, false, string);
}

bool
parse_astring(struct parse *parse, struct span *string)
{
	if (parse_peek(parse) == '"' || parse_peek(parse) == '{')
		return parse_string(parse, string);
	return take_run(parse, is_astring_char, string);
}

bool
parse_nstring(struct parse *parse, struct span *string)
{
	*string = (struct span){ NULL, 0 };
	if (parse_keyword(parse, "NIL"))
		return true;
	if (parse_prefix(parse, "~{"))
		return parse_counted(parse, true, string);
	return parse_string(parse, string);
}

bool
parse_pattern(struct parse *parse, struct span *pattern)
{
	if (parse_peek(parse) == '"' || parse_peek(parse) == '{')
		return parse_string(parse, pattern);
	return take_run(parse, is_pattern_char, pattern);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
parse_number(struct parse *parse, uint64_t max, uint64_t *number)
{
	struct span digits;

	return take_run(parse, is_digit, &digits) &&
	       span_number(digits, 10, max, number);
}

bool
parse_literal(struct span text, struct literal *literal)
{
	size_t brace = span_last_index(text, '{');
	struct span digits;

	if (brace == text.len || text.ptr[text.len - 1] != '}')
		return false;
	digits = span_slice(text, brace + 1, text.len - brace - 2);
	literal->is_sync = true;
	if (digits.len > 0 && digits.ptr[digits.len - 1] == '+') {
		literal->is_sync = false;
		digits.len--;
	}
	literal->is_binary = brace > 0 && text.ptr[brace - 1] == '~';
	literal->len = text.len - brace + literal->is_binary;
	return span_number(digits, 10, INT64_MAX, &literal->octets);
}
