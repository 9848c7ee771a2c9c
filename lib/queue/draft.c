#include "queue/draft.h"

#include <errno.h>
#include <unistd.h>

#include "base/io.h"

void
draft_init(struct draft *draft, size_t header_max, uint64_t body_max)
{
	*draft = (struct draft){ .header = buf_new(header_max),
		.body = buf_new(DRAFT_HELD),
		.body_max = body_max,
		.scratch = -1 };
}

void
draft_free(struct draft *draft)
{
	buf_free(&draft->header);
	buf_free(&draft->body);
	if (draft->scratch != -1)
		close(draft->scratch);
	draft->scratch = -1;
}

static void
fail(struct draft *draft, int error)
{
	if (draft->error == 0)
		draft->error = error == 0 ? EIO : error;
}

static void
write_scratch(struct draft *draft, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t done =
		    pwrite(draft->scratch, bytes.ptr, bytes.len, draft->end);

		if (done == -1 && errno == EINTR)
			continue;
		if (done <= 0) {
			fail(draft, errno);
			return;
		}
		draft->end += done;
		bytes = span_slice(bytes, (size_t)done, bytes.len);
	}
}

static bool
open_scratch(struct draft *draft)
{
	if (draft->scratch == -1)
		draft->scratch = draft->open_scratch(draft->context);
	if (draft->scratch == -1)
		fail(draft, errno);
	return draft->scratch != -1;
}

static uint64_t
body_size(const struct draft *draft)
{
	return (uint64_t)(draft->end - draft->start) + draft->body.len;
}

/* The body's newest bytes wait in memory until there are too many. */
static void
add_body(struct draft *draft, struct span bytes)
{
	if (draft->error != 0)
		return;
	if (draft->body_max > 0 &&
	    body_size(draft) + bytes.len > draft->body_max) {
		fail(draft, EFBIG);
		return;
	}
	if (draft->body.len + bytes.len > DRAFT_HELD) {
		if (!open_scratch(draft))
			return;
		write_scratch(draft, buf_span(&draft->body));
		buf_clear(&draft->body);
	}
	if (bytes.len > DRAFT_HELD)
		write_scratch(draft, bytes);
	else
		buf_add(&draft->body, bytes);
}

static bool
is_field_line(const struct draft *draft, struct span line)
{
	size_t colon = span_index(line, ':');

	if (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
		return draft->header.len > 0;
	for (size_t i = 0; i < colon; i++)
		if (line.ptr[i] <= ' ' || line.ptr[i] > '~')
			return false;
	return colon > 0 && colon < line.len;
}

void
draft_add_line(struct draft *draft, struct span line)
{
	struct span newline = { "\n", 1 };

	if (!draft->is_body && is_field_line(draft, line)) {
		buf_add(&draft->header, line);
		buf_add(&draft->header, newline);
		return;
	}
	if (!draft->is_body && line.len > 0)
		add_body(draft, newline);
	draft->is_body = true;
	add_body(draft, line);
	add_body(draft, newline);
}

bool
draft_finish(struct draft *draft)
{
	if (draft->header.overflow)
		fail(draft, EFBIG);
	return draft->error == 0;
}

uint64_t
draft_size(const struct draft *draft)
{
	return draft->header.len + body_size(draft);
}

bool
draft_read(const struct draft *draft,
    bool (*take)(void *context, struct span bytes), void *context)
{
	char bytes[32768];

	if (draft->header.len > 0 && !take(context, buf_span(&draft->header)))
		return false;
	for (off_t at = draft->start; at < draft->end;) {
		size_t want = sizeof(bytes);

		if ((uint64_t)(draft->end - at) < want)
			want = (size_t)(draft->end - at);
		ssize_t got = pread(draft->scratch, bytes, want, at);
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0 ||
		    !take(context, (struct span){ bytes, (size_t)got }))
			return false;
		at += got;
	}
	return draft->body.len == 0 || take(context, buf_span(&draft->body));
}

bool
draft_replace_body(struct draft *draft, int fd, int64_t timeout_ms)
{
	static struct reader in; /* large: untouched pages cost nothing */
	int64_t deadline = clock_ms() + timeout_ms;
	char last = '\n';
	struct span bytes;

	draft->start = draft->end;
	buf_clear(&draft->body);
	draft->is_body = true;
	add_body(draft, (struct span){ "\n", 1 });
	fd_set_nonblocking(fd);
	reader_init(&in, fd, timeout_ms);
	while (draft->error == 0 && reader_peek(&in, &bytes) == IO_OK) {
		add_body(draft, bytes);
		last = bytes.ptr[bytes.len - 1];
		reader_consume(&in, bytes.len);
		in.timeout_ms = deadline - clock_ms();
	}
	if (in.status != IO_EOF)
		fail(draft, ETIMEDOUT);
	if (last != '\n')
		add_body(draft, (struct span){ "\n", 1 });
	return draft->error == 0;
}
