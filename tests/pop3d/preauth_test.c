/*
 * preauth_test - the AUTHORIZATION state, with a login made of this test: it
 * answers as the case says and tells what it was asked.
 */

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "pop3d/preauth.h"
#include "queue/login.h"
#include "test.h"

static const char challenge[] = "<1.2.ab@mx.example.org>";

struct outcome {
	struct buf replies;
	struct login_request request; /* the last one */
	unsigned requests;
	bool has_client;
};

static struct peer
make_peer(uint32_t address)
{
	struct peer peer = { .text = "192.0.2.1" };
	struct sockaddr_in from = { .sin_family = AF_INET,
		.sin_addr = { htonl(address) } };

	memcpy(&peer.address, &from, sizeof(from));
	return peer;
}

static _Noreturn void
be_server(int client, int login, uint32_t address)
{
	struct gate_settings settings = {
		.me = buf_new(64), .timeout_s = 5, .errors_max = 10
	};
	struct peer peer = make_peer(address);

	buf_add_string(&settings.me, "mx.example.org");
	fd_set_nonblocking(client);
	_exit(preauth_run(client, &peer, login, -1, &settings));
}

/* Send input, answer every request with verdict, collect what comes back. */
static struct outcome
converse(
    const char *input, size_t len, uint32_t address, enum login_verdict verdict)
{
	struct outcome outcome = { .replies = buf_new(1 << 20) };
	int stream[2];
	int login[2];
	int client = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) == -1 ||
	    !packet_pair(login))
		exit(1);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		close(stream[0]);
		close(login[0]);
		be_server(stream[1], login[1], address);
	}
	close(stream[1]);
	close(login[1]);
	login_send_hello(login[0], span_of(challenge), 0);
	if (!write_all(stream[0], (struct span){ input, len }))
		exit(1);
	shutdown(stream[0], SHUT_WR);
	while (
	    login_receive_request(login[0], &outcome.request, &client) == 1) {
		outcome.requests++;
		outcome.has_client = client != -1;
		close(client);
		if (!login_send_answer(login[0], verdict))
			break;
	}
	fd_set_nonblocking(stream[0]);
	read_all(stream[0], &outcome.replies, 5000);
	waitpid(pid, NULL, 0);
	close(stream[0]);
	close(login[0]);
	return outcome;
}

static struct outcome
talk(const char *input, enum login_verdict verdict)
{
	return converse(input, strlen(input), INADDR_LOOPBACK, verdict);
}

static bool
says(struct outcome *outcome, const char *text)
{
	const char *replies = buf_string(&outcome->replies);
	bool is_there = replies != NULL && strstr(replies, text) != NULL;

	if (!is_there)
		printf("# got: %.60s\n", replies == NULL ? "" : replies);
	return is_there;
}

static unsigned
count(struct outcome *outcome, const char *text)
{
	const char *at = buf_string(&outcome->replies);
	unsigned found = 0;

	for (; at != NULL && (at = strstr(at, text)) != NULL; at++)
		found++;
	return found;
}

static void
test_states(void)
{
	struct outcome got = talk("CAPA\r\nnoop\r\nSTAT\r\nPASS x\r\nUSER\r\n"
				  "QUIT now\r\nAPOP joe abc\r\nQUIT\r\n",
	    LOGIN_NO);

	CHECK("greeting with the challenge",
	    says(&got, "+OK mx.example.org POP3 Estafeta "
		       "<1.2.ab@mx.example.org>\r\n"));
	CHECK("CAPA offers USER", says(&got, "\r\nUSER\r\n"));
	CHECK("no mailbox command", says(&got, "-ERR no such command here"));
	CHECK("PASS before USER", says(&got, "-ERR USER first"));
	CHECK("USER without a name", says(&got, "-ERR this command needs"));
	CHECK(
	    "QUIT with an argument", says(&got, "-ERR this command takes no"));
	CHECK("APOP without a digest", says(&got, "-ERR APOP NAME DIGEST"));
	CHECK("QUIT", says(&got, "+OK bye\r\n"));
	CHECK("login was not asked", got.requests == 0);
	got = talk("", LOGIN_NO);
	CHECK("a client that leaves", count(&got, "\r\n") == 1);
}

static void
test_password(void)
{
	struct outcome got = talk("USER joe@example.org\r\n"
				  "PASS a b \r\nSTAT\r\nLIST\r\n",
	    LOGIN_OK);

	CHECK("login was asked once, with the client",
	    got.requests == 1 && got.has_client);
	CHECK("user", span_equal(login_user(&got.request.head),
			  span_of("joe@example.org")));
	CHECK("the password keeps its spaces",
	    span_equal(login_secret(&got.request), span_of("a b ")));
	CHECK("peer",
	    span_equal(login_peer(&got.request.head), span_of("192.0.2.1")));
	struct span input = login_input(&got.request);
	CHECK("with the language and what CAPA says of SASL",
	    span_starts(span_cut(&input, '\n'), span_of("i-default SASL")));
	CHECK("what was sent behind it goes along",
	    span_equal(input, span_of("STAT\r\nLIST\r\n")));
	CHECK("nothing is said after the hand-over", count(&got, "\r\n") == 2);
	got = talk("APOP joe 0123456789abcdef0123456789abcdef\r\n", LOGIN_OK);
	CHECK("APOP", got.requests == 1 &&
			  got.request.head.method == LOGIN_APOP &&
			  login_secret(&got.request).len == 32);
}

static void
test_refusals(void)
{
	static char big[8000];
	struct outcome got = talk("USER a\r\nPASS 1\r\nUSER a\r\nPASS 2\r\n"
				  "PASS 2\r\nUSER a\r\nPASS 3\r\n"
				  "USER a\r\nPASS 4\r\n",
	    LOGIN_NO);

	CHECK("three attempts",
	    got.requests == 3 && count(&got, "-ERR [AUTH] wrong") == 3);
	CHECK("each needs its USER", says(&got, "-ERR USER first"));
	got = talk("USER a\r\nPASS 1\r\nNOOP\r\n", LOGIN_LATER);
	CHECK("later", says(&got, "-ERR [SYS/TEMP] cannot log in now") &&
			   count(&got, "\r\n") == 3);
	got = talk("USER a\r\nPASS 1\r\n", LOGIN_FULL);
	CHECK("full", says(&got, "-ERR [IN-USE]"));
	size_t len = (size_t)snprintf(big, sizeof(big), "USER a\r\nPASS 1\r\n");
	memset(big + len, 'x', sizeof(big) - len);
	got = converse(big, sizeof(big), INADDR_LOOPBACK, LOGIN_OK);
	CHECK("too much input", got.requests == 0 && says(&got, "-ERR ["));
	got = converse("USER a\r\nPASS 1\r\nCAPA\r\nAPOP a "
		       "0123456789abcdef0123456789abcdef\r\nQUIT\r\n",
	    sizeof("USER a\r\nPASS 1\r\nCAPA\r\nAPOP a "
		   "0123456789abcdef0123456789abcdef\r\nQUIT\r\n") -
		1,
	    0xc0000201, LOGIN_OK);
	CHECK("elsewhere no password is taken",
	    got.requests == 0 && count(&got, "-ERR [AUTH] this conn") == 3);
	CHECK("nor a challenge made known",
	    !strchr(buf_string(&got.replies), '<'));
	CHECK("nor USER offered", count(&got, "\r\nUSER\r\n") == 0);
	got = talk("A\r\nB\r\nC\r\nD\r\nE\r\nF\r\nG\r\nH\r\nI\r\nJ\r\nK\r\n",
	    LOGIN_NO);
	CHECK("too many errors",
	    count(&got, "-ERR") == 11 && says(&got, "-ERR too many errors"));
	got = converse("USER a\0b\r\nUSER c\rd\r\nQUIT\r\n", 27,
	    INADDR_LOOPBACK, LOGIN_NO);
	CHECK("NUL and bare CR", count(&got, "-ERR a line has no NUL") == 2);
}

int
main(void)
{
	test_states();
	test_password();
	test_refusals();
	return test_result();
}
