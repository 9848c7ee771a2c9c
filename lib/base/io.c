#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/die.h"

enum {
	PIECE_SIZE = 65536,
	PROMPT_US = 100
};

int64_t
clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t
clock_utc_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Until when a wait may last, and when that is to be asked again. */
struct limit {
	const struct patience *patience;
	int64_t began_ms;
	int64_t timeout_ms;
};

static struct limit
limit_new(const struct patience *patience, int64_t timeout_ms)
{
	return (struct limit){ patience, clock_ms(), timeout_ms };
}

/* Milliseconds that are left of it; a poll may last that long. */
static int64_t
limit_left(const struct limit *limit)
{
	const struct patience *patience = limit->patience;

	if (patience == NULL)
		return limit->began_ms + limit->timeout_ms - clock_ms();
	int64_t left =
	    patience->until(patience->context, limit->began_ms) - clock_ms();
	return left > PATIENCE_MS ? PATIENCE_MS : left;
}

/* Wait until fd is ready for events or the limit passes. */
static enum io_status
wait_ready(int fd, short events, const struct limit *limit)
{
	for (;;) {
		int64_t left = limit_left(limit);
		struct pollfd poll_fd = { .fd = fd, .events = events };

		if (left <= 0)
			return IO_TIMEOUT;
		if (left > INT32_MAX)
			left = INT32_MAX;
		int ready = poll(&poll_fd, 1, (int)left);
		if (ready > 0)
			return IO_OK;
		if (ready == -1 && errno != EINTR)
			return IO_ERROR;
	}
}

void
reader_init(struct reader *in, int fd, int64_t timeout_ms)
{
	in->fd = fd;
	in->timeout_ms = timeout_ms;
	in->patience = NULL;
	in->layer = NULL;
	in->peer = NULL;
	in->status = IO_OK;
	in->error = 0;
	in->is_drained = false;
	in->is_eager = false;
	in->is_prompt = false;
	in->start = in->end = in->high = 0;
}

void
writer_init(struct writer *out, int fd, int64_t timeout_ms)
{
	out->fd = fd;
	out->timeout_ms = timeout_ms;
	out->patience = NULL;
	out->layer = NULL;
	out->is_behind = false;
	out->status = IO_OK;
	out->error = 0;
	out->used = 0;
}

/* As read(2) on the buffer, which is empty. */
static ssize_t
read_bytes(struct reader *in, int fd)
{
	const struct io_layer *layer = in->layer;
	ssize_t got = layer == NULL ? read(fd, in->bytes, sizeof(in->bytes))
				    : layer->read(layer->context, fd, in->bytes,
					  sizeof(in->bytes));

	in->is_drained = layer == NULL && got < (ssize_t)sizeof(in->bytes);
	if (got > 0) {
		in->start = 0;
		in->end = (size_t)got;
		if (in->high < in->end)
			in->high = in->end;
	}
	return got;
}

/*
 * A client on this host answers sooner than a processor that fell asleep is
 * awake again, which takes a virtual one 40 microseconds.  For one that has
 * just done so the next bytes are asked for a few times; whoever else wants
 * the processor has it meanwhile.
 */
static ssize_t
read_soon(struct reader *in, uint64_t began_us)
{
	for (;;) {
		ssize_t got = read_bytes(in, in->fd);

		if (got != -1 || errno != EAGAIN ||
		    clock_utc_us() - began_us > PROMPT_US)
			return got;
		sched_yield();
	}
}

/* Who answers a line has to be waited for: he is not asked in vain first. */
static enum io_status
reader_fill(struct reader *in, const struct limit *limit)
{
	if (in->peer != NULL)
		writer_flush(in->peer);
	uint64_t began_us = in->is_eager ? clock_utc_us() : 0;
	for (;;) {
		bool is_soon =
		    in->is_eager && in->is_prompt && limit_left(limit) > 0;

		if (in->is_drained && !is_soon) {
			enum io_status wait = wait_ready(in->fd, POLLIN, limit);

			if (wait != IO_OK)
				return wait;
		}
		ssize_t got =
		    is_soon ? read_soon(in, began_us) : read_bytes(in, in->fd);

		in->is_prompt = in->is_eager && got > 0 &&
				clock_utc_us() - began_us <= PROMPT_US;
		if (got > 0)
			return IO_OK;
		if (got == 0)
			return IO_EOF;
		if (errno != EAGAIN && errno != EINTR) {
			in->error = errno;
			return IO_ERROR;
		}
		in->is_drained = errno == EAGAIN;
	}
}

static void
keep_last(struct reader *in, struct span bytes)
{
	const size_t room = sizeof(in->before_lf);
	size_t len = bytes.len < room ? bytes.len : room;

	memmove(in->before_lf, in->before_lf + len, room - len);
	memcpy(in->before_lf + room - len, bytes.ptr + bytes.len - len, len);
}

enum io_status
read_line(struct reader *in, struct buf *line)
{
	const struct limit limit = limit_new(in->patience, in->timeout_ms);

	buf_clear(line);
	while (in->status == IO_OK) {
		char *start = in->bytes + in->start;
		size_t have = in->end - in->start;
		char *newline = memchr(start, '\n', have);
		size_t take = newline ? (size_t)(newline - start) + 1 : have;

		buf_add(line, (struct span){ start, take });
		in->start += take;
		if (newline && !line->overflow)
			return IO_OK;
		keep_last(
		    in, (struct span){ start, newline ? take - 1 : take });
		if (newline)
			return IO_TOO_LONG;
		in->status = reader_fill(in, &limit);
	}
	return in->status;
}

enum io_status
reader_peek(struct reader *in, struct span *bytes)
{
	if (in->status == IO_OK && in->start == in->end) {
		const struct limit limit =
		    limit_new(in->patience, in->timeout_ms);

		in->status = reader_fill(in, &limit);
	}
	*bytes = (struct span){ in->bytes + in->start, in->end - in->start };
	return in->status;
}

void
reader_consume(struct reader *in, size_t bytes)
{
	in->start += bytes;
}

bool
read_octets(struct reader *in, uint64_t octets, io_taker *take, void *context)
{
	while (octets > 0) {
		struct span bytes;

		if (reader_peek(in, &bytes) != IO_OK)
			return false;
		if (bytes.len > octets)
			bytes.len = (size_t)octets;
		take(context, bytes);
		reader_consume(in, bytes.len);
		octets -= bytes.len;
	}
	return true;
}

bool
reader_has_buffered(const struct reader *in)
{
	return in->start < in->end;
}

bool
reader_is_ready(struct reader *in)
{
	return reader_has_buffered(in) ||
	       (in->layer != NULL &&
		   (read_bytes(in, -1) >= 0 || errno != EAGAIN));
}

void
reader_wipe(struct reader *in)
{
	explicit_bzero(in->bytes, in->start);
	if (in->high > in->end)
		explicit_bzero(in->bytes + in->end, in->high - in->end);
	in->high = in->end;
}

void
reader_discard(struct reader *in)
{
	in->start = in->end = 0;
}

static void
write_out(struct writer *out, struct span bytes)
{
	const struct limit limit = limit_new(out->patience, out->timeout_ms);

	while (out->status == IO_OK && bytes.len > 0) {
		ssize_t put = write(out->fd, bytes.ptr, bytes.len);

		if (put >= 0) {
			bytes = span_slice(bytes, (size_t)put, bytes.len);
		} else if (errno == EAGAIN) {
			out->status = wait_ready(out->fd, POLLOUT, &limit);
		} else if (errno != EINTR) {
			out->error = errno;
			out->status = IO_ERROR;
		}
	}
}

/* The buffer is empty then.  is_end: of what is written in one go. */
static void
empty(struct writer *out, bool is_end)
{
	const struct io_layer *layer = out->layer;
	struct span plain = { out->bytes, out->used };
	struct span encoded;

	if (layer == NULL) {
		write_out(out, plain);
	} else {
		out->is_behind = !is_end;
		while (out->status == IO_OK &&
		       (encoded = layer->encode(layer->context, &plain, is_end))
			       .len > 0)
			write_out(out, encoded);
	}
	out->used = 0;
}

enum io_status
writer_flush(struct writer *out)
{
	if (out->used > 0 || out->is_behind)
		empty(out, true);
	return out->status;
}

void
write_span(struct writer *out, struct span bytes)
{
	while (bytes.len > 0 && out->status == IO_OK) {
		size_t room = sizeof(out->bytes) - out->used;
		size_t take = bytes.len < room ? bytes.len : room;

		memcpy(out->bytes + out->used, bytes.ptr, take);
		out->used += take;
		bytes = span_slice(bytes, take, bytes.len);
		if (out->used == sizeof(out->bytes))
			empty(out, false);
	}
}

void
write_string(struct writer *out, const char *string)
{
	write_span(out, span_of(string));
}

enum io_status
read_all(int fd, struct buf *into, int64_t timeout_ms)
{
	const struct limit limit = limit_new(NULL, timeout_ms);

	for (;;) {
		size_t left = into->max - into->len;
		char *room = buf_room(into, left < 4096 ? left : 4096);

		if (room == NULL || left == 0) {
			into->overflow = true;
			return IO_TOO_LONG;
		}
		ssize_t got = read(fd, room, left < 4096 ? left : 4096);
		if (got == 0)
			return IO_OK;
		if (got > 0) {
			buf_grown(into, (size_t)got);
		} else if (errno == EAGAIN) {
			enum io_status wait = wait_ready(fd, POLLIN, &limit);

			if (wait != IO_OK)
				return wait;
		} else if (errno != EINTR) {
			return IO_ERROR;
		}
	}
}

bool
write_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t put = write(fd, bytes.ptr, bytes.len);

		if (put == -1 && errno != EINTR)
			return false;
		if (put > 0)
			bytes = span_slice(bytes, (size_t)put, bytes.len);
	}
	return true;
}

bool
read_pieces(int fd, uint64_t offset, uint64_t length,
    bool (*take)(void *context, struct span piece), void *context)
{
	char bytes[PIECE_SIZE];

	while (length > 0) {
		size_t want = length < PIECE_SIZE ? (size_t)length : PIECE_SIZE;
		ssize_t got = pread(fd, bytes, want, (off_t)offset);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == 0)
			errno = EIO;
		if (got <= 0 ||
		    !take(context, (struct span){ bytes, (size_t)got }))
			return false;
		offset += (uint64_t)got;
		length -= (uint64_t)got;
	}
	return true;
}

static bool
write_piece(void *context, struct span piece)
{
	const int *out = context;

	return write_all(*out, piece);
}

bool
copy_bytes(int fd, uint64_t offset, uint64_t length, int out)
{
	return read_pieces(fd, offset, length, write_piece, &out);
}

void
fd_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		temp_fail("cannot make fd %d non-blocking", fd);
}

void
fd_set_cloexec(int fd, bool on)
{
	if (fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) == -1)
		temp_fail("cannot change the flags of fd %d", fd);
}

bool
fd_status(int fd, struct stat *status)
{
	return syscall(SYS_fstat, fd, status) == 0;
}
