#include "store/uidl.h"

static const char x_uidl[] = "X-UIDL";

enum {
	WIDTH_MAX = 20
};

/* What stands between '%' and the letter, and the letter. */
struct item {
	bool has_zeros;
	bool is_hex;
	uint64_t width;
	char letter;
};

bool
uidl_is_valid(struct span uidl)
{
	bool is_good = uidl.len > 0 && uidl.len <= UIDL_MAX;

	for (size_t i = 0; is_good && i < uidl.len; i++)
		is_good = uidl.ptr[i] > ' ' && uidl.ptr[i] < 0x7f;
	return is_good;
}

static bool
is_number(const struct item *item)
{
	return item->letter == 'u' || item->letter == 'v';
}

/* Cut one item off, its '%' is gone already. */
static bool
take_item(struct span *rest, struct item *item)
{
	size_t digits = 0;

	*item = (struct item){ 0 };
	while (digits < rest->len && rest->ptr[digits] >= '0' &&
	       rest->ptr[digits] <= '9')
		digits++;
	item->has_zeros = digits > 0 && rest->ptr[0] == '0';
	if (digits > 0 && !span_number(span_slice(*rest, 0, digits), 10,
			      WIDTH_MAX, &item->width))
		return false;
	*rest = span_slice(*rest, digits, rest->len);
	item->is_hex = rest->len > 0 && rest->ptr[0] == 'X';
	*rest = span_slice(*rest, item->is_hex ? 1 : 0, rest->len);
	if (rest->len == 0)
		return false;
	item->letter = rest->ptr[0];
	*rest = span_slice(*rest, 1, rest->len);
	if (is_number(item))
		return item->width == 0 || item->has_zeros;
	return digits == 0 && !item->is_hex &&
	       (item->letter == 'f' || item->letter == 'g' ||
		   item->letter == '%');
}

bool
uidl_is_format(struct span format)
{
	bool has_item = false;
	struct item item;

	if (span_equal_nocase(format, span_of(x_uidl)))
		return true;
	if (!uidl_is_valid(format))
		return false;
	while (format.len > 0) {
		char c = format.ptr[0];

		format = span_slice(format, 1, format.len);
		if (c != '%')
			continue;
		if (!take_item(&format, &item))
			return false;
		has_item |= item.letter != '%' && item.letter != 'v';
	}
	return has_item; /* without one all messages have the same */
}

static bool
add_number(struct buf *into, const struct item *item, uint32_t number)
{
	int width = item->has_zeros ? (int)item->width : 0;

	if (item->is_hex)
		buf_printf(into, "%0*x", width, number);
	else
		buf_printf(into, "%0*u", width, number);
	return number != 0;
}

static bool
add_text(struct buf *into, struct span text)
{
	buf_add(into, text);
	return text.len > 0;
}

static bool
add_item(
    struct buf *into, const struct item *item, const struct uidl_facts *facts)
{
	switch (item->letter) {
	case 'u':
		return add_number(into, item, facts->uid);
	case 'v':
		return add_number(into, item, facts->uid_validity);
	case 'f':
		return add_text(into, facts->name);
	case 'g':
		return add_text(into, facts->guid);
	default:
		buf_add_char(into, item->letter);
		return true;
	}
}

static bool
write_format(
    struct buf *into, struct span format, const struct uidl_facts *facts)
{
	struct item item;

	if (span_equal_nocase(format, span_of(x_uidl)))
		return add_text(into, facts->x_uidl);
	while (format.len > 0) {
		char c = format.ptr[0];

		format = span_slice(format, 1, format.len);
		if (c != '%')
			buf_add_char(into, c);
		else if (!take_item(&format, &item) ||
			 !add_item(into, &item, facts))
			return false;
	}
	return true;
}

void
uidl_formats_read(struct uidl_formats *formats)
{
	static const char name[] = "pop3uidl";

	*formats = (struct uidl_formats){ .list = control_list(name) };
	for (size_t i = 0; i < formats->list.count; i++) {
		struct span format = formats->list.items[i];
		unsigned line = formats->list.lines[i];

		if (!uidl_is_format(format))
			control_complain(name, line,
			    "give a format of %u, %v, %f and %g, such as "
			    "%08Xu%08Xv, or X-UIDL");
		if (i == UIDL_FORMATS_MAX)
			control_complain(name, line, "at most 8 formats");
		formats->formats[formats->count++] = format;
	}
}

void
uidl_formats_free(struct uidl_formats *formats)
{
	control_list_free(&formats->list);
	*formats = (struct uidl_formats){ 0 };
}

bool
uidl_make(struct buf *into, const struct uidl_formats *formats,
    const struct uidl_facts *facts)
{
	if (uidl_is_valid(facts->saved)) {
		buf_add(into, facts->saved);
		return true;
	}
	for (size_t i = 0; i < formats->count; i++) {
		bool is_known = write_format(into, formats->formats[i], facts);

		if (is_known && !into->overflow &&
		    uidl_is_valid(buf_span(into)))
			return true;
		buf_clear(into);
	}
	return false;
}
