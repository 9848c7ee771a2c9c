#include "mail/header_convert.h"

#include "mail/charset.h"
#include "mail/contenttype.h"
#include "mail/header.h"
#include "mail/utf8.h"
#include "mail/words.h"

enum {
	PARAMETERS_MAX = 200,
	LINE_MAX_WANTED = 77,
	ESCAPED = 3, /* "%C3" */
	SPARE = 1024,
	NOT_CONTINUED = -1
};

/* "name*1*=value": RFC 2231 sections 3 and 4. */
struct parameter {
	struct span base;
	int section; /* or NOT_CONTINUED */
	bool is_extended;
	size_t start; /* of the value, in values */
	size_t len;
	bool is_done;
};

struct field {
	struct parameter parameters[PARAMETERS_MAX];
	size_t count;
	struct buf values;
	bool has_extended;
	struct charset_writer *writer;
	struct span charset;
};

/* What one of RFC 2231 says. */
struct extended {
	struct span base;
	struct span language;
	struct buf utf8;
};

/* ---- reading ---- */

/* False if it is none that can be understood. */
static bool
read_name(struct span name, struct parameter *parameter)
{
	uint64_t section;

	parameter->base = span_slice(name, 0, span_index(name, '*'));
	parameter->section = NOT_CONTINUED;
	struct span rest = span_slice(name, parameter->base.len, name.len);
	parameter->is_extended = rest.len > 0 && rest.ptr[rest.len - 1] == '*';
	if (rest.len <= 1)
		return parameter->base.len > 0;
	rest = span_slice(rest, 1, rest.len - 1 - parameter->is_extended);
	if (!span_number(rest, 10, PARAMETERS_MAX, &section))
		return false;
	parameter->section = (int)section;
	return parameter->base.len > 0;
}

static bool
read_parameters(struct field *field, struct span rest)
{
	struct span name;
	size_t start = 0;

	while (content_type_next(&rest, &name, &field->values)) {
		struct parameter *new = &field->parameters[field->count];

		if (field->count == PARAMETERS_MAX)
			return false;
		*new = (struct parameter){ .start = start,
			.len = field->values.len - start };
		if (!read_name(name, new))
			return false;
		field->has_extended |= new->is_extended;
		field->count++;
		start = field->values.len;
	}
	return !field->values.overflow;
}

static struct span
value_of(const struct field *field, const struct parameter *parameter)
{
	return span_slice(
	    buf_span(&field->values), parameter->start, parameter->len);
}

static struct parameter *
find_section(struct field *field, struct span base, int section)
{
	for (size_t i = 0; i < field->count; i++)
		if (field->parameters[i].section == section &&
		    span_equal_nocase(field->parameters[i].base, base))
			return &field->parameters[i];
	return NULL;
}

static void
add_unescaped(struct buf *into, struct span text)
{
	uint64_t byte;

	while (text.len > 0) {
		bool is_escaped =
		    text.ptr[0] == '%' && text.len >= ESCAPED &&
		    span_number(span_slice(text, 1, 2), 16, 255, &byte);

		buf_add_char(into, is_escaped ? (char)byte : text.ptr[0]);
		text = span_slice(text, is_escaped ? ESCAPED : 1, text.len);
	}
}

static bool
is_attribute_char(char c)
{
	return ascii_is_alnum(c) || c == '.' || c == '-' || c == '_' ||
	       c == '+' || c == '!' || c == '^';
}

static bool
is_of_attribute_chars(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_attribute_char(text.ptr[i]))
			return false;
	return true;
}

/* All sections of one, whose first says set and language. */
static bool
read_extended(
    struct field *field, struct parameter *first, struct extended *extended)
{
	struct buf bytes = buf_new(field->values.len);
	struct span value = value_of(field, first);
	struct span charset = span_cut(&value, '\'');

	extended->base = first->base;
	extended->language = span_cut(&value, '\'');
	add_unescaped(&bytes, value);
	bool is_good = true; /* no two have the same sections */
	for (int section = 1; first->section != NOT_CONTINUED; section++) {
		struct parameter *next =
		    find_section(field, first->base, section);

		if (next == NULL)
			break;
		is_good &= !next->is_done;
		next->is_done = true;
		if (next->is_extended)
			add_unescaped(&bytes, value_of(field, next));
		else
			buf_add(&bytes, value_of(field, next));
	}
	first->is_done = true;
	bool is_known = charset.len > 0 && charset_is_known(charset);
	if (is_known)
		charset_add_utf8(&extended->utf8, charset, buf_span(&bytes));
	buf_free(&bytes);
	/* The language will be written as it is. */
	return is_good && is_known && is_of_attribute_chars(extended->language);
}

/* ---- writing ---- */

/* One character's bytes; the length that they have. */
static void
add_escaped(struct buf *into, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (is_attribute_char(bytes.ptr[i]))
			buf_add_char(into, bytes.ptr[i]);
		else
			buf_printf(into, "%%%02X",
			    (unsigned)(unsigned char)bytes.ptr[i]);
}

static void
add_name(struct buf *into, struct span base, unsigned section, bool is_split)
{
	buf_add_string(into, ";\r\n ");
	buf_add(into, base);
	if (is_split)
		buf_printf(into, "*%u", section);
	buf_add_string(into, "*=");
}

/*
 * As many lines as it needs.  is_split: the first try, as one, was too long;
 * false if it is, too.
 */
static bool
add_lines(const struct field *field, struct buf *into,
    const struct extended *extended, bool is_split)
{
	struct span utf8 = buf_span(&extended->utf8);
	struct buf bytes = buf_new(CHARSET_REPLACEMENT_MAX);
	struct buf escaped = buf_new((size_t)CHARSET_REPLACEMENT_MAX * ESCAPED);
	unsigned section = 0;
	size_t line = into->len + 3; /* behind the fold */
	size_t empty;

	add_name(into, extended->base, section, is_split);
	buf_add(into, field->charset);
	buf_add_char(into, '\'');
	buf_add(into, extended->language);
	buf_add_char(into, '\'');
	empty = into->len;
	bool is_good = true;
	while (utf8.len > 0 && is_good) {
		struct span rest = utf8;

		utf8_next(&rest);
		buf_clear(&bytes);
		buf_clear(&escaped);
		charset_writer_add(field->writer, &bytes,
		    span_slice(utf8, 0, utf8.len - rest.len));
		add_escaped(&escaped, buf_span(&bytes));
		utf8 = rest;
		bool is_full =
		    into->len > empty &&
		    into->len - line + escaped.len + 1 > LINE_MAX_WANTED;
		is_good = !is_full || is_split;
		if (is_full && is_split) {
			line = into->len + 3;
			add_name(into, extended->base, ++section, true);
			empty = into->len;
		}
		buf_add(into, buf_span(&escaped));
	}
	buf_free(&bytes);
	buf_free(&escaped);
	return is_good;
}

static void
add_plain(
    const struct field *field, struct buf *into, const struct parameter *one)
{
	struct span value = value_of(field, one);
	struct buf converted = buf_new(into->max);

	words_add_converted(&converted, value, field->writer, field->charset);
	buf_add_string(into, ";\r\n ");
	buf_add(into, one->base);
	if (one->section != NOT_CONTINUED)
		buf_printf(into, "*%d", one->section);
	buf_add_char(into, '=');
	if (converted.len > 0 && is_of_attribute_chars(buf_span(&converted)))
		buf_add(into, buf_span(&converted));
	else
		header_add_quoted(into, buf_span(&converted));
	into->overflow |= converted.overflow;
	buf_free(&converted);
}

/* False if one cannot be read. */
static bool
add_parameters(struct field *field, struct buf *into)
{
	struct extended extended = { .utf8 = buf_new(
					 4 * field->values.len + SPARE) };
	bool is_good = true;

	for (size_t i = 0; i < field->count && is_good; i++) {
		struct parameter *one = &field->parameters[i];
		size_t start = into->len;

		if (one->is_done)
			continue;
		/* A later section may come before the first; one that is
		   left over, or has no set, cannot be read. */
		struct parameter *first =
		    one->section > 0 ? find_section(field, one->base, 0) : NULL;
		bool is_later = first != NULL && first->is_extended;
		is_good = one->section <= 0 ||
			  (is_later ? !first->is_done : !one->is_extended);
		if (is_later)
			one = first;
		if (!is_good)
			break;
		if (!one->is_extended) {
			add_plain(field, into, one);
			one->is_done = true;
			continue;
		}
		buf_clear(&extended.utf8);
		is_good = read_extended(field, one, &extended);
		if (is_good && !add_lines(field, into, &extended, false)) {
			into->len = start;
			add_lines(field, into, &extended, true);
		}
	}
	buf_free(&extended.utf8);
	return is_good;
}

/*
 * "text/plain" or "attachment", without comments: one may hold a ';'.  What
 * follows it, or nothing if it is neither.
 */
static struct span
add_main_value(struct buf *into, struct span value)
{
	struct span token = content_token(value);
	struct content_type type;

	content_type_parse(value, &type);
	if (type.type.len > 0) {
		buf_add(into, type.type);
		buf_add_char(into, '/');
		buf_add(into, type.subtype);
		return type.parameters;
	}
	if (token.len == 0)
		return token;
	buf_add(into, token);
	return span_slice(
	    value, (size_t)(token.ptr - value.ptr) + token.len, value.len);
}

/* False, and nothing appended, if it has none of RFC 2231. */
static bool
add_written_anew(struct buf *into, struct span name, struct span value,
    struct charset_writer *writer, struct span charset)
{
	size_t start = into->len;
	struct field field = { .values = buf_new(value.len + 1),
		.writer = writer,
		.charset = charset };

	buf_add(into, name);
	buf_add_string(into, ": ");
	bool is_good = read_parameters(&field, add_main_value(into, value)) &&
		       field.has_extended && add_parameters(&field, into);
	buf_add_string(into, "\r\n");
	if (!is_good)
		into->len = start;
	buf_free(&field.values);
	return is_good;
}

void
header_add_converted(struct buf *into, struct span header,
    struct charset_writer *writer, struct span charset)
{
	static const char *const parameter_fields[] = { "Content-Type",
		"Content-Disposition" };

	while (header.len > 0) {
		size_t len = header_field_length(header);
		struct span field = span_slice(header, 0, len);
		struct span rest = field;
		struct span name;
		struct span value;

		header = span_slice(header, len, header.len);
		if (!header_next(&rest, &name, &value)) {
			buf_add(into, field);
		} else if (!span_is_one_of(name, parameter_fields, 2) ||
			   !add_written_anew(
			       into, name, value, writer, charset)) {
			size_t behind = span_index(field, ':') + 1;

			buf_add(into, span_slice(field, 0, behind));
			words_add_converted(into,
			    span_slice(field, behind, field.len), writer,
			    charset);
		}
	}
}
