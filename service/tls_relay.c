#include "service/tls_relay.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	RELAY_SIZE = 16384, /* a TLS record's most */
	IDLE_MS = 500
};

/* Bytes on their way in one direction: from start to end. */
struct way {
	size_t start;
	size_t end;
	bool is_closed; /* nothing more comes from its source */
	unsigned char bytes[RELAY_SIZE];
};

struct relay {
	SSL *ssl;
	int plain;
	int64_t last_words_ms;
	bool is_broken;
	bool is_trimmed;
	bool is_process_gone;     /* what it said last may still be here */
	bool reading_wants_write; /* SSL_read waits to write, or the reverse */
	bool writing_wants_read;
	struct way in;  /* client to process */
	struct way out; /* process to client */
};

static bool
is_empty(const struct way *way)
{
	return way->start == way->end;
}

/* What was passed on is not needed any more, and may be a password. */
static void
passed(struct way *way, size_t bytes)
{
	explicit_bzero(way->bytes + way->start, bytes);
	way->start += bytes;
	if (is_empty(way))
		way->start = way->end = 0;
}

/* What a failed SSL call means: true if it is only to be called again. */
static bool
wants(struct relay *relay, int result, int usual, bool *wants_other)
{
	int error = SSL_get_error(relay->ssl, result);

	*wants_other = error != usual;
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static void
read_client(struct relay *relay)
{
	struct way *in = &relay->in;

	ERR_clear_error();
	int got = SSL_read(relay->ssl, in->bytes, sizeof(in->bytes));
	if (got > 0) {
		in->end = (size_t)got;
		return;
	}
	if (wants(relay, got, SSL_ERROR_WANT_READ, &relay->reading_wants_write))
		return;
	relay->reading_wants_write = false;
	in->is_closed = true;
	if (SSL_get_error(relay->ssl, got) != SSL_ERROR_ZERO_RETURN)
		relay->is_broken = true;
}

static void
write_client(struct relay *relay)
{
	struct way *out = &relay->out;

	ERR_clear_error();
	int put = SSL_write(
	    relay->ssl, out->bytes + out->start, (int)(out->end - out->start));
	if (put > 0)
		passed(out, (size_t)put);
	else if (!wants(relay, put, SSL_ERROR_WANT_WRITE,
		     &relay->writing_wants_read))
		relay->is_broken = true;
}

static void
read_plain(struct relay *relay)
{
	struct way *out = &relay->out;
	ssize_t got = read(relay->plain, out->bytes, sizeof(out->bytes));

	if (got > 0)
		out->end = (size_t)got;
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		out->is_closed = true;
}

static void
write_plain(struct relay *relay)
{
	struct way *in = &relay->in;
	ssize_t put = send(relay->plain, in->bytes + in->start,
	    in->end - in->start, MSG_NOSIGNAL);

	if (put > 0) {
		passed(in, (size_t)put);
	} else if (put == -1 && errno != EAGAIN && errno != EINTR) {
		/* It does not listen any more; what it said last is carried. */
		passed(in, in->end - in->start);
		in->is_closed = true;
	}
}

/* Move what can be moved: a record of TLS fits into a way. */
static void
move(struct relay *relay, bool is_client_ready, bool is_plain_ready)
{
	if (is_client_ready && is_empty(&relay->in) && !relay->in.is_closed)
		read_client(relay);
	if (!is_empty(&relay->in))
		write_plain(relay);
	if (is_plain_ready && is_empty(&relay->out) && !relay->out.is_closed)
		read_plain(relay);
	if (!is_empty(&relay->out))
		write_client(relay);
}

/*
 * Nobody counts a client that is left over: it has a little time.  A session
 * that idles needs no more what its handshake needed; a short one never pays
 * for that.
 */
static int
patience(const struct relay *relay)
{
	if (relay->is_process_gone)
		return (int)relay->last_words_ms;
	return relay->is_trimmed ? -1 : IDLE_MS;
}

static bool
await(struct relay *relay, bool *is_client_ready, bool *is_plain_ready)
{
	struct pollfd polled[2] = {
		{ .fd = SSL_get_fd(relay->ssl) },
		{ .fd = relay->plain },
	};
	bool is_reading = is_empty(&relay->in) && !relay->in.is_closed;
	bool is_writing = !is_empty(&relay->out);

	if ((is_reading && !relay->reading_wants_write) ||
	    (is_writing && relay->writing_wants_read))
		polled[0].events |= POLLIN;
	if ((is_writing && !relay->writing_wants_read) ||
	    (is_reading && relay->reading_wants_write))
		polled[0].events |= POLLOUT;
	if (!is_empty(&relay->in))
		polled[1].events |= POLLOUT;
	if (!is_writing && !relay->out.is_closed)
		polled[1].events |= POLLIN;
	/* An end that was seen would be news for ever. */
	if (polled[0].events == 0)
		polled[0].fd = -1;
	if (polled[1].events == 0 && relay->is_process_gone)
		polled[1].fd = -1;
	int ready = poll(polled, 2, patience(relay));
	if (ready == 0 && (relay->is_process_gone || relay->is_trimmed))
		return false;
	if (ready == 0) {
		malloc_trim(0);
		relay->is_trimmed = true;
	}
	if (polled[1].revents & (POLLHUP | POLLERR))
		relay->is_process_gone = true;
	*is_client_ready = polled[0].revents != 0;
	*is_plain_ready = polled[1].revents != 0;
	return true;
}

void
tls_relay(SSL *ssl, int plain, int64_t last_words_ms)
{
	static struct relay relay; /* large */
	bool is_client_ready = true;
	bool is_plain_ready = false;
	bool is_told = false;

	relay.ssl = ssl;
	relay.plain = plain;
	relay.last_words_ms = last_words_ms;
	for (;;) {
		move(&relay, is_client_ready, is_plain_ready);
		if (relay.in.is_closed && is_empty(&relay.in) && !is_told) {
			shutdown(plain, SHUT_WR);
			is_told = true;
		}
		if (relay.is_broken)
			return;
		if (relay.out.is_closed && is_empty(&relay.out))
			break;
		if (!await(&relay, &is_client_ready, &is_plain_ready))
			return;
	}
	SSL_shutdown(ssl);
}
