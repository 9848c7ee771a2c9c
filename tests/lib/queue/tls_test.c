/*
 * tls_test - the records of tls(5) over a real pair: what goes through, and
 * what is refused.
 */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "queue/tls.h"
#include "test.h"

enum {
	TIMEOUT_MS = 1000
};

static void
send_raw(int end, const void *bytes, size_t len)
{
	packet_send(end, (struct span){ bytes, len }, NULL, 0);
}

static void
test_connect(const int ends[2])
{
	static struct packet packet;
	struct tls_connect sent = { .server_name = "mx.example",
		.names = "mx.example .example",
		.tlsa = "3 1 1 00ff,2 0 1 " };
	struct tls_connect got;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	CHECK("a connection is handed over",
	    tls_send_connect(ends[0], &sent, null) &&
		packet_receive(ends[1], &packet) == 1 &&
		tls_parse_connect(&packet, &got) &&
		strcmp(got.names, sent.names) == 0 &&
		strcmp(got.tlsa, sent.tlsa) == 0);
	packet.bytes[offsetof(struct tls_connect, tlsa)] = '\n';
	CHECK("nor a line end among TLSA records",
	    !tls_parse_connect(&packet, &got));
	memset(packet.bytes + offsetof(struct tls_connect, tlsa), '3',
	    sizeof(got.tlsa));
	CHECK("nor TLSA records without an end",
	    !tls_parse_connect(&packet, &got));
	memset(packet.bytes + offsetof(struct tls_connect, tlsa), 0,
	    sizeof(got.tlsa));
	packet.bytes[sizeof(uint32_t)] = '\n';
	CHECK("but no line end", !tls_parse_connect(&packet, &got));
	packet.bytes[sizeof(uint32_t)] = 'm';
	packet.len--;
	CHECK("nor a part", !tls_parse_connect(&packet, &got));
	packet.len++;
	packet_close_fds(&packet);
	packet.fd_count = 0;
	CHECK("nor nothing", !tls_parse_connect(&packet, &got));
	close(null);
}

static void
test_requests(const int ends[2])
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int client = -2;

	CHECK("BEGIN goes without a descriptor",
	    tls_send_request(ends[0], TLS_BEGIN, -1) &&
		tls_receive_request(ends[1], TLS_BEGIN, &client, TIMEOUT_MS) ==
		    1 &&
		client == -1);
	CHECK("CLIENT brings one",
	    tls_send_request(ends[0], TLS_CLIENT, null) &&
		tls_receive_request(ends[1], TLS_CLIENT, &client, TIMEOUT_MS) ==
		    1 &&
		fcntl(client, F_GETFD) != -1);
	close(client);
	tls_send_request(ends[0], TLS_CLIENT, -1);
	CHECK("CLIENT without a descriptor is none",
	    tls_receive_request(ends[1], TLS_CLIENT, &client, TIMEOUT_MS) ==
		    -1 &&
		errno == EBADMSG);
	tls_send_request(ends[0], TLS_CLIENT, null);
	CHECK("CLIENT is not BEGIN",
	    tls_receive_request(ends[1], TLS_BEGIN, &client, TIMEOUT_MS) == -1);
	close(client);
	send_raw(ends[0], "garbage", 7);
	CHECK("garbage is no request", tls_receive_request(ends[1], TLS_BEGIN,
					   &client, TIMEOUT_MS) == -1 &&
					   errno == EBADMSG);
	CHECK("no request is a timeout",
	    tls_receive_request(ends[1], TLS_BEGIN, &client, 10) == -1 &&
		errno == ETIMEDOUT);
	close(null);
}

static bool
is_received(const int ends[2], const struct tls_answer *answer, int plain)
{
	struct tls_answer got;
	int fd = -1;
	bool is_good = tls_send_answer(ends[0], answer, plain) &&
		       tls_receive_answer(ends[1], &got, &fd, TIMEOUT_MS) == 1;

	if (fd != -1)
		close(fd);
	return is_good;
}

static void
test_answers(const int ends[2])
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct tls_answer done = tls_answer_new(TLS_DONE, "");
	struct tls_answer failed = tls_answer_new(TLS_FAILED, "no\ncipher\x80");

	tls_set_text(done.facts.protocol, TLS_TEXT_MAX, "TLSv1.3");
	tls_set_text(done.facts.server_name, 8, "a b\r\n\x7f too long");
	CHECK("text is made printable and fits",
	    strcmp(done.facts.server_name, "a?b????") == 0);
	CHECK("so is a reason", strcmp(failed.reason, "no?cipher?") == 0);
	CHECK("DONE with a descriptor", is_received(ends, &done, null));
	CHECK("DONE without one is none", !is_received(ends, &done, -1));
	CHECK("FAILED without one", is_received(ends, &failed, -1));
	CHECK("FAILED with one is none", !is_received(ends, &failed, null));
	done.facts.dane = TLS_DANE_VERIFIED + 1;
	CHECK(
	    "what DANE never says is refused", !is_received(ends, &done, null));
	done.facts.dane = TLS_DANE_VERIFIED;
	CHECK("what it says is not", is_received(ends, &done, null));
	done.facts.cipher[0] = '\n';
	CHECK(
	    "a line end in a fact is refused", !is_received(ends, &done, null));
	memset(done.facts.cipher, 'a', sizeof(done.facts.cipher));
	CHECK("a fact without an end is refused",
	    !is_received(ends, &done, null));
	failed.verdict = 9;
	CHECK("no such verdict", !is_received(ends, &failed, -1));
	close(null);
}

static void
test_key_records(void)
{
	static struct key_request request;
	static struct key_answer answer;
	static struct key_certificate certificate;
	static char bytes[sizeof(certificate) + 1];

	for (size_t len = 0; len < sizeof(bytes); len += 7)
		if (key_parse_request((struct span){ bytes, len }, &request) ||
		    key_parse_answer((struct span){ bytes, len }, &answer) ||
		    key_parse_certificate(
			(struct span){ bytes, len }, &certificate)) {
			CHECK("zeros of any length are no record", false);
			return;
		}
	CHECK("zeros of any length are no record", true);
}

static void
test_key_lengths(const int ends[2])
{
	static struct packet packet;
	static struct key_request sent = { .operation = KEY_STORE, .len = 3 };
	static struct key_request got;

	memcpy(sent.bytes, "abc", 3);
	CHECK("only the bytes that count travel",
	    key_send_request(ends[0], &sent) &&
		packet_receive(ends[1], &packet) == 1 &&
		packet.len == offsetof(struct key_request, bytes) + 3 &&
		key_parse_request(packet_span(&packet), &got) && got.len == 3 &&
		memcmp(got.bytes, "abc", 3) == 0);
	packet.len--;
	CHECK("a length that is not the packet's is refused",
	    !key_parse_request(packet_span(&packet), &got));
	sent.operation = KEY_FETCH + 1;
	key_send_request(ends[0], &sent);
	packet_receive(ends[1], &packet);
	CHECK("no such operation",
	    !key_parse_request(packet_span(&packet), &got));
}

int
main(void)
{
	int ends[2];

	if (!packet_pair(ends))
		return 1;
	test_connect(ends);
	test_requests(ends);
	test_answers(ends);
	test_key_records();
	test_key_lengths(ends);
	close(ends[0]);
	close(ends[1]);
	return test_result();
}
