#include "net/starttls.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"

enum {
	BEGIN_TIMEOUT_MS = 20000,
	HANDSHAKE_TIMEOUT_MS = 3700 * 1000 /* tlsd's own limit is below it */
};

static bool
await(int tls, const char *peer, enum tls_verdict want,
    struct tls_answer *answer, int *plain)
{
	int64_t timeout_ms =
	    want == TLS_READY ? BEGIN_TIMEOUT_MS : HANDSHAKE_TIMEOUT_MS;
	int got = tls_receive_answer(tls, answer, plain, timeout_ms);

	if (got == 1 && answer->verdict == (uint32_t)want)
		return true;
	log_event("no TLS client=%s reason=%s", peer,
	    got == 1 ? answer->reason : "tlsd does not answer");
	return false;
}

bool
starttls_begin(int tls, const char *peer)
{
	struct tls_answer answer;
	int plain = -1;

	if (tls_send_request(tls, TLS_BEGIN, -1))
		return await(tls, peer, TLS_READY, &answer, &plain);
	warn_errno("no TLS client=%s reason=tlsd", peer);
	return false;
}

/* The descriptor that is read and written from now on. */
static void
move_to(int plain, struct reader *in, struct writer *out)
{
	struct writer *peer = in->peer;

	close(in->fd);
	if (out->fd != in->fd)
		close(out->fd);
	fd_set_nonblocking(plain);
	explicit_bzero(in->bytes, in->end);
	reader_init(in, plain, in->timeout_ms);
	in->peer = peer;
	writer_init(out, plain, out->timeout_ms);
}

bool
starttls_take(int tls, const char *peer, struct reader *in, struct writer *out,
    struct tls_facts *facts)
{
	struct tls_answer answer;
	int plain = -1;
	bool is_taken = writer_flush(out) == IO_OK &&
			tls_send_request(tls, TLS_CLIENT, in->fd) &&
			await(tls, peer, TLS_DONE, &answer, &plain);

	close(tls);
	if (!is_taken)
		return false;
	*facts = answer.facts;
	move_to(plain, in, out);
	return true;
}

enum starttls_result
starttls_connect(int tls, const struct tls_connect *connect, struct reader *in,
    struct writer *out, struct tls_facts *facts, char reason[TLS_REASON_MAX])
{
	struct tls_answer answer;
	int plain = -1;

	snprintf(reason, TLS_REASON_MAX, "tlsd does not answer");
	if (writer_flush(out) != IO_OK)
		return STARTTLS_FAILED;
	if (!tls_send_connect(tls, connect, in->fd) ||
	    tls_receive_answer(tls, &answer, &plain, HANDSHAKE_TIMEOUT_MS) != 1)
		return STARTTLS_NO_ANSWER;
	if (answer.verdict != TLS_DONE) {
		memcpy(reason, answer.reason, TLS_REASON_MAX);
		return STARTTLS_FAILED;
	}
	*facts = answer.facts;
	move_to(plain, in, out);
	return STARTTLS_DONE;
}

struct span
starttls_binding(const struct tls_facts *facts)
{
	struct span binding = { (const char *)facts->binding,
		sizeof(facts->binding) };

	for (size_t i = 0; i < sizeof(facts->binding); i++)
		if (facts->binding[i] != 0)
			return binding;
	return (struct span){ "", 0 };
}
