#include "mail/contenttype.h"

#include <string.h>

enum {
	COMMENT_DEPTH_MAX = 8
};

static bool
is_token(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f &&
	       strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Past a comment that begins at rest->ptr[0]. */
static void
skip_comment(struct span *rest)
{
	size_t depth = 0;
	size_t i = 0;

	for (; i < rest->len; i++) {
		char c = rest->ptr[i];

		if (c == '\\')
			i++;
		else if ((c == '(' && ++depth > COMMENT_DEPTH_MAX) ||
			 (c == ')' && --depth == 0))
			break;
	}
	*rest = span_slice(*rest, i + 1, rest->len);
}

static void
skip_space(struct span *rest)
{
	while (rest->len > 0) {
		if (is_blank(rest->ptr[0]))
			*rest = span_slice(*rest, 1, rest->len);
		else if (rest->ptr[0] == '(')
			skip_comment(rest);
		else
			return;
	}
}

static struct span
take_token(struct span *rest)
{
	size_t len = 0;

	skip_space(rest);
	while (len < rest->len && is_token(rest->ptr[len]))
		len++;
	struct span token = span_slice(*rest, 0, len);
	*rest = span_slice(*rest, len, rest->len);
	skip_space(rest);
	return token;
}

static bool
take_char(struct span *rest, char c)
{
	if (rest->len == 0 || rest->ptr[0] != c)
		return false;
	*rest = span_slice(*rest, 1, rest->len);
	return true;
}

struct span
content_token(struct span value)
{
	skip_space(&value);
	take_char(&value, '"');
	return take_token(&value);
}

void
content_type_parse(struct span value, struct content_type *type)
{
	*type = (struct content_type){ .type = take_token(&value) };
	if (type->type.len > 0 && take_char(&value, '/'))
		type->subtype = take_token(&value);
	if (type->subtype.len == 0)
		type->type = (struct span){ "", 0 };
	type->parameters = value;
}

bool
content_type_is(
    const struct content_type *type, const char *main_type, const char *subtype)
{
	return span_equal_nocase(type->type, span_of(main_type)) &&
	       (subtype == NULL ||
		   span_equal_nocase(type->subtype, span_of(subtype)));
}

/*
 * How much of text is a value that should have been quoted: many are not.  A
 * file's name may hold anything but a ';', a boundary anything but a blank,
 * and others anything but a comment, too.
 */
static size_t
bare_length(struct span name, struct span text)
{
	static const char *const file_names[] = { "name", "filename" };
	struct span base = span_slice(name, 0, span_index(name, '*'));
	bool is_file_name = span_is_one_of(base, file_names, 2);
	bool is_boundary = span_equal_nocase(base, span_of("boundary"));
	size_t len = 0;

	while (len < text.len && text.ptr[len] != ';') {
		char c = text.ptr[len];

		if (!is_file_name &&
		    (is_blank(c) || (c == '(' && !is_boundary)))
			break;
		len++;
	}
	while (len > 0 && is_blank(text.ptr[len - 1]))
		len--;
	return len;
}

/* What a comment may begin is no comment where it may be the value. */
static void
take_bare(struct span *rest, struct span name, struct buf *value)
{
	size_t len;

	while (rest->len > 0 && is_blank(rest->ptr[0]))
		*rest = span_slice(*rest, 1, rest->len);
	len = bare_length(name, *rest);
	if (len == 0) {
		skip_space(rest);
		len = bare_length(name, *rest);
	}
	for (size_t i = 0; i < len; i++)
		if (rest->ptr[i] != '\r' && rest->ptr[i] != '\n')
			buf_add_char(value, rest->ptr[i]);
	*rest = span_slice(*rest, len, rest->len);
}

/* The value of the parameter name, appended to value: without quotes. */
static void
take_value(struct span *rest, struct span name, struct buf *value)
{
	struct span quoted = *rest;

	skip_space(&quoted);
	if (!take_char(&quoted, '"')) {
		take_bare(rest, name, value);
		return;
	}
	*rest = quoted;
	while (rest->len > 0 && !take_char(rest, '"')) {
		if (rest->len > 1)
			take_char(rest, '\\');
		if (rest->ptr[0] != '\r' && rest->ptr[0] != '\n')
			buf_add_char(value, rest->ptr[0]);
		*rest = span_slice(*rest, 1, rest->len);
	}
}

bool
content_type_next(struct span *rest, struct span *name, struct buf *value)
{
	while (rest->len > 0) {
		span_cut(rest, ';');
		*name = take_token(rest);
		if (!take_char(rest, '='))
			continue;
		take_value(rest, *name, value);
		return true;
	}
	return false;
}

bool
content_type_parameter(
    const struct content_type *type, const char *name, struct buf *value)
{
	struct span rest = type->parameters;
	size_t before = value->len;
	struct span found;

	while (content_type_next(&rest, &found, value)) {
		if (span_equal_nocase(found, span_of(name)))
			return !value->overflow;
		value->len = before;
		value->overflow = false;
	}
	return false;
}
