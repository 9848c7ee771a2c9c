/*
 * smtp_client_test - replies as servers send them, and as they should not.
 */

#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net/smtp_client.h"
#include "test.h"

static struct smtp_client client;
static int server;

static void
begin(const char *bytes, size_t len)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == -1 ||
	    send(ends[1], bytes, len, 0) != (ssize_t)len)
		_exit(1);
	shutdown(ends[1], SHUT_WR);
	server = ends[1];
	smtp_open(&client, ends[0]);
}

static void
end(void)
{
	close(client.in.fd);
	close(server);
	smtp_free(&client);
}

static bool
has_text(const char *text)
{
	return span_equal(buf_span(&client.text), span_of(text));
}

static const struct {
	const char *bytes;
	unsigned code;
	const char *status; /* NULL: not looked at */
	const char *text;
} replies[] = {
	{ "250 2.1.0 fine\r\n", 250, "2.1.0", "250 2.1.0 fine" },
	{ "250 fine\r\n", 250, "2.0.0", "250 fine" },
	{ "250\r\n", 250, "2.0.0", "250" },
	{ "250 fine\n", 250, "2.0.0", "250 fine" },
	{ "550-5.1.1 no\r\n550 5.1.1 such user\r\n", 550, "5.1.1",
	    "550-5.1.1 no 5.1.1 such user" },
	{ "451-a\r\n451-b\r\n451 c\r\n", 451, "4.0.0", "451-a b c" },
	{ "550 4.1.1 classes differ\r\n", 550, "5.0.0",
	    "550 4.1.1 classes differ" },
	{ "550 5.1.1.1 four numbers\r\n", 550, "5.0.0", NULL },
	{ "550 5.1 two numbers\r\n", 550, "5.0.0", NULL },
	{ "550 5.1.1000 too big\r\n", 550, "5.0.0", NULL },
	{ "550 5.7.509 dmarc\r\n", 550, "5.7.509", NULL },
	{ "550 a\tb\033c\r\n", 550, "5.0.0", "550 a b c" },
	{ "354 go\r\n", 354, "2.0.0", "354 go" },
	{ "", 0, NULL, "the connection was lost" },
	{ "250 no end", 0, NULL, "the connection was lost" },
	{ "250-more\r\n", 0, NULL, "the connection was lost" },
	{ "250-a\r\n251 b\r\n", 0, NULL, "the server does not speak SMTP" },
	{ "199 low\r\n", 0, NULL, "the server does not speak SMTP" },
	{ "600 high\r\n", 0, NULL, "the server does not speak SMTP" },
	{ "25 short\r\n", 0, NULL, "the server does not speak SMTP" },
	{ "2500 long\r\n", 0, NULL, "the server does not speak SMTP" },
	{ "250+odd\r\n", 0, NULL, "the server does not speak SMTP" },
	{ "HTTP/1.1 400\r\n", 0, NULL, "the server does not speak SMTP" },
	{ "\r\n", 0, NULL, "the server does not speak SMTP" },
};

static void
test_replies(void)
{
	for (size_t i = 0; i < sizeof(replies) / sizeof(*replies); i++) {
		const char *text = replies[i].text;

		begin(replies[i].bytes, strlen(replies[i].bytes));
		CHECK(replies[i].bytes,
		    smtp_read(&client, 1000) == replies[i].code &&
			(replies[i].status == NULL ||
			    strcmp(smtp_status(&client), replies[i].status) ==
				0) &&
			(text == NULL || has_text(text)));
		end();
	}
}

static void
test_limits(void)
{
	struct buf bytes = buf_new(1 << 20);

	for (int i = 0; i < SMTP_REPLY_LINES - 1; i++)
		buf_add_string(&bytes, "250-0123456789\r\n");
	buf_add_string(&bytes, "250 last\r\n");
	begin(bytes.data, bytes.len);
	CHECK("100 lines are read", smtp_read(&client, 1000) == 250);
	CHECK("the text is cut", client.text.len <= SMTP_TEXT_MAX);
	end();
	buf_clear(&bytes);
	for (int i = 0; i < SMTP_REPLY_LINES; i++)
		buf_add_string(&bytes, "250-x\r\n");
	buf_add_string(&bytes, "250 last\r\n");
	begin(bytes.data, bytes.len);
	CHECK("101 lines are not", smtp_read(&client, 1000) == 0);
	end();
	buf_clear(&bytes);
	buf_add_string(&bytes, "250 ");
	for (int i = 0; i < SMTP_LINE_MAX; i++)
		buf_add_char(&bytes, 'x');
	buf_add_string(&bytes, "\r\n");
	begin(bytes.data, bytes.len);
	CHECK("a line has its limit", smtp_read(&client, 1000) == 0);
	end();
	buf_free(&bytes);
}

/* A child says a line each 50 ms, and never the last one. */
static pid_t
trickle(void)
{
	const struct timespec pause = { .tv_nsec = 50000000L };
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == -1)
		_exit(1);
	smtp_open(&client, ends[0]);
	server = ends[1];
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	close(ends[0]);
	while (send(ends[1], "250-x\r\n", 7, MSG_NOSIGNAL) == 7)
		nanosleep(&pause, NULL);
	_exit(0);
}

static void
test_deadline(void)
{
	pid_t pid = trickle();
	int64_t began_ms = clock_ms();

	CHECK("a reply has one deadline, however many lines it has",
	    smtp_read(&client, 400) == 0 &&
		has_text("the server is too slow") &&
		clock_ms() - began_ms < 2000);
	end();
	waitpid(pid, NULL, 0);
	pid = trickle();
	began_ms = clock_ms();
	client.deadline_ms = began_ms + 400;
	CHECK("the caller's counts where it is sooner",
	    smtp_read(&client, 60000) == 0 &&
		has_text("the server is too slow") &&
		clock_ms() - began_ms < 2000);
	end();
	waitpid(pid, NULL, 0);
	begin("250 ok\r\n", 8);
	client.deadline_ms = clock_ms() + 60000;
	CHECK("not where it is later", smtp_read(&client, 1000) == 250);
	end();
}

static bool
server_heard(const char *want)
{
	char bytes[512];

	writer_flush(&client.out); /* the replies were there: nobody waited */
	ssize_t got = recv(server, bytes, sizeof(bytes), 0);

	return got > 0 &&
	       span_equal((struct span){ bytes, (size_t)got }, span_of(want));
}

static void
test_hello(void)
{
	static const char full[] =
	    "250-mx.example hello\r\n250-pipelining\r\n250-SIZE 1000\r\n"
	    "250-8BITMIME\r\n250 SMTPUTF8\r\n250-x\r\n250 SIZE 7\r\n";
	static const char old[] = "502-no\r\n502 PIPELINING\r\n250 hello\r\n";

	begin(full, sizeof(full) - 1);
	CHECK("EHLO", smtp_hello(&client, "me.example", 1000) == 250);
	CHECK("EHLO is said", server_heard("EHLO me.example\r\n"));
	CHECK("keywords", client.has_pipelining && client.has_8bitmime &&
			      client.has_smtputf8 && client.has_size &&
			      client.size_max == 1000);
	CHECK("only from EHLO",
	    smtp_read(&client, 1000) == 250 && client.size_max == 1000);
	end();
	begin(old, sizeof(old) - 1);
	CHECK("HELO", smtp_hello(&client, "me.example", 1000) == 250);
	CHECK("HELO is said",
	    server_heard("EHLO me.example\r\nHELO me.example\r\n"));
	CHECK("nothing is offered", !client.has_pipelining && !client.has_size);
	end();
}

int
main(void)
{
	test_replies();
	test_limits();
	test_deadline();
	test_hello();
	return test_result();
}
