/*
 * sieve_preauth_test - before the log-in, with a login made of this test: it
 * answers as the case says and tells what it was asked; and how long a session
 * waits.
 */

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "local/sieve_preauth.h"
#include "local/sieve_session.h"
#include "queue/login.h"
#include "queue/sasl.h"
#include "scratch.h"
#include "test.h"

#define LOOPBACK  INADDR_LOOPBACK
#define ELSEWHERE 0xc0000201

/* What login says to the exchange, one after another. */
struct script {
	const char *challenges[4]; /* up to a NULL */
	enum login_verdict verdict;
};

static const struct script proven = { { NULL }, LOGIN_PROVEN };
static const struct script refused = { { NULL }, LOGIN_NO };

struct outcome {
	struct buf replies;
	struct sasl_request request; /* the last one */
	unsigned requests;
	unsigned responses;
	struct buf input; /* handed over */
	struct buf last;  /* response */
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
		.me = buf_new(64), .timeout_s = 1, .errors_max = 10
	};
	struct peer peer = make_peer(address);

	buf_add_string(&settings.me, "mx.example.org");
	/* All but CRAM-MD5, which is the fifth. */
	settings.auth.mechanisms.listed = ~(1U << 5) & ~1U;
	fd_set_nonblocking(client);
	_exit(sieve_preauth_run(client, &peer, login, -1, &settings));
}

/* One request of the server's; false at its end. */
static bool
answer(int login, const struct script *script, struct outcome *outcome)
{
	static struct sasl_message message;
	int client = -1;

	if (sasl_receive_request(login, &outcome->request, 5000) != 1)
		return false;
	outcome->requests++;
	for (size_t i = 0; script->challenges[i] != NULL; i++) {
		if (!sasl_send(login, SASL_CHALLENGE,
			span_of(script->challenges[i])) ||
		    sasl_receive(login, &message, 5000) != 1)
			return false;
		if (message.kind == SASL_CANCEL)
			return login_send_answer(login, LOGIN_CANCELLED);
		outcome->responses++;
		buf_clear(&outcome->last);
		buf_add(&outcome->last, sasl_bytes(&message));
	}
	if (!login_send_answer(login, script->verdict))
		return false;
	if (script->verdict != LOGIN_PROVEN)
		return true;
	outcome->has_client = login_receive_handover(
				  login, &outcome->input, &client, 5000) == 1 &&
			      client != -1;
	close(client);
	return login_send_answer(login, LOGIN_OK);
}

/* Send input, answer each request, collect what comes back. */
static struct outcome
converse(struct span input, uint32_t address, const struct script *script,
    bool is_ended)
{
	struct outcome outcome = { .replies = buf_new(1 << 20),
		.input = buf_new(LOGIN_INPUT_MAX),
		.last = buf_new(SASL_MESSAGE_MAX) };
	int stream[2];
	int login[2];

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
	login_send_hello(login[0], span_of(""), LOGIN_OFFERS_SCRAM);
	if (!write_all(stream[0], input))
		exit(1);
	if (is_ended)
		shutdown(stream[0], SHUT_WR);
	while (answer(login[0], script, &outcome))
		;
	fd_set_nonblocking(stream[0]);
	read_all(stream[0], &outcome.replies, 5000);
	waitpid(pid, NULL, 0);
	close(stream[0]);
	close(login[0]);
	return outcome;
}

static struct outcome
talk(const char *input, const struct script *script)
{
	return converse(span_of(input), LOOPBACK, script, true);
}

static bool
says(struct outcome *outcome, const char *text)
{
	const char *replies = buf_string(&outcome->replies);
	bool is_there = replies != NULL && strstr(replies, text) != NULL;

	if (!is_there)
		printf("# got: %s\n", replies == NULL ? "" : replies);
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

static bool
is_response(const struct outcome *outcome, const char *want)
{
	return span_equal(sasl_response(&outcome->request), span_of(want));
}

static void
test_states(void)
{
	struct outcome got =
	    talk("CAPABILITY\r\nnoop \"x\"\r\nLISTSCRIPTS\r\n"
		 "PUTSCRIPT \"a\" {8+}\r\nLOGOUT\r\n\r\nSTARTTLS\r\n"
		 "UNAUTHENTICATE\r\nLOGOUT\r\nNOOP\r\n",
		&refused);

	CHECK("greeting and CAPABILITY",
	    count(&got, "\"VERSION\" \"1.0\"\r\n") == 2 &&
		count(&got, "\"IMPLEMENTATION\" \"Estafeta") == 2 &&
		says(&got, "OK \"mx.example.org ManageSieve Estafeta\""));
	CHECK("mechanisms",
	    says(&got, "\"SASL\" \"SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN\""));
	CHECK("nobody owns anything, and there is no TLS here",
	    count(&got, "\"OWNER\"") == 0 && count(&got, "\"STARTTLS\"") == 0);
	CHECK("NOOP", says(&got, "OK (TAG \"x\") "));
	CHECK("no command of later, its literal is none either",
	    count(&got, "NO \"no such command here: AUTHENTICATE") == 3);
	CHECK("STARTTLS", says(&got, "NO (TRYLATER) \"no TLS now\"\r\n"));
	CHECK("LOGOUT ends it",
	    count(&got, "OK \"") == 3 && says(&got, "OK \"bye\"\r\n"));
	CHECK("login was not asked", got.requests == 0);
}

static void
test_plain(void)
{
	struct outcome got = talk("AUTHENTICATE \"PLAIN\" \"AGpvZQB4\"\r\n"
				  "LISTSCRIPTS\r\n",
	    &proven);

	CHECK("login was asked once, and has the client",
	    got.requests == 1 && got.has_client && got.responses == 0);
	CHECK("service and mechanism",
	    got.request.head.service == LOGIN_SIEVE &&
		span_equal(sasl_mechanism(&got.request), span_of("PLAIN")));
	CHECK("the initial response",
	    got.request.response_len == 6 && got.request.response[5] == 'x');
	CHECK("mechanisms, nothing last, no relay, and what was sent behind",
	    span_equal(buf_span(&got.input),
		span_of("SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN\n\n\n"
			"LISTSCRIPTS\r\n")));
	CHECK("nothing is said after the hand-over", count(&got, "OK ") == 1);
	got = talk("authenticate {5+}\r\nplain {8+}\r\nAGpvZQB4\r\n", &proven);
	CHECK("as literals", got.requests == 1 && got.has_client &&
				 got.request.response_len == 6);
	const struct script asks = { { "" }, LOGIN_PROVEN };
	got = talk("AUTHENTICATE \"PLAIN\"\r\n{8+}\r\nAGpvZQB4\r\n", &asks);
	CHECK("without: an empty challenge, a literal",
	    says(&got, "\r\n\"\"\r\n") && got.has_client && got.last.len == 6 &&
		got.request.has_response == 0);
	got = talk("AUTHENTICATE \"PLAIN\" \"\"\r\n", &refused);
	CHECK("an empty initial response is one",
	    got.requests == 1 && got.request.has_response == 1 &&
		is_response(&got, ""));
}

static void
test_scram(void)
{
	const struct script both = { { "r=abc,s=x,i=1", "v=sign" },
		LOGIN_PROVEN };
	const struct script wrong = { { "r=abc" }, LOGIN_NO };
	static char challenge[900];
	struct script large = { { challenge }, LOGIN_NO };
	struct outcome got = talk("AUTHENTICATE \"SCRAM-SHA-1\" \"bixh\"\r\n"
				  "\"Yz1i\"\r\nNOOP\r\n",
	    &both);

	CHECK("a challenge is a string",
	    says(&got, "\r\n\"cj1hYmMscz14LGk9MQ==\"\r\n"));
	CHECK("section 1.3: what it says last is kept for the reply",
	    got.responses == 2 && got.last.len == 0 &&
		span_equal(buf_span(&got.input),
		    span_of("SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN\n"
			    "dj1zaWdu\n\nNOOP\r\n")));
	got = talk("AUTHENTICATE \"SCRAM-SHA-1\" \"bixh\"\r\n\"Yz1i\"\r\n"
		   "LOGOUT\r\n",
	    &wrong);
	CHECK(
	    "a wrong proof", says(&got, "NO \"wrong name or password\"\r\n") &&
				 says(&got, "OK \"bye\""));
	got = talk("AUTHENTICATE \"SCRAM-SHA-1\" \"bixh\"\r\n\"*\"\r\n"
		   "LOGOUT\r\n",
	    &wrong);
	CHECK("given up", says(&got, "NO \"given up") && got.responses == 0);
	memset(challenge, 'x', sizeof(challenge) - 1);
	got = talk("AUTHENTICATE \"SCRAM-SHA-1\" \"bixh\"\r\n\"\"\r\n", &large);
	CHECK(
	    "a long challenge is a literal", says(&got, "\r\n{1200}\r\neHh4"));
}

static const struct {
	const char *label;
	const char *input;
	const char *reply;
} wrong[] = {
	{ "no such mechanism", "AUTHENTICATE \"GSSAPI\"\r\n",
	    "NO \"no such mechanism" },
	{ "two words", "AUTHENTICATE \"PLAIN x\"\r\n",
	    "NO \"no such mechanism" },
	{ "none", "AUTHENTICATE \"\"\r\n", "NO \"no such mechanism" },
	{ "long", "AUTHENTICATE \"PLAINPLAINPLAINPLAINPLAIN\"\r\n",
	    "NO \"no such mechanism" },
	{ "forbidden", "AUTHENTICATE \"CRAM-MD5\"\r\n", "NO (AUTH-TOO-WEAK) " },
	{ "an atom", "AUTHENTICATE PLAIN\r\n", "NO \"an argument is" },
	{ "no challenge waited for", "AUTHENTICATE \"LOGIN\" \"am9l\"\r\n",
	    "NO \"the server begins" },
	{ "no mechanism", "AUTHENTICATE\r\n", "NO \"AUTHENTICATE" },
	{ "three", "AUTHENTICATE \"PLAIN\" \"\" \"\"\r\n",
	    "NO \"too many arg" },
	{ "no base64", "AUTHENTICATE \"PLAIN\" \"x!\"\r\n",
	    "NO \"a response is" },
	{ "a tag", "NOOP 1\r\n", "NO \"NOOP" },
};

static void
test_refusals(void)
{
	struct outcome got;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		got = talk(wrong[i].input, &refused);
		CHECK(wrong[i].label,
		    says(&got, wrong[i].reply) && got.requests == 0);
	}
	const struct script asks = { { "" }, LOGIN_PROVEN };
	got = talk("AUTHENTICATE \"PLAIN\"\r\nAGpvZQB4\r\nLOGOUT\r\n", &asks);
	CHECK("a response that is no string",
	    says(&got, "NO \"a response is a string of base64\"") &&
		says(&got, "OK \"bye\""));
	got = talk("AUTHENTICATE \"PLAIN\" \"AGE=\"\r\n"
		   "AUTHENTICATE \"PLAIN\" \"AGE=\"\r\n"
		   "AUTHENTICATE \"PLAIN\" \"AGE=\"\r\nNOOP\r\n",
	    &refused);
	CHECK("three attempts, then BYE",
	    got.requests == 3 && count(&got, "NO \"wrong name") == 2 &&
		says(&got, "BYE \"wrong name") && count(&got, "OK") == 1);
	const struct script later = { { NULL }, LOGIN_LATER };
	got = talk("AUTHENTICATE \"PLAIN\" \"AGE=\"\r\nNOOP\r\n", &later);
	CHECK("later", says(&got, "BYE (TRYLATER) \"cannot log in now"));
	const struct script full = { { NULL }, LOGIN_FULL };
	got = talk("AUTHENTICATE \"PLAIN\" \"AGE=\"\r\n", &full);
	CHECK("full", says(&got, "BYE (TRYLATER) \"this account has"));
	got = converse(span_of("AUTHENTICATE \"PLAIN\" \"AGpvZQB4\"\r\n"
			       "AUTHENTICATE \"SCRAM-SHA-1\"\r\nLOGOUT\r\n"),
	    ELSEWHERE, &proven, true);
	CHECK("elsewhere, without TLS, none",
	    says(&got, "\"SASL\" \"\"\r\n") && got.requests == 0 &&
		count(&got, "NO (ENCRYPT-NEEDED)") == 2);
}

static void
test_limits(void)
{
	static char text[90000];
	size_t len = (size_t)snprintf(
	    text, sizeof(text), "AUTHENTICATE \"PLAIN\" \"AGpvZQB4\"\r\n");

	memset(text + len, 'x', 8000);
	struct outcome got = converse(
	    (struct span){ text, len + 8000 }, LOOPBACK, &proven, true);
	CHECK("too much behind the log-in",
	    says(&got, "BYE (TRYLATER) \"too much") && !got.has_client);
	len = (size_t)snprintf(
	    text, sizeof(text), "AUTHENTICATE \"PLAIN\" {20000+}\r\n");
	memset(text + len, 'A', 20000);
	memcpy(text + len + 20000, "\r\nLOGOUT\r\n", 10);
	got = converse(
	    (struct span){ text, len + 20010 }, LOOPBACK, &proven, true);
	CHECK("a response that is too long, and the next is heard",
	    says(&got, "NO (QUOTA/MAXSIZE)") && says(&got, "OK \"bye\"") &&
		got.requests == 0);
	got = talk("AUTHENTICATE \"PLAIN\" {70000+}\r\nAAAA", &proven);
	CHECK("what a stranger may not send", says(&got, "BYE \""));
	got = talk("A\r\nB\r\nC\r\nD\r\nE\r\nF\r\nG\r\nH\r\nI\r\nJ\r\nK\r\n",
	    &refused);
	CHECK("too many errors",
	    count(&got, "NO \"") == 10 && says(&got, "BYE \"too many errors"));
	got = converse(span_of("NOOP\r\nNO"), LOOPBACK, &refused, false);
	CHECK("silent for too long", says(&got, "BYE \"you were silent"));
	got = converse(span_of("AUTHENTICATE \"PLAIN\"\r\n"), LOOPBACK,
	    &(const struct script){ { "" }, LOGIN_PROVEN }, false);
	CHECK("also in an exchange", says(&got, "BYE \"you were silent"));
}

/* After the log-in; control/timeoutsieve is too long for a test. */
static void
test_session_timeout(void)
{
	struct sieve_session_settings settings = { .timeout_s = 1,
		.errors_max = 3,
		.limits = { 10, 1000 },
		.user = "joe",
		.peer = "192.0.2.1" };
	struct outcome got = { .replies = buf_new(1 << 20) };
	char name[4096] = "maildir:";
	struct account *account;
	int stream[2];

	if (getcwd(name + 8, sizeof(name) - 8) == NULL ||
	    account_open(&account, name) != ACCOUNT_OK ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) == -1)
		exit(1);
	fd_set_nonblocking(stream[1]);
	CHECK("a session ends by time", sieve_session_run(stream[1], stream[1],
					    account, &settings) == IO_TIMEOUT);
	close(stream[1]);
	read_all(stream[0], &got.replies, 1000);
	CHECK("and says so", says(&got, "BYE \"you were silent") &&
				 says(&got, "\"OWNER\" \"joe\"\r\n"));
	close(stream[0]);
	account_close(account);
}

int
main(void)
{
	scratch_enter();
	test_states();
	test_plain();
	test_scram();
	test_refusals();
	test_limits();
	test_session_timeout();
	return test_result();
}
