#include "mail/percent.h"

#include <string.h>

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
percent_add_decoded(struct buf *into, struct span text)
{
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
		}
		buf_add_char(into, c);
	}
	return true;
}

void
percent_add_encoded(struct buf *into, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (ascii_is_alnum(c) ||
		    (c != '\0' && strchr("-._~", c) != NULL))
			buf_add_char(into, c);
		else
			buf_printf(into, "%%%02X", (unsigned)(unsigned char)c);
	}
}
