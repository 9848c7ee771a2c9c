#include "mail/base64.h"

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_add(struct buf *into, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i += BASE64_GROUP_BYTES) {
		size_t left = bytes.len - i;
		uint32_t group = (uint32_t)(unsigned char)bytes.ptr[i] << 16;

		if (left > 1)
			group |= (uint32_t)(unsigned char)bytes.ptr[i + 1] << 8;
		if (left > 2)
			group |= (unsigned char)bytes.ptr[i + 2];
		char chars[BASE64_GROUP_CHARS] = { digits[group >> 18],
			digits[group >> 12 & 63],
			left > 1 ? digits[group >> 6 & 63] : '=',
			left > 2 ? digits[group & 63] : '=' };
		buf_add(into, (struct span){ chars, sizeof(chars) });
	}
}

/* -1 if c is no digit. */
static int
digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* How many of the last group's characters are padding. */
static size_t
padding_of(struct span text)
{
	size_t count = 0;

	while (count < 2 && count < text.len &&
	       text.ptr[text.len - 1 - count] == '=')
		count++;
	return count;
}

/* Four characters, of which the last `padding` count as zero. */
static bool
read_group(const char *chars, size_t padding, uint32_t *group)
{
	*group = 0;
	for (size_t i = 0; i < BASE64_GROUP_CHARS; i++) {
		bool is_padding = i >= BASE64_GROUP_CHARS - padding;
		int value = is_padding ? 0 : digit_value(chars[i]);

		if (value == -1)
			return false;
		*group = *group << 6 | (uint32_t)value;
	}
	return (*group & ((1U << (8 * padding)) - 1)) == 0;
}

bool
base64_decode(struct span text, char *into, size_t room, size_t *len)
{
	size_t padding = padding_of(text);

	*len = 0;
	if (text.len % BASE64_GROUP_CHARS != 0)
		return false;
	for (size_t i = 0; i < text.len; i += BASE64_GROUP_CHARS) {
		bool is_last = i + BASE64_GROUP_CHARS == text.len;
		size_t cut = is_last ? padding : 0;
		uint32_t group;

		if (!read_group(text.ptr + i, cut, &group) ||
		    room - *len < BASE64_GROUP_BYTES - cut)
			return false;
		for (size_t j = 0; j < BASE64_GROUP_BYTES - cut; j++)
			into[(*len)++] = (char)(group >> (16 - 8 * j) & 0xff);
	}
	return true;
}
