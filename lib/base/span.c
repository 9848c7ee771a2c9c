#include "base/span.h"

#include <string.h>

struct span
span_of(const char *string)
{
	return (struct span){ string, strlen(string) };
}

struct span
span_slice(struct span s, size_t start, size_t len)
{
	if (start > s.len)
		start = s.len;
	if (len > s.len - start)
		len = s.len - start;
	return (struct span){ s.ptr == NULL ? NULL : s.ptr + start, len };
}

bool
span_equal(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	/* NOLINTNEXTLINE(clang-analyzer-core.*): len > 0 has bytes */
	return a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0;
}

char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
ascii_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
ascii_is_alnum(char c)
{
	return ascii_is_letter(c) || (c >= '0' && c <= '9');
}

bool
span_equal_nocase(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.*): len > 0 has bytes */
		if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
			return false;
	return true;
}

bool
span_is_one_of(struct span s, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_equal_nocase(s, span_of(names[i])))
			return true;
	return false;
}

bool
span_has_line(struct span lines, struct span line)
{
	while (lines.len > 0)
		if (span_equal(span_cut(&lines, '\n'), line))
			return true;
	return false;
}

int
span_compare(struct span a, struct span b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter > 0 ? memcmp(a.ptr, b.ptr, shorter) : 0;

	if (order != 0)
		return order;
	return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

bool
span_starts(struct span s, struct span prefix)
{
	return span_equal(span_slice(s, 0, prefix.len), prefix);
}

bool
span_starts_nocase(struct span s, struct span prefix)
{
	return span_equal_nocase(span_slice(s, 0, prefix.len), prefix);
}

size_t
span_index(struct span s, char c)
{
	const char *found = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);

	return found == NULL ? s.len : (size_t)(found - s.ptr);
}

size_t
span_last_index(struct span s, char c)
{
	const char *found = s.len == 0 ? NULL : memrchr(s.ptr, c, s.len);

	return found == NULL ? s.len : (size_t)(found - s.ptr);
}

size_t
span_count(struct span s, char c)
{
	size_t count = 0;

	for (size_t i = 0; i < s.len; i++)
		count += s.ptr[i] == c;
	return count;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span
span_trim(struct span s)
{
	while (s.len > 0 && is_blank(s.ptr[0]))
		s = span_slice(s, 1, s.len);
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct span
span_cut(struct span *rest, char separator)
{
	size_t len = span_index(*rest, separator);
	struct span part = span_slice(*rest, 0, len);

	*rest = span_slice(*rest, len + 1, rest->len);
	return part;
}

struct span
span_cut_word(struct span *rest)
{
	size_t end = 0;

	*rest = span_trim(*rest);
	while (
	    end < rest->len && rest->ptr[end] != ' ' && rest->ptr[end] != '\t')
		end++;
	struct span word = span_slice(*rest, 0, end);
	*rest = span_trim(span_slice(*rest, end, rest->len));
	return word;
}

static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return 16;
}

bool
span_number(struct span s, int base, uint64_t max, uint64_t *value)
{
	uint64_t number = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		int digit = digit_value(s.ptr[i]);

		if (digit >= base ||
		    __builtin_mul_overflow(number, (uint64_t)base, &number) ||
		    __builtin_add_overflow(number, (uint64_t)digit, &number))
			return false;
	}
	if (number > max)
		return false;
	*value = number;
	return true;
}

struct span
span_digits(uint64_t number, char digits[SPAN_DIGITS_MAX])
{
	size_t start = SPAN_DIGITS_MAX;

	do {
		digits[--start] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return (struct span){ digits + start, SPAN_DIGITS_MAX - start };
}

bool
span_is_ascii(struct span text)
{
	const uint64_t high_bits = 0x8080808080808080;
	uint64_t eight;

	while (text.len >= sizeof(eight)) {
		memcpy(&eight, text.ptr, sizeof(eight));
		if ((eight & high_bits) != 0)
			return false;
		text.ptr += sizeof(eight);
		text.len -= sizeof(eight);
	}
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return false;
	return true;
}
