#include "sieve/lex.h"

#include "mail/utf8.h"

struct lex
lex_new(struct span text, struct sieve_arena *arena)
{
	static const char mark[] = "\xef\xbb\xbf";

	/* Editors put a byte-order mark before text. */
	if (span_starts(text, span_of(mark)))
		text = span_slice(text, sizeof(mark) - 1, text.len);
	return (struct lex){ .rest = text, .line = 1, .arena = arena };
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_identifier(char c)
{
	return ascii_is_alnum(c) || c == '_';
}

/* Take the first len bytes off, and count their lines. */
static struct span
take(struct lex *lex, size_t len)
{
	struct span taken = span_slice(lex->rest, 0, len);

	lex->line += (uint32_t)span_count(taken, '\n');
	lex->rest = span_slice(lex->rest, taken.len, lex->rest.len);
	return taken;
}

/* How long the line end at text's start is; 0: there is none. */
static size_t
line_end(struct span text)
{
	if (text.len > 0 && text.ptr[0] == '\n')
		return 1;
	return text.len > 1 && text.ptr[0] == '\r' && text.ptr[1] == '\n' ? 2
									  : 0;
}

/* How many bytes text's first line has, without its end. */
static size_t
line_length(struct span text)
{
	size_t len = span_index(text, '\n');

	return len < text.len && len > 0 && text.ptr[len - 1] == '\r' ? len - 1
								      : len;
}

static struct lex_token
wrong(struct lex_token token, struct span text, const char *problem)
{
	token.kind = LEX_WRONG;
	token.text = text;
	token.problem = problem;
	return token;
}

/* What no text may have, wherever it stands (RFC 5228 sections 2.1, 8.1);
 * NULL: nothing. */
static const char *
problem_of(struct span text)
{
	if (span_index(text, '\0') < text.len)
		return "a NUL byte:";
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '\r' &&
		    line_end(span_slice(text, i, 2)) == 0)
			return "a CR without its LF:";
	return utf8_is_valid(text) ? NULL : "text that is not UTF-8:";
}

/* ---- white space and comments, section 2.2 and 2.3 ---- */

/* Index of the first "*" "/" in text, or text.len. */
static size_t
comment_end(struct span text)
{
	for (size_t i = 0; i + 1 < text.len; i++)
		if (text.ptr[i] == '*' && text.ptr[i + 1] == '/')
			return i;
	return text.len;
}

/* How many bytes of white space or comment text begins with.  One that is not
 * ended is text.len and one more. */
static size_t
space_length(struct span text)
{
	if (text.len == 0)
		return 0;
	if (text.ptr[0] == ' ' || text.ptr[0] == '\t')
		return 1;
	if (text.ptr[0] == '#')
		return line_length(text);
	if (!span_starts(text, span_of("/*")))
		return line_end(text);
	struct span inside = span_slice(text, 2, text.len);
	size_t end = comment_end(inside);
	return end == inside.len ? text.len + 1 : end + 4;
}

/* Pass over what parts words.  False: *token says what is wrong with it. */
static bool
skip_space(struct lex *lex, struct lex_token *token)
{
	size_t len;

	while ((len = space_length(lex->rest)) > 0) {
		bool is_open = len > lex->rest.len;

		token->line = lex->line;
		struct span space = take(lex, len);
		const char *problem = is_open ? "a comment that is not ended:"
					      : problem_of(space);
		if (problem != NULL) {
			*token = wrong(*token, space, problem);
			return false;
		}
	}
	return true;
}

/* ---- strings, section 2.4.2 ---- */

/* A string's value as it grows: first counted, and then stored. */
struct value {
	char *bytes; /* NULL: count */
	size_t len;
};

static void
add(struct value *value, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (value->bytes == NULL)
			value->len++;
		else
			value->bytes[value->len++] = bytes.ptr[i];
}

/* Add what text begins with, a line end as CRLF, and take it off. */
static void
add_next(struct value *value, struct span *text)
{
	size_t end = line_end(*text);

	add(value, end > 0 ? span_of("\r\n") : span_slice(*text, 0, 1));
	*text = span_slice(*text, end > 0 ? end : 1, text->len);
}

/* A backslash and what follows it, which stands for itself. */
static void
add_quoted(struct value *value, struct span text)
{
	while (text.len > 0) {
		if (text.ptr[0] == '\\')
			text = span_slice(text, 1, text.len);
		if (text.len > 0)
			add_next(value, &text);
	}
}

/* Of two dots that begin a line one is dropped; a dot and something else is
 * left as it is. */
static void
add_multiline(struct value *value, struct span text)
{
	while (text.len > 0) {
		size_t left = text.len - line_length(text);

		if (span_starts(text, span_of("..")))
			text = span_slice(text, 1, text.len);
		while (text.len > left)
			add_next(value, &text);
		if (text.len > 0)
			add_next(value, &text);
	}
}

static struct lex_token
string(struct lex *lex, struct lex_token token, struct span raw,
    void (*add_all)(struct value *value, struct span text))
{
	const char *problem = problem_of(raw);
	struct value value = { NULL, 0 };

	if (problem != NULL)
		return wrong(token, raw, problem);
	add_all(&value, raw);
	if (value.len > LEX_STRING_MAX)
		return wrong(token, raw, "a string that is too long:");
	size_t len = value.len;
	value = (struct value){ sieve_arena_take(lex->arena, len), 0 };
	token.kind = value.bytes == NULL ? LEX_FULL : LEX_STRING;
	if (value.bytes != NULL)
		add_all(&value, raw);
	token.text = (struct span){ value.bytes, value.len };
	return token;
}

static struct lex_token
quoted_string(struct lex *lex, struct lex_token token)
{
	size_t i = 1;

	while (i < lex->rest.len && lex->rest.ptr[i] != '"')
		i += lex->rest.ptr[i] == '\\' ? 2 : 1;
	if (i >= lex->rest.len)
		return wrong(token, take(lex, lex->rest.len),
		    "a string that is not ended:");
	struct span all = take(lex, i + 1);
	return string(lex, token, span_slice(all, 1, all.len - 2), add_quoted);
}

/* The length of text's lines up to the one that is a dot; text.len: none is. */
static size_t
multiline_length(struct span text)
{
	size_t at = 0;

	while (at < text.len) {
		struct span line = span_slice(text, at, text.len);
		size_t len = line_length(line);

		if (len == 1 && line.ptr[0] == '.')
			return at;
		at += len + line_end(span_slice(line, len, line.len));
	}
	return text.len;
}

/* "text:" was taken. */
static struct lex_token
multiline(struct lex *lex, struct lex_token token)
{
	struct span head = span_slice(lex->rest, 0, line_length(lex->rest));
	struct span after = span_trim(head);

	if (after.len > 0 && after.ptr[0] != '#')
		return wrong(token, take(lex, head.len),
		    "more on the line of \"text:\":");
	take(lex, head.len);
	if (problem_of(head) != NULL)
		return wrong(token, head, problem_of(head));
	take(lex, line_end(lex->rest));
	size_t len = multiline_length(lex->rest);
	if (len == lex->rest.len)
		return wrong(token, take(lex, len),
		    "a text without the line \".\" that ends it:");
	struct span raw = take(lex, len);
	take(lex, 1);
	return string(lex, token, raw, add_multiline);
}

/* ---- the rest ---- */

/* Section 2.4.1: K, M and G are powers of 1024. */
static bool
quantifier(char c, unsigned *shift)
{
	static const struct {
		char letter;
		unsigned shift;
	} all[] = { { 'k', 10 }, { 'm', 20 }, { 'g', 30 } };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (ascii_lower(c) == all[i].letter) {
			*shift = all[i].shift;
			return true;
		}
	return false;
}

static struct lex_token
number(struct lex *lex, struct lex_token token)
{
	size_t len = 0;
	unsigned shift = 0;

	while (len < lex->rest.len && is_identifier(lex->rest.ptr[len]))
		len++;
	struct span all = take(lex, len);
	size_t digits = len;
	if (quantifier(all.ptr[len - 1], &shift))
		digits--;
	for (size_t i = 0; i < digits; i++)
		if (!is_digit(all.ptr[i]))
			return wrong(token, all, "this is no number:");
	if (!span_number(span_slice(all, 0, digits), 10,
		LEX_NUMBER_MAX >> shift, &token.number))
		return wrong(token, all, "a number that is too large:");
	token.number <<= shift;
	token.kind = LEX_NUMBER;
	return token;
}

static struct lex_token
identifier(struct lex *lex, struct lex_token token)
{
	size_t len = 0;

	while (len < lex->rest.len && is_identifier(lex->rest.ptr[len]))
		len++;
	token.text = take(lex, len);
	token.kind = LEX_IDENTIFIER;
	return token;
}

static struct lex_token
tag(struct lex *lex, struct lex_token token)
{
	struct span colon = take(lex, 1);

	if (lex->rest.len == 0 || !is_identifier(lex->rest.ptr[0]) ||
	    is_digit(lex->rest.ptr[0]))
		return wrong(token, colon, "a colon without a tag's name:");
	token = identifier(lex, token);
	token.kind = LEX_TAG;
	return token;
}

static struct lex_token
other(struct lex *lex, struct lex_token token)
{
	struct span separators = span_of("[](){},;");
	struct span after = lex->rest;

	if (span_index(separators, lex->rest.ptr[0]) < separators.len) {
		token.kind = LEX_SEPARATOR;
		token.separator = take(lex, 1).ptr[0];
		return token;
	}
	const char *problem = "unexpected";
	if (utf8_next(&after) == UTF8_NONE || after.ptr[-1] == '\0' ||
	    after.ptr[-1] == '\r')
		problem = problem_of(span_slice(lex->rest, 0, 1));
	return wrong(token, take(lex, lex->rest.len - after.len), problem);
}

struct lex_token
lex_next(struct lex *lex)
{
	struct lex_token token = { .kind = LEX_END };

	if (!skip_space(lex, &token))
		return token;
	token.line = lex->line;
	if (lex->rest.len == 0)
		return token;
	char c = lex->rest.ptr[0];
	if (c == '"')
		return quoted_string(lex, token);
	if (c == ':')
		return tag(lex, token);
	if (is_digit(c))
		return number(lex, token);
	if (!is_identifier(c))
		return other(lex, token);
	if (span_starts_nocase(lex->rest, span_of("text:"))) {
		take(lex, 5);
		return multiline(lex, token);
	}
	return identifier(lex, token);
}
