#include "mail/threading.h"

#include "mail/words.h"

enum {
	BLANKS_AT_MOST = 1,
	SUBJECT_MAX = 4096 /* what is behind it compares nothing */
};

static struct span
after(struct span text, size_t len)
{
	return span_slice(text, len, text.len);
}

/* "[...]" and space at the start: its length, or 0. */
static size_t
blob_length(struct span text)
{
	size_t len = 1;

	if (text.len == 0 || text.ptr[0] != '[')
		return 0;
	while (len < text.len && text.ptr[len] != '[' && text.ptr[len] != ']')
		len++;
	if (len == text.len || text.ptr[len] != ']')
		return 0;
	len++;
	while (len < text.len && text.ptr[len] == ' ')
		len++;
	return len;
}

/* "Re [...]:", "Fw:", "Fwd:", blobs before it: their length, or 0. */
static size_t
leader_length(struct span text)
{
	struct span rest = text;
	size_t blob;

	while ((blob = blob_length(rest)) > 0)
		rest = after(rest, blob);
	if (span_starts_nocase(rest, span_of("fwd")))
		rest = after(rest, 3);
	else if (span_starts_nocase(rest, span_of("re")) ||
		 span_starts_nocase(rest, span_of("fw")))
		rest = after(rest, 2);
	else
		return 0;
	while (rest.len > 0 && rest.ptr[0] == ' ')
		rest = after(rest, 1);
	rest = after(rest, blob_length(rest));
	return rest.len > 0 && rest.ptr[0] == ':'
		   ? (size_t)(rest.ptr + 1 - text.ptr)
		   : 0;
}

/* Step 2: "(fwd)" and space at the end. */
static struct span
cut_trailers(struct span text, bool *is_reply)
{
	struct span trailer = span_of("(fwd)");

	for (;;) {
		text = span_trim(text);
		if (text.len < trailer.len ||
		    !span_equal_nocase(
			after(text, text.len - trailer.len), trailer))
			return text;
		text.len -= trailer.len;
		*is_reply = true;
	}
}

/* Steps 3 to 5. */
static struct span
cut_leaders(struct span text, bool *is_reply)
{
	for (;;) {
		text = span_trim(text);
		size_t len = leader_length(text);

		if (len > 0) {
			*is_reply = true;
		} else {
			len = blob_length(text);
			if (len == text.len)
				len = 0;
		}
		if (len == 0)
			return text;
		text = after(text, len);
	}
}

bool
subject_add_base(struct buf *into, struct span value)
{
	struct buf decoded = buf_new(4 * value.len + 16);
	size_t kept = 0;
	bool is_reply = false;

	value = span_slice(value, 0, SUBJECT_MAX);
	words_add_decoded(&decoded, value);
	for (size_t i = 0; i < decoded.len; i++) {
		if (decoded.data[i] == ' ' && kept > 0 &&
		    decoded.data[kept - BLANKS_AT_MOST] == ' ')
			continue;
		decoded.data[kept++] = decoded.data[i];
	}
	struct span text = span_slice(buf_span(&decoded), 0, kept);
	for (;;) {
		text = cut_trailers(text, &is_reply);
		text = cut_leaders(text, &is_reply);
		if (!span_starts_nocase(text, span_of("[fwd:")) ||
		    text.ptr[text.len - 1] != ']')
			break;
		text = span_slice(after(text, 5), 0, text.len - 6);
		is_reply = true;
	}
	buf_add(into, text);
	buf_free(&decoded);
	return is_reply;
}

/* <local@domain>, without space, and without quotes that say nothing. */
static void
add_message_id(struct buf *into, struct span id)
{
	size_t start = into->len;

	for (size_t i = 0; i < id.len; i++) {
		char c = id.ptr[i];

		if (c == '\\' && i + 1 < id.len)
			c = id.ptr[++i];
		else if (c == '"')
			continue;
		if ((unsigned char)c > ' ' && c != 0x7f)
			buf_add_char(into, c);
	}
	if (into->len > start)
		buf_add_char(into, '\n');
}

size_t
message_ids_add(struct buf *into, struct span value, size_t max)
{
	size_t count = 0;
	size_t last = into->len; /* where the last one starts */

	while (count < max || max > 1) {
		value = after(value, span_index(value, '<') + 1);
		size_t end = span_index(value, '>');
		size_t again = span_index(value, '<');

		if (end == value.len)
			break;
		if (again < end) /* the first was never closed */
			continue;
		struct span id = span_slice(value, 0, end);
		value = after(value, end + 1);
		if (span_index(id, '@') == id.len)
			continue;
		if (count == max)
			into->len = last;
		else
			count++;
		last = into->len;
		add_message_id(into, id);
	}
	return count;
}
