/*
 * login_test - the records of log-in over a real pair: what goes through, what
 * is refused, and that nothing secret is left.
 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "queue/login.h"
#include "test.h"

static const unsigned char address[16] = {
	[10] = 0xff, [11] = 0xff, 127, 0, 0, 1
};

static bool
make_request(struct login_request *request)
{
	return login_request_init(request, LOGIN_POP3, LOGIN_PASSWORD,
		   span_of("joe@example.org")) &&
	       login_head_set_peer(
		   &request->head, span_of("127.0.0.1"), address) &&
	       login_request_set_secret(request, span_of("a secret")) &&
	       login_request_set_input(request, span_of("STAT\r\n"));
}

static void
test_request(const int ends[2])
{
	static struct login_request sent;
	static struct login_request got;
	struct login_head head;
	int client = -1;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	CHECK("nothing to peek at",
	    login_peek(ends[1], &head) == -1 && errno == EAGAIN);
	CHECK("a request",
	    make_request(&sent) && login_send_request(ends[0], &sent, null));
	CHECK("its head alone",
	    login_peek(ends[1], &head) == 1 &&
		span_equal(login_user(&head), span_of("joe@example.org")) &&
		memcmp(head.network, address, 16) == 0);
	CHECK("the whole, with the client",
	    login_receive_request(ends[1], &got, &client) == 1 &&
		client != -1 && memcmp(&got, &sent, sizeof(got)) == 0 &&
		span_equal(login_secret(&got), span_of("a secret")) &&
		span_equal(login_input(&got), span_of("STAT\r\n")) &&
		span_equal(login_peer(&got.head), span_of("127.0.0.1")));
	close(client);
	CHECK("without a client it is none",
	    packet_send(ends[0],
		(struct span){ (const char *)&sent, sizeof(sent) }, NULL, 0) &&
		login_receive_request(ends[1], &got, &client) == -1 &&
		errno == EBADMSG);
	sent.head.secret_len = LOGIN_SECRET_MAX + 1;
	CHECK("a length beyond its place",
	    login_send_request(ends[0], &sent, null) &&
		login_peek(ends[1], &head) == -1 && errno == EBADMSG &&
		login_receive_request(ends[1], &got, &client) == -1 &&
		client == -1);
	login_request_wipe(&sent);
	CHECK("wiped", login_secret(&sent).len == 0 && sent.secret[0] == '\0');
	close(null);
}

/* A client that stays with its acceptor: nothing comes with the request. */
static void
test_relayed(const int ends[2])
{
	static struct login_request sent;
	static struct login_request got;
	struct buf input = buf_new(LOGIN_INPUT_MAX);
	enum login_verdict verdict;
	int fd = -1;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	make_request(&sent);
	sent.head.is_relayed = 1;
	CHECK("POP3 relays nobody",
	    login_send_request(ends[0], &sent, -1) &&
		login_receive_request(ends[1], &got, &fd) == -1);
	sent.head.service = LOGIN_SIEVE;
	CHECK("a client of ManageSieve that is relayed",
	    login_send_request(ends[0], &sent, -1) &&
		login_receive_request(ends[1], &got, &fd) == 1 && fd == -1);
	sent.head.service = LOGIN_IMAP;
	CHECK("one of IMAP",
	    login_send_request(ends[0], &sent, -1) &&
		login_receive_request(ends[1], &got, &fd) == 1 && fd == -1);
	CHECK("it does not come all the same",
	    login_send_request(ends[0], &sent, null) &&
		login_receive_request(ends[1], &got, &fd) == -1 && fd == -1);
	CHECK("nor with the handover",
	    login_send_handover(ends[0], span_of("x"), -1) &&
		login_receive_handover(ends[1], &input, &fd, 1000) == 1 &&
		fd == -1 && input.len == 1);
	CHECK("its connection does",
	    login_send_connection(ends[0], null) &&
		login_receive_connection(ends[1], &verdict, &fd, 1000) == 1 &&
		verdict == LOGIN_OK && fd != -1);
	close(fd);
	CHECK("no connection with a refusal",
	    login_send_answer(ends[0], LOGIN_NO) &&
		login_receive_connection(ends[1], &verdict, &fd, 1000) == 1 &&
		verdict == LOGIN_NO && fd == -1);
	CHECK("what is no answer brings none",
	    login_send_handover(ends[0], span_of(""), null) &&
		login_receive_connection(ends[1], &verdict, &fd, 1000) == -1 &&
		fd == -1);
	buf_free(&input);
	close(null);
}

static void
test_limits(void)
{
	static struct login_request request;
	static char text[LOGIN_INPUT_MAX + 1];

	memset(text, 'x', sizeof(text));
	CHECK("a name too long",
	    !login_request_init(&request, LOGIN_POP3, LOGIN_PASSWORD,
		(struct span){ text, LOGIN_USER_MAX + 1 }));
	CHECK("no name", !login_request_init(&request, LOGIN_POP3,
			     LOGIN_PASSWORD, span_of("")));
	CHECK("a control byte in a name",
	    !login_request_init(
		&request, LOGIN_POP3, LOGIN_PASSWORD, span_of("a\nb")));
	CHECK("a name of bytes", login_request_init(&request, LOGIN_POP3,
				     LOGIN_PASSWORD, span_of("\xc3\xb1u")));
	CHECK("a secret too long",
	    !login_request_set_secret(
		&request, (struct span){ text, LOGIN_SECRET_MAX + 1 }));
	CHECK("a NUL in a secret",
	    !login_request_set_secret(&request, (struct span){ "a\0b", 3 }));
	CHECK(
	    "an empty secret", login_request_set_secret(&request, span_of("")));
	CHECK("as much input as fits",
	    login_request_set_input(
		&request, (struct span){ text, LOGIN_INPUT_MAX }) &&
		!login_request_set_input(
		    &request, (struct span){ text, LOGIN_INPUT_MAX + 1 }));
	CHECK("a digest has 32 digits",
	    login_request_init(
		&request, LOGIN_POP3, LOGIN_APOP, span_of("joe")) &&
		!login_request_set_secret(&request, span_of("short")));
}

static void
test_others(const int ends[2])
{
	static struct checkpw_request check;
	static struct checkpw_request got;
	struct login_hello hello;
	enum login_verdict verdict;
	enum checkpw_verdict checked;

	CHECK("hello", login_send_hello(ends[0], span_of("<1.2.3@me>"),
			   LOGIN_OFFERS_SCRAM) &&
			   login_receive_hello(ends[1], &hello, 1000) == 1 &&
			   hello.challenge_len == 10 &&
			   hello.offers == LOGIN_OFFERS_SCRAM);
	CHECK("an answer",
	    login_send_answer(ends[0], LOGIN_FULL) &&
		login_receive_answer(ends[1], &verdict, 1000) == 1 &&
		verdict == LOGIN_FULL);
	CHECK("one with an unknown verdict",
	    login_send_answer(ends[0], (enum login_verdict)9) &&
		login_receive_answer(ends[1], &verdict, 1000) == -1);
	CHECK("one record is not another",
	    login_send_answer(ends[0], LOGIN_OK) &&
		checkpw_receive_answer(ends[1], &checked, 1000) == -1);
	CHECK(
	    "a check", checkpw_request_init(&check, CHECKPW_VIRTUAL, LOGIN_APOP,
			   span_of("a@b.example")) &&
			   checkpw_request_set(&check,
			       span_of("0123456789abcdef0123456789abcdef"),
			       span_of("<1.2.3@me>"), span_of("127.0.0.1")) &&
			   checkpw_send_request(ends[0], &check) &&
			   checkpw_receive_request(ends[1], &got, 1000) == 1 &&
			   memcmp(&check, &got, sizeof(got)) == 0 &&
			   checkpw_challenge(&got).len == 10);
	check.kind = 7;
	CHECK("an unknown kind",
	    checkpw_send_request(ends[0], &check) &&
		checkpw_receive_request(ends[1], &got, 1000) == -1);
	CHECK("no answer in time",
	    login_receive_answer(ends[1], &verdict, 10) == -1 &&
		errno == ETIMEDOUT);
	close(ends[0]);
	CHECK("the other end is gone",
	    login_receive_answer(ends[1], &verdict, 1000) == 0);
}

int
main(void)
{
	int ends[2];

	if (!packet_pair(ends))
		return 1;
	test_request(ends);
	test_relayed(ends);
	test_limits();
	test_others(ends);
	return test_result();
}
