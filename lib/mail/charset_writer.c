#include "mail/charset_writer.h"

#include <string.h>

#include "mail/charset_tables.h"
#include "mail/utf8.h"

enum {
	HALF = 128,
	CONTROLS_END = 0xa0,
	BYTES = 256,
	NONE = -1
};

/*
 * Of what is called ISO the tables are those of windows, which has characters
 * in the place of controls: fit to be read, but not to be written.
 */
static const char *const iso_names[] = { "iso-8859-1", "iso8859-1",
	"iso_8859-1", "latin1", "iso-8859-9", "latin5", "iso-8859-11",
	"tis-620" };

static const char *const utf8_names[] = { "utf-8", "utf8" };
static const char *const ascii_names[] = { "us-ascii", "ascii",
	"ansi_x3.4-1968", "iso646-us" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool
charset_writer_init(struct charset_writer *writer, struct span charset)
{
	*writer = (struct charset_writer){ .table = charset_table(charset) };
	writer->is_utf8 =
	    span_is_one_of(charset, utf8_names, COUNT(utf8_names));
	writer->is_iso = span_is_one_of(charset, iso_names, COUNT(iso_names));
	return writer->is_utf8 || writer->table != NULL ||
	       span_is_one_of(charset, ascii_names, COUNT(ascii_names));
}

/* The byte that is the character, or NONE. */
static int
find(const struct charset_writer *writer, uint32_t character)
{
	int first = writer->is_iso ? CONTROLS_END : HALF;

	if (character < HALF)
		return (int)character;
	if (writer->is_iso && character < CONTROLS_END)
		return (int)character;
	for (int i = first; i < BYTES && writer->table != NULL; i++)
		if (writer->table[i - HALF] == character)
			return i;
	return NONE;
}

static void
add_missing(struct charset_writer *writer, struct buf *into, uint32_t character)
{
	if (writer->has_references)
		buf_printf(into, "&#%u;", character);
	else if (writer->has_replacement)
		buf_add(into, (struct span){ writer->replacement,
				  writer->replacement_len });
	else
		writer->is_lossy = true;
}

void
charset_writer_add(
    struct charset_writer *writer, struct buf *into, struct span text)
{
	if (writer->is_utf8) {
		buf_add(into, text);
		return;
	}
	while (text.len > 0) {
		size_t plain = 0;

		while (plain < text.len && (text.ptr[plain] & 0x80) == 0)
			plain++;
		buf_add(into, span_slice(text, 0, plain));
		text = span_slice(text, plain, text.len);
		if (text.len == 0)
			return;
		uint32_t character = utf8_next(&text);
		int byte = find(writer, character);
		if (byte == NONE)
			add_missing(writer, into, character);
		else
			buf_add_char(into, (char)byte);
	}
}

bool
charset_writer_replace(struct charset_writer *writer, struct span text)
{
	struct buf bytes = buf_new(CHARSET_REPLACEMENT_MAX);

	if (utf8_is_valid(text))
		charset_writer_add(writer, &bytes, text);
	bool is_good =
	    utf8_is_valid(text) && !bytes.overflow && !writer->is_lossy;
	if (bytes.len > 0)
		memcpy(writer->replacement, bytes.data, bytes.len);
	writer->replacement_len = bytes.len;
	writer->has_replacement = is_good;
	writer->is_lossy = false;
	buf_free(&bytes);
	return is_good;
}
