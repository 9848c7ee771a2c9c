#include "base/record.h"

void
record_add(struct buf *buf, char tag, struct span value)
{
	buf_add_char(buf, tag);
	buf_add(buf, span_slice(value, 0, span_index(value, '\0')));
	buf_add_char(buf, '\0');
}

void
record_add_string(struct buf *buf, char tag, const char *value)
{
	record_add(buf, tag, span_of(value));
}

void
record_add_number(struct buf *buf, char tag, uint64_t value)
{
	char digits[SPAN_DIGITS_MAX];

	record_add(buf, tag, span_digits(value, digits));
}

bool
record_next(struct span *rest, char *tag, struct span *value)
{
	size_t end = span_index(*rest, '\0');

	if (end == 0 || end == rest->len)
		return false;
	*tag = rest->ptr[0];
	*value = span_slice(*rest, 1, end - 1);
	*rest = span_slice(*rest, end + 1, rest->len);
	return true;
}

bool
record_find(struct span records, char tag, struct span *value)
{
	char found;
	struct span candidate;

	while (record_next(&records, &found, &candidate)) {
		if (found == tag) {
			*value = candidate;
			return true;
		}
	}
	return false;
}

bool
record_find_number(struct span records, char tag, uint64_t max, uint64_t *value)
{
	struct span text;

	return record_find(records, tag, &text) &&
	       span_number(text, 10, max, value);
}
