/*
 * ackload - how long clients wait for the 250 that acknowledges a message.
 *
 * usage: ackload ADDRESS PORT CLIENTS MESSAGES SIZE PER-CONNECTION <recipients
 *
 * A process for each of CLIENTS, all at once; message k goes to recipient k
 * modulo their number.  PER-CONNECTION 0: a client's all on one.  Prints, a
 * line a message, the microseconds from before its bytes are written until its
 * reply came to this host, those until the client had read it, and those from
 * where it began: before its connection, if it is the first of one.  The reply
 * came when the kernel says so (SO_TIMESTAMPNS): a client that shares its
 * processors with the server, and with all other clients, reads it when it is
 * its turn to run, for which no server can answer.  Exits 1 if a message is not
 * taken.
 */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "base/buf.h"
#include "base/die.h"
#include "base/io.h"

enum {
	RECIPIENTS_MAX = 4096,
	LINE = 70
};

struct load {
	struct sockaddr_in server;
	int clients;
	int messages;
	int per_connection;
	char *recipients[RECIPIENTS_MAX];
	int recipient_count;
	struct buf body;
};

static long long
us_of(const struct timespec *time)
{
	return (long long)time->tv_sec * 1000000 + time->tv_nsec / 1000;
}

/* read(2), and when the last of it came. */
static ssize_t
read_timed(int fd, void *into, size_t size, long long *came_us)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	struct iovec part = { into, size };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(fd, &message, 0);

	for (struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	     c != NULL; c = CMSG_NXTHDR(&message, c)) {
		struct timespec came;

		if (c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&came, CMSG_DATA(c), sizeof(came));
		*came_us = us_of(&came);
	}
	return got;
}

/*
 * Exits unless one reply comes, of that class.  Returns when it came, in
 * microseconds of the wall clock; 0: the kernel does not say.
 */
static long long
expect(int fd, char class)
{
	long long came_us = 0;
	char reply[8192];
	size_t len = 0;
	size_t line = 0; /* where the last one begins */

	for (;;) {
		ssize_t got =
		    read_timed(fd, reply + len, sizeof(reply) - len, &came_us);

		if (got <= 0)
			die(EX_UNAVAILABLE, "no reply");
		len += (size_t)got;
		if (reply[len - 1] != '\n')
			continue;
		for (size_t i = line; i + 1 < len; i++)
			if (reply[i] == '\n')
				line = i + 1;
		if (len - line > 3 && reply[line + 3] != '-')
			break;
	}
	if (reply[0] != class)
		die(EX_UNAVAILABLE, "refused: %.*s", (int)len, reply);
	return came_us;
}

static void
say(int fd, const char *before, const char *text, const char *after, char class)
{
	struct buf line = buf_new(4096);

	buf_add_string(&line, before);
	buf_add_string(&line, text);
	buf_add_string(&line, after);
	if (!write_all(fd, buf_span(&line)))
		die_errno(EX_UNAVAILABLE, "cannot write");
	buf_free(&line);
	expect(fd, class);
}

static long long
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now); /* as the kernel's times */
	return us_of(&now);
}

/* The kernel notes times while a socket asks for them: one lives all along. */
static int
timed_socket(void)
{
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == -1)
		die_errno(EX_OSERR, "cannot make a socket with times");
	return fd;
}

static int
begin(const struct load *load)
{
	const int on = 1;
	int fd = timed_socket();

	if (connect(fd, (const struct sockaddr *)&load->server,
		sizeof(load->server)) == -1)
		die_errno(EX_UNAVAILABLE, "cannot connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	expect(fd, '2');
	say(fd, "EHLO load.bench.test", "", "\r\n", '2');
	return fd;
}

static void
send_one(const struct load *load, int fd, int number, long long began)
{
	say(fd, "MAIL FROM:<a@bench.test", "", ">\r\n", '2');
	say(fd, "RCPT TO:<", load->recipients[number % load->recipient_count],
	    ">\r\n", '2');
	say(fd, "DATA", "", "\r\n", '3');
	long long sent = now_us();
	if (!write_all(fd, buf_span(&load->body)))
		die_errno(EX_UNAVAILABLE, "cannot write");
	long long came = expect(fd, '2');
	long long end = now_us();
	if (came == 0)
		die(EX_OSERR, "the kernel does not say when a reply came");
	printf("%lld %lld %lld\n", came - sent, end - sent, end - began);
}

static void
run_client(const struct load *load, int client)
{
	int fd = -1;
	int on_this = 0;

	for (int i = client; i < load->messages; i += load->clients) {
		long long began = now_us();

		if (fd == -1)
			fd = begin(load);
		send_one(load, fd, i, began);
		if (++on_this == load->per_connection) {
			say(fd, "QUIT", "", "\r\n", '2');
			close(fd);
			fd = -1;
			on_this = 0;
		}
	}
	if (fd != -1)
		say(fd, "QUIT", "", "\r\n", '2');
}

static void
make_body(struct buf *body, int size)
{
	buf_add_string(body, "Subject: load\r\n\r\n");
	for (int i = 0; i < size / LINE; i++)
		buf_printf(body, "%0*d\r\n", LINE - 2, i);
	buf_add_string(body, ".\r\n");
}

static void
read_recipients(struct load *load)
{
	char line[256];

	while (load->recipient_count < RECIPIENTS_MAX &&
	       fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		load->recipients[load->recipient_count++] = strdup(line);
	}
	if (load->recipient_count == 0)
		die(EX_USAGE, "no recipients");
}

static int
number(const char *text, int min)
{
	const char *fault;
	int value = (int)strtonum(text, min, 100000000, &fault);

	if (fault != NULL)
		die(EX_USAGE, "%s: %s", text, fault);
	return value;
}

int
main(int argc, char **argv)
{
	static struct load load = { .server.sin_family = AF_INET };
	bool is_good = true;
	int status;

	program_name("ackload");
	if (argc != 7 ||
	    inet_pton(AF_INET, argv[1], &load.server.sin_addr) != 1)
		die(EX_USAGE,
		    "usage: ackload ADDRESS PORT CLIENTS MESSAGES SIZE "
		    "PER-CONNECTION <recipients");
	load.server.sin_port = htons((uint16_t)number(argv[2], 1));
	load.clients = number(argv[3], 1);
	load.messages = number(argv[4], 1);
	load.body = buf_new(SIZE_MAX / 2);
	make_body(&load.body, number(argv[5], 0));
	load.per_connection = number(argv[6], 0);
	read_recipients(&load);
	timed_socket();
	setvbuf(stdout, NULL, _IOLBF, 0); /* lines of clients stay whole */
	for (int i = 0; i < load.clients; i++) {
		pid_t pid = fork();

		if (pid == -1)
			temp_fail("cannot fork");
		if (pid > 0)
			continue;
		run_client(&load, i);
		return fflush(stdout) == EOF ? EX_IOERR : EX_OK;
	}
	while (wait(&status) > 0)
		is_good = is_good && status == 0;
	return is_good ? EX_OK : 1;
}
