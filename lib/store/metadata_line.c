#include "mail/xtext.h"
#include "store/metadata.h"

/* What is pure of metadata.h: names, and the lines of the file. */

static bool
is_entry_char(char c)
{
	unsigned char byte = (unsigned char)c;

	return byte > 0x19 && byte < 0x80 && byte != '*' && byte != '%';
}

bool
metadata_is_entry(struct span entry)
{
	static const char *const scopes[] = { "/private", "/shared" };
	bool is_scoped = false;

	if (entry.len > METADATA_ENTRY_MAX)
		return false;
	for (size_t i = 0; i < entry.len; i++)
		if (!is_entry_char(entry.ptr[i]) ||
		    (entry.ptr[i] == '/' &&
			(i + 1 == entry.len || entry.ptr[i + 1] == '/')))
			return false;
	for (size_t i = 0; i < sizeof(scopes) / sizeof(*scopes); i++)
		is_scoped |=
		    metadata_is_within(entry, span_of(scopes[i]), UINT32_MAX);
	return is_scoped;
}

/* "/private" has entries, and is none; vendors' are two levels below it. */
bool
metadata_can_be_set(struct span entry)
{
	uint32_t levels = 0;
	struct span rest = span_slice(entry, 1, SIZE_MAX);

	if (!metadata_is_entry(entry))
		return false;
	for (size_t i = 0; i < entry.len; i++)
		levels += entry.ptr[i] == '/';
	span_cut(&rest, '/');
	return levels >=
	       (span_equal_nocase(span_cut(&rest, '/'), span_of("vendor")) ? 4
									   : 2);
}

bool
metadata_is_within(struct span entry, struct span name, uint32_t depth)
{
	uint32_t levels = 0;

	if (!span_starts_nocase(entry, name))
		return false;
	struct span rest = span_slice(entry, name.len, SIZE_MAX);
	if (rest.len > 0 && rest.ptr[0] != '/')
		return false;
	for (size_t i = 0; i < rest.len; i++)
		levels += rest.ptr[i] == '/';
	return levels <= depth;
}

struct metadata_line
metadata_line_new(void)
{
	return (struct metadata_line){ .entry = buf_new(METADATA_ENTRY_MAX),
		.value = buf_new(METADATA_VALUE_MAX),
		.folder = buf_new(ACCOUNT_NAME_MAX) };
}

void
metadata_line_free(struct metadata_line *line)
{
	buf_free(&line->entry);
	buf_free(&line->value);
	buf_free(&line->folder);
}

static bool
decode(struct buf *into, struct span text)
{
	buf_clear(into);
	return xtext_decode(into, text) && !into->overflow;
}

bool
metadata_line_parse(struct metadata_line *line, struct span text)
{
	struct span rest = text;
	struct span entry = span_cut(&rest, ' ');
	bool has_value = entry.len < text.len;
	struct span value = span_cut(&rest, ' ');

	return has_value && decode(&line->entry, entry) &&
	       decode(&line->value, value) && decode(&line->folder, rest) &&
	       metadata_can_be_set(buf_span(&line->entry));
}

void
metadata_line_add(
    struct buf *into, struct span entry, struct span value, struct span folder)
{
	xtext_encode(into, entry);
	buf_add_char(into, ' ');
	xtext_encode(into, value);
	if (folder.len > 0) {
		buf_add_char(into, ' ');
		xtext_encode(into, folder);
	}
	buf_add_char(into, '\n');
}
