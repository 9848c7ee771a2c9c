#include "mail/header.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span
header_of(struct span message)
{
	struct span rest = message;

	while (rest.len > 0) {
		struct span here = rest;
		struct span line = span_cut(&rest, '\n');

		if (line.len == 0 || span_equal(line, span_of("\r")))
			return span_slice(message, 0, message.len - here.len);
	}
	return message;
}

size_t
header_field_length(struct span text)
{
	size_t end = 0;

	do {
		struct span rest = span_slice(text, end, text.len);

		end += span_index(rest, '\n') + 1;
	} while (
	    end < text.len && (text.ptr[end] == ' ' || text.ptr[end] == '\t'));
	return end < text.len ? end : text.len;
}

bool
header_next(struct span *rest, struct span *name, struct span *value)
{
	while (rest->len > 0) {
		struct span field =
		    span_slice(*rest, 0, header_field_length(*rest));
		size_t colon = span_index(field, ':');
		size_t newline = span_index(field, '\n');

		*rest = span_slice(*rest, field.len, rest->len);
		if (colon == 0 || colon > newline || colon == field.len)
			continue;
		*name = span_trim(span_slice(field, 0, colon));
		*value = span_slice(field, colon + 1, field.len);
		if (value->len > 0 && value->ptr[value->len - 1] == '\n')
			value->len--;
		return true;
	}
	return false;
}

bool
header_find(struct span header, const char *name, struct span *value)
{
	struct span found_name;
	struct span found;
	struct span wanted = span_of(name);

	while (header_next(&header, &found_name, &found)) {
		if (span_equal_nocase(found_name, wanted)) {
			*value = found;
			return true;
		}
	}
	return false;
}

void
header_add_unfolded(struct buf *into, struct span value)
{
	value = span_trim(value);
	while (value.len > 0) {
		size_t len = 0;

		while (len < value.len && value.ptr[len] != '\n' &&
		       value.ptr[len] != '\r')
			len++;
		buf_add(into, span_slice(value, 0, len));
		if (len == value.len)
			return;
		while (len < value.len && is_blank(value.ptr[len]))
			len++;
		buf_add_char(into, ' ');
		value = span_slice(value, len, value.len);
	}
}

bool
header_is_safe(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return false;
	return true;
}

void
header_add_message_id(struct buf *into, struct span value)
{
	value = span_trim(value);
	if (value.len < 3 || value.len > MESSAGE_ID_MAX ||
	    value.ptr[0] != '<' || value.ptr[value.len - 1] != '>')
		return;
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] <= ' ' || value.ptr[i] >= 0x7f)
			return;
	buf_add(into, value);
}

bool
header_is_field(struct span line)
{
	size_t colon = span_index(line, ':');

	if (colon == 0 || colon == line.len)
		return false;
	for (size_t i = 0; i < colon; i++)
		if (line.ptr[i] <= ' ' || line.ptr[i] >= 0x7f)
			return false;
	return true;
}

void
header_add_quoted(struct buf *into, struct span text)
{
	size_t start = 0;

	buf_add_char(into, '"');
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool is_blank_here = c == '\r' || c == '\n' || c == '\0';

		if (!is_blank_here && c != '"' && c != '\\')
			continue;
		buf_add(into, span_slice(text, start, i - start));
		buf_add_char(into, is_blank_here ? ' ' : '\\');
		start = is_blank_here ? i + 1 : i;
	}
	buf_add(into, span_slice(text, start, text.len));
	buf_add_char(into, '"');
}
