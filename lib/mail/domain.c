#include "mail/domain.h"

#include <idn2.h>
#include <string.h>

#include "mail/addr.h"

static void
add_lower(struct buf *into, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_add_char(into, ascii_lower(text.ptr[i]));
}

bool
domain_add_ascii(struct buf *into, struct span domain)
{
	struct buf name = buf_new(ADDR_DOMAIN_MAX + 1);
	char *found = NULL;

	if (span_is_ascii(domain)) {
		add_lower(into, domain);
		return true;
	}
	buf_add(&name, domain);
	const char *text = buf_string(&name);
	bool is_good = text != NULL &&
		       idn2_to_ascii_8z(text, &found,
			   IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK;
	if (is_good)
		add_lower(into, span_of(found));
	idn2_free(found);
	buf_free(&name);
	return is_good;
}

void
domain_add_address(struct buf *into, struct span address)
{
	size_t at = span_last_index(address, '@');

	buf_add(into, span_slice(address, 0, at));
	if (at == address.len)
		return;
	struct span domain = span_slice(address, at + 1, address.len);
	buf_add_char(into, '@');
	if (span_is_ascii(domain) || !domain_add_ascii(into, domain))
		buf_add(into, domain);
}

static void
add_item(struct buf *text, struct span item)
{
	if (item.ptr[0] == '.') {
		buf_add_char(text, '.');
		item = span_slice(item, 1, item.len);
	}
	if (!domain_add_ascii(text, item))
		buf_add(text, item);
	buf_add_char(text, '\n');
}

/* Could it be one?  Address literals have colons, but no other domain. */
static bool
is_plausible(struct span item)
{
	bool is_literal = item.ptr[0] == '[';

	for (size_t i = 0; i < item.len; i++) {
		unsigned char c = (unsigned char)item.ptr[i];

		if (c <= ' ' || c == 0x7f || c == '@' || c == ',' || c == ';' ||
		    (c == ':' && !is_literal))
			return false;
	}
	return item.len <= ADDR_DOMAIN_MAX;
}

static bool
has_ascii(struct span item)
{
	struct buf ascii = buf_new(ADDR_DOMAIN_MAX + 1);
	bool has = domain_add_ascii(
	    &ascii, item.ptr[0] == '.' ? span_slice(item, 1, item.len) : item);

	buf_free(&ascii);
	return has;
}

static void
check_items(const char *name, const struct control_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!is_plausible(list->items[i]) ||
		    !(span_is_ascii(list->items[i]) ||
			has_ascii(list->items[i])))
			control_complain(name, list->lines[i],
			    "write one domain a line, as example.org");
}

/* The items, changed, in one text: a line each. */
static void
replace(struct control_list *list, struct buf text)
{
	struct span rest = buf_span(&text);

	for (size_t i = 0; i < list->count; i++)
		list->items[i] = span_cut(&rest, '\n');
	buf_free(&list->text);
	list->text = text;
}

struct control_list
domain_list(const char *name)
{
	struct control_list list = control_list(name);
	struct buf text = buf_new(4 * (size_t)CONTROL_MAX);

	check_items(name, &list);
	if (span_is_ascii(buf_span(&list.text)))
		return list;
	for (size_t i = 0; i < list.count; i++)
		add_item(&text, list.items[i]);
	replace(&list, text);
	return list;
}

static size_t
word_length(struct span text)
{
	size_t len = 0;

	while (len < text.len && strchr(" \t:,@*[]", text.ptr[len]) == NULL)
		len++;
	return len;
}

/* False if a word has no A-labels. */
static bool
add_line(struct buf *text, struct span line, const char *end)
{
	while (line.len > 0 && strchr(end, line.ptr[0]) == NULL) {
		size_t len = word_length(line);

		if (line.ptr[0] == '.' || len == 0) {
			buf_add_char(text, line.ptr[0]);
			line = span_slice(line, 1, line.len);
			continue;
		}
		struct span word = span_slice(line, 0, len);
		if (span_is_ascii(word))
			buf_add(text, word);
		else if (!domain_add_ascii(text, word))
			return false;
		line = span_slice(line, len, line.len);
	}
	buf_add(text, line);
	buf_add_char(text, '\n');
	return true;
}

struct control_list
domain_lines(const char *name, const char *end)
{
	struct control_list list = control_list(name);
	struct buf text = buf_new(4 * (size_t)CONTROL_MAX);

	if (span_is_ascii(buf_span(&list.text)))
		return list;
	for (size_t i = 0; i < list.count; i++)
		if (!add_line(&text, list.items[i], end))
			control_complain(name, list.lines[i],
			    "no domain can have such a name (IDNA)");
	replace(&list, text);
	return list;
}

struct span
domain_without_dot(struct span domain)
{
	return domain.len > 0 && domain.ptr[domain.len - 1] == '.'
		   ? span_slice(domain, 0, domain.len - 1)
		   : domain;
}

bool
domain_fits(struct span pattern, struct span domain)
{
	if (pattern.len == 0 || pattern.ptr[0] != '.')
		return span_equal_nocase(pattern, domain);
	return domain.len > pattern.len &&
	       span_equal_nocase(
		   span_slice(domain, domain.len - pattern.len, pattern.len),
		   pattern);
}
