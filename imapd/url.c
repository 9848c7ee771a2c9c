#include "imapd/url.h"

#include "mail/utf8.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Raw, these would end a path or begin what we do not take. */
static bool
is_taken_raw(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && c != ';' && c != '?' &&
	       c != '#' && c != '"' && c != '\\';
}

/* %HH decoded, and nothing but text in UTF-8. */
static bool
decode(struct buf *into, struct span text, size_t *start)
{
	*start = into->len;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '%') {
			if (text.len - i < 3)
				return false;
			int high = hex_digit(text.ptr[i + 1]);
			int low = hex_digit(text.ptr[i + 2]);

			if (high < 0 || low < 0 || high + low == 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (!is_taken_raw(c)) {
			return false;
		}
		buf_add_char(into, c);
	}
	return !into->overflow &&
	       utf8_is_valid(span_slice(buf_span(into), *start, SIZE_MAX));
}

/* Cut off what follows the first mark, any case; false if it is not there. */
static bool
cut_at(struct span *text, const char *mark, struct span *after)
{
	struct span word = span_of(mark);

	for (size_t i = 0; i + word.len <= text->len; i++)
		if (span_starts_nocase(span_slice(*text, i, SIZE_MAX), word)) {
			*after = span_slice(*text, i + word.len, SIZE_MAX);
			text->len = i;
			return true;
		}
	return false;
}

static bool
parse_positive(struct span text, uint32_t *number)
{
	uint64_t value;

	if (!span_number(text, 10, UINT32_MAX, &value) || value == 0)
		return false;
	*number = (uint32_t)value;
	return true;
}

/* "OFFSET" or "OFFSET.LENGTH" */
static bool
parse_partial(struct url *url, struct span text)
{
	bool has_length = span_index(text, '.') < text.len;
	struct span offset = span_cut(&text, '.');

	if (!span_number(offset, 10, INT64_MAX, &url->offset))
		return false;
	return !has_length || (span_number(text, 10, INT64_MAX, &url->length) &&
				  url->length > 0);
}

static bool
parse_folder(struct url *url, struct span text, size_t *start)
{
	struct span validity;

	url->has_folder = true;
	if (cut_at(&text, ";UIDVALIDITY=", &validity) &&
	    !parse_positive(validity, &url->uid_validity))
		return false;
	if (span_starts(text, span_of("/"))) {
		url->is_rooted = true;
		text = span_slice(text, 1, SIZE_MAX);
	}
	/* "//server/" is another host's. */
	return text.len > 0 && text.ptr[0] != '/' &&
	       decode(&url->decoded, text, start);
}

static bool
parse_all(struct url *url, struct span text)
{
	struct span rest = { NULL, 0 };
	struct span section = { NULL, 0 };
	struct span partial;
	size_t folder_start = 0;
	size_t section_start;

	if (cut_at(&text, "/;UID=", &rest)) {
		if (!parse_folder(url, text, &folder_start))
			return false;
	} else if (!cut_at(&text, ";UID=", &rest) || text.len > 0) {
		return false;
	}
	if (cut_at(&rest, "/;PARTIAL=", &partial) &&
	    !parse_partial(url, partial))
		return false;
	if (cut_at(&rest, "/;SECTION=", &section) && section.len == 0)
		return false;
	size_t folder_len = url->decoded.len;
	if (!parse_positive(rest, &url->uid) ||
	    !decode(&url->decoded, section, &section_start))
		return false;
	struct span decoded = buf_span(&url->decoded);
	url->folder = span_slice(decoded, folder_start, folder_len);
	url->section = span_slice(decoded, section_start, SIZE_MAX);
	return true;
}

bool
url_parse(struct url *url, struct span text)
{
	*url =
	    (struct url){ .decoded = buf_new(URL_MAX), .length = UINT64_MAX };
	if (parse_all(url, text))
		return true;
	url_free(url);
	return false;
}

void
url_free(struct url *url)
{
	buf_free(&url->decoded);
}
