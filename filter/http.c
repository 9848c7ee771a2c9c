#include "filter/http.h"

enum {
	CHUNK_LINE_MAX = 1024
};

void
http_add_field(struct buf *request, const char *name, struct span value)
{
	buf_add_string(request, name);
	buf_add_string(request, ": ");
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.ptr[i] >= ' ' && value.ptr[i] != 0x7f)
			buf_add_char(request, value.ptr[i]);
	buf_add_string(request, "\r\n");
}

struct head {
	uint64_t status;
	bool has_length;
	uint64_t length;
	bool is_chunked;
};

static bool
parse_status(struct span line, uint64_t *status)
{
	struct span rest = line;
	struct span version = span_cut(&rest, ' ');

	return span_starts(version, span_of("HTTP/1.")) &&
	       span_number(span_cut(&rest, ' '), 10, 999, status) &&
	       *status >= 100;
}

static bool
take_field(struct head *head, struct span line)
{
	struct span value = line;
	struct span name = span_cut(&value, ':');

	value = span_trim(value);
	if (span_equal_nocase(name, span_of("Content-Length"))) {
		head->has_length = true;
		return span_number(value, 10, INT64_MAX, &head->length);
	}
	if (span_equal_nocase(name, span_of("Transfer-Encoding"))) {
		head->is_chunked = true;
		return span_equal_nocase(value, span_of("chunked"));
	}
	return true;
}

static bool
read_head(struct reader *in, struct head *head)
{
	struct buf line = buf_new(HTTP_HEAD_MAX);
	size_t total = 0;
	bool is_good = true;
	bool is_first = true;

	*head = (struct head){ .status = 0 };
	for (;;) {
		is_good = is_good && read_line(in, &line) == IO_OK &&
			  (total += line.len) <= HTTP_HEAD_MAX;
		struct span text = span_trim(buf_span(&line));
		if (!is_good || text.len == 0)
			break;
		is_good = is_first ? parse_status(text, &head->status)
				   : take_field(head, text);
		is_first = false;
	}
	buf_free(&line);
	return is_good && !is_first;
}

/* len bytes, or all up to the end if there is no len. */
static bool
read_bytes(struct reader *in, const uint64_t *len, struct buf *body)
{
	uint64_t left = len == NULL ? UINT64_MAX : *len;
	struct span bytes;

	while (left > 0 && reader_peek(in, &bytes) == IO_OK) {
		if (bytes.len > left)
			bytes.len = (size_t)left;
		buf_add(body, bytes);
		reader_consume(in, bytes.len);
		if (body->overflow)
			return false;
		left -= bytes.len;
	}
	return len == NULL ? in->status == IO_EOF : left == 0;
}

static bool
read_chunks(struct reader *in, struct buf *body)
{
	struct buf line = buf_new(CHUNK_LINE_MAX);
	uint64_t size = 1;
	bool is_good = true;

	while (is_good && size > 0) {
		is_good = read_line(in, &line) == IO_OK;
		struct span text = buf_span(&line);
		text = span_trim(span_cut(&text, ';'));
		is_good = is_good && span_number(text, 16, INT32_MAX, &size) &&
			  read_bytes(in, &size, body) &&
			  (size == 0 || read_line(in, &line) == IO_OK);
	}
	buf_free(&line);
	return is_good;
}

unsigned
http_read_answer(struct reader *in, struct buf *body)
{
	struct head head;
	bool is_whole;

	do
		if (!read_head(in, &head))
			return 0;
	while (head.status < 200);
	if (head.is_chunked)
		is_whole = read_chunks(in, body);
	else
		is_whole =
		    read_bytes(in, head.has_length ? &head.length : NULL, body);
	return is_whole ? (unsigned)head.status : 0;
}
