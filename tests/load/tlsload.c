/*
 * tlsload - the load of the bench's TLS part: SMTP with STARTTLS.
 *
 * usage: tlsload ADDRESS PORT CONNECTIONS MESSAGES SIZE PER-CONNECTION
 *            <recipients
 *        tlsload -i ADDRESS PORT CONNECTIONS   idle until standard input ends
 *
 * A process for each of CONNECTIONS; message k goes to recipient k modulo their
 * number.  PER-CONNECTION 0: all on one.  SIZE 0: no message at all, only a
 * full handshake for each (no session is resumed).  Exits 1 if one fails.
 */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "base/buf.h"
#include "base/die.h"

enum {
	RECIPIENTS_MAX = 4096,
	REPLY_MAX = 8192,
	WAIT_S = 30
};

struct load {
	struct sockaddr_in server;
	SSL_CTX *context;
	int count;
	int messages;
	int size;
	int per_connection;
	char *recipients[RECIPIENTS_MAX];
	size_t recipient_count;
	struct buf body;
};

struct link {
	int fd;
	SSL *ssl; /* NULL: not yet */
	char reply[REPLY_MAX];
};

static int
receive(struct link *link, size_t at)
{
	int room = (int)(sizeof(link->reply) - 1 - at);

	if (link->ssl != NULL)
		return SSL_read(link->ssl, link->reply + at, room);
	return (int)read(link->fd, link->reply + at, (size_t)room);
}

/* The first digit of one reply, however many lines it has; 0: none came. */
static int
reply_class(struct link *link)
{
	size_t len = 0;
	int got;

	while ((got = receive(link, len)) > 0) {
		len += (size_t)got;
		link->reply[len] = '\0';
		if (link->reply[len - 1] != '\n')
			continue;
		struct span rest = { link->reply, len };
		while (rest.len > 0) {
			struct span line = span_cut(&rest, '\n');

			if (line.len > 3 && line.ptr[3] == ' ')
				return line.ptr[0] - '0';
		}
	}
	return 0;
}

static void
put(struct link *link, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t put =
		    link->ssl != NULL
			? SSL_write(link->ssl, bytes.ptr, (int)bytes.len)
			: write(link->fd, bytes.ptr, bytes.len);

		if (put <= 0)
			die(EX_IOERR, "the server went away");
		bytes = span_slice(bytes, (size_t)put, bytes.len);
	}
}

static void
say(struct link *link, const char *line, int want)
{
	put(link, span_of(line));
	if (reply_class(link) != want)
		die(EX_PROTOCOL, "%s: %s", line, link->reply);
}

static void
connect_plain(const struct load *load, struct link *link)
{
	const struct timeval wait = { .tv_sec = WAIT_S };
	const int on = 1;

	link->ssl = NULL;
	link->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (link->fd == -1 ||
	    setsockopt(
		link->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == -1 ||
	    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ==
		-1 ||
	    connect(link->fd, (const struct sockaddr *)&load->server,
		sizeof(load->server)) == -1)
		die_errno(EX_UNAVAILABLE, "cannot connect");
	if (reply_class(link) != 2)
		die(EX_PROTOCOL, "no greeting");
}

static void
open_link(const struct load *load, struct link *link)
{
	connect_plain(load, link);
	say(link, "EHLO load.bench.test\r\n", 2);
	say(link, "STARTTLS\r\n", 2);
	link->ssl = SSL_new(load->context);
	if (link->ssl == NULL || SSL_set_fd(link->ssl, link->fd) != 1 ||
	    SSL_connect(link->ssl) != 1)
		die(EX_PROTOCOL, "no handshake: %s",
		    ERR_reason_error_string(ERR_peek_error()));
	say(link, "EHLO load.bench.test\r\n", 2);
}

static void
close_link(struct link *link)
{
	say(link, "QUIT\r\n", 2);
	SSL_free(link->ssl);
	close(link->fd);
}

static void
send_message(const struct load *load, struct link *link, int number)
{
	const char *to =
	    load->recipients[(size_t)number % load->recipient_count];
	char line[512];

	say(link, "MAIL FROM:<a@bench.test>\r\n", 2);
	snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n", to);
	say(link, line, 2);
	say(link, "DATA\r\n", 3);
	snprintf(line, sizeof(line),
	    "From: <a@bench.test>\r\nTo: <%s>\r\nSubject: load %d\r\n"
	    "Message-ID: <%d.%d@load.bench.test>\r\n\r\n",
	    to, number, number, (int)getpid());
	put(link, span_of(line));
	put(link, buf_span(&load->body));
	say(link, ".\r\n", 2);
}

static void
run_connection(const struct load *load, int first)
{
	static struct link link;
	int left = 0;

	for (int k = first; k < load->messages; k += load->count) {
		if (left == 0) {
			open_link(load, &link);
			left = load->per_connection == 0 ? load->messages
							 : load->per_connection;
		}
		if (load->size > 0)
			send_message(load, &link, k);
		if (--left == 0)
			close_link(&link);
	}
	if (left > 0)
		close_link(&link);
}

static int
run_all(const struct load *load)
{
	int worst = 0;
	int status;

	for (int i = 0; i < load->count; i++) {
		pid_t pid = fork();

		if (pid == -1)
			die_errno(EX_OSERR, "cannot fork");
		if (pid == 0) {
			run_connection(load, i);
			_exit(EX_OK);
		}
	}
	while (wait(&status) > 0)
		worst |= status;
	return worst == 0 ? EX_OK : 1;
}

static int
stay_idle(const struct load *load)
{
	static struct link link;
	char byte;

	for (int i = 0; i < load->count; i++)
		open_link(load, &link); /* kept until the end */
	puts("open");
	fflush(stdout);
	return read(STDIN_FILENO, &byte, 1) >= 0 ? EX_OK : EX_IOERR;
}

static int
number(const char *text, int min)
{
	const char *error;
	long long value = strtonum(text, min, 1 << 24, &error);

	if (error != NULL)
		die(EX_USAGE, "%s is %s", text, error);
	return (int)value;
}

static void
read_recipients(struct load *load)
{
	char line[512];

	while (load->recipient_count < RECIPIENTS_MAX &&
	       fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		load->recipients[load->recipient_count++] = strdup(line);
	}
	if (load->recipient_count == 0)
		die(EX_USAGE, "no recipients on standard input");
}

static void
set_up(struct load *load, const char *address, const char *port)
{
	load->server = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)number(port, 1)) };
	load->context = SSL_CTX_new(TLS_client_method());
	if (inet_pton(AF_INET, address, &load->server.sin_addr) != 1 ||
	    load->context == NULL)
		die(EX_USAGE, "%s is no address", address);
	SSL_CTX_set_session_cache_mode(load->context, SSL_SESS_CACHE_OFF);
	signal(SIGPIPE, SIG_IGN);
}

int
main(int argc, char **argv)
{
	static struct load load;

	program_name("tlsload");
	if (argc == 5 && strcmp(argv[1], "-i") == 0) {
		set_up(&load, argv[2], argv[3]);
		load.count = number(argv[4], 1);
		return stay_idle(&load);
	}
	if (argc != 7)
		die(EX_USAGE, "usage: tlsload ADDRESS PORT CONNECTIONS "
			      "MESSAGES SIZE PER-CONNECTION");
	set_up(&load, argv[1], argv[2]);
	load.count = number(argv[3], 1);
	load.messages = number(argv[4], 1);
	load.size = number(argv[5], 0);
	load.per_connection = number(argv[6], 0);
	read_recipients(&load);
	load.body = buf_new((size_t)load.size + 128);
	while (load.body.len < (size_t)load.size)
		buf_add_string(&load.body,
		    "The quick brown fox jumps over the lazy dog, and the dog "
		    "does not mind.\r\n");
	return run_all(&load);
}
