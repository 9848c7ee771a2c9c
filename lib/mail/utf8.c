#include "mail/utf8.h"

#include <string.h>

#include <unicase.h>
#include <uninorm.h>

enum {
	DECOMPOSITION_DEPTH = 4,
	FOLD_BLOCK = 16
};

static bool
is_following(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* How many bytes a character has that begins with c; 0 if none does. */
static size_t
length_of(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c < 0xe0)
		return 2;
	if (c >= 0xe0 && c < 0xf0)
		return 3;
	return c >= 0xf0 && c < 0xf5 ? 4 : 0;
}

static uint32_t
decode(const char *bytes, size_t len)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t character = (unsigned char)bytes[0] & masks[len];

	for (size_t i = 1; i < len; i++) {
		if (!is_following(bytes[i]))
			return UTF8_NONE;
		character = character << 6 | ((unsigned char)bytes[i] & 0x3f);
	}
	if (character < least[len] || character > 0x10ffff ||
	    (character >= 0xd800 && character < 0xe000))
		return UTF8_NONE;
	return character;
}

uint32_t
utf8_next(struct span *rest)
{
	size_t len = length_of((unsigned char)rest->ptr[0]);
	uint32_t character =
	    len == 0 || len > rest->len ? UTF8_NONE : decode(rest->ptr, len);

	*rest = span_slice(*rest, character == UTF8_NONE ? 1 : len, rest->len);
	return character;
}

void
utf8_add(struct buf *into, uint32_t character)
{
	char bytes[4];
	size_t len = 0;

	if (character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
		character = UTF8_REPLACEMENT;
	if (character < 0x80) {
		bytes[len++] = (char)character;
	} else if (character < 0x800) {
		bytes[len++] = (char)(0xc0 | character >> 6);
	} else if (character < 0x10000) {
		bytes[len++] = (char)(0xe0 | character >> 12);
		bytes[len++] = (char)(0x80 | (character >> 6 & 0x3f));
	} else {
		bytes[len++] = (char)(0xf0 | character >> 18);
		bytes[len++] = (char)(0x80 | (character >> 12 & 0x3f));
		bytes[len++] = (char)(0x80 | (character >> 6 & 0x3f));
	}
	if (character >= 0x80)
		bytes[len++] = (char)(0x80 | (character & 0x3f));
	buf_add(into, (struct span){ bytes, len });
}

static size_t
ascii_length(struct span text)
{
	const uint64_t high_bits = 0x8080808080808080;
	uint64_t eight;
	size_t len = 0;

	for (; text.len - len >= sizeof(eight); len += sizeof(eight)) {
		memcpy(&eight, text.ptr + len, sizeof(eight));
		if ((eight & high_bits) != 0)
			break;
	}
	while (len < text.len && (unsigned char)text.ptr[len] < 0x80)
		len++;
	return len;
}

bool
utf8_is_valid(struct span text)
{
	while (text.len > 0) {
		text = span_slice(text, ascii_length(text), text.len);
		if (text.len > 0 && utf8_next(&text) == UTF8_NONE)
			return false;
	}
	return true;
}

void
utf8_add_clean(struct buf *into, struct span text)
{
	while (text.len > 0) {
		size_t plain = ascii_length(text);

		buf_add(into, span_slice(text, 0, plain));
		text = span_slice(text, plain, text.len);
		if (text.len > 0)
			utf8_add(into, utf8_next(&text));
	}
}

struct span
utf8_whole(struct span text)
{
	size_t back = 0;

	while (back < 3 && back < text.len &&
	       is_following(text.ptr[text.len - 1 - back]))
		back++;
	if (back == text.len)
		return text;
	size_t need = length_of((unsigned char)text.ptr[text.len - 1 - back]);
	return need > back + 1 ? span_slice(text, 0, text.len - 1 - back)
			       : text;
}

/* ---- folding ---- */

static void
add_decomposed(struct buf *into, uint32_t character, int depth)
{
	ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
	int tag;
	int count = depth == 0 ? -1 : uc_decomposition(character, &tag, parts);

	if (count < 0) {
		utf8_add(into, character);
		return;
	}
	for (int i = 0; i < count; i++)
		add_decomposed(into, parts[i], depth - 1);
}

static char
fold_ascii(char c)
{
	bool is_lower = (unsigned char)(c - 'a') < 26;

	return (char)(c - (is_lower ? 'a' - 'A' : 0));
}

/* A loop of known length, without a branch: all bytes are folded at once. */
static void
fold_block(char *restrict to, const char *restrict from)
{
	for (size_t i = 0; i < FOLD_BLOCK; i++)
		to[i] = fold_ascii(from[i]);
}

void
utf8_add_ascii_folded(struct buf *into, struct span text)
{
	char *room = text.len == 0 ? NULL : buf_room(into, text.len);
	size_t i = 0;

	if (room == NULL)
		return;
	for (; text.len - i >= FOLD_BLOCK; i += FOLD_BLOCK)
		fold_block(room + i, text.ptr + i);
	for (; i < text.len; i++)
		room[i] = fold_ascii(text.ptr[i]);
	buf_grown(into, text.len);
}

void
utf8_add_folded(struct buf *into, struct span text)
{
	while (text.len > 0) {
		size_t plain = ascii_length(text);
		struct span here;

		utf8_add_ascii_folded(into, span_slice(text, 0, plain));
		text = span_slice(text, plain, text.len);
		if (text.len == 0)
			return;
		here = text;
		uint32_t character = utf8_next(&text);
		if (character == UTF8_NONE)
			buf_add_char(into, here.ptr[0]);
		else
			add_decomposed(
			    into, uc_totitle(character), DECOMPOSITION_DEPTH);
	}
}
