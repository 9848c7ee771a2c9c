/*
 * atrn_test - the manager takes a request of ATRN, and gives no answer: it may
 * have the connection, and so this session reads no more of it.
 */

#include <sys/socket.h>
#include <unistd.h>

#include "queue/odmr.h"
#include "smtpd/session.h"

#include "test.h"

/* What ATRN is told when the manager said that, or nothing if it is NULL. */
static struct span
ask(struct session *session, const enum odmr_verdict *verdict)
{
	static char said[200];
	struct buf answer = buf_new(16);
	int client[2];
	int manager[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, client) == -1 ||
	    !packet_pair(manager))
		return span_of("no pairs");
	session->neighbours.odmr = manager[0];
	reader_init(&session->in, client[0], 1000);
	writer_init(&session->out, client[0], 1000);
	if (verdict != NULL) {
		odmr_add_answer(&answer, *verdict);
		packet_send(manager[1], buf_span(&answer), NULL, 0);
	} else {
		shutdown(manager[1], SHUT_WR);
	}
	handle_atrn(session, span_of("customer.test"));
	writer_flush(&session->out);
	ssize_t got = read(client[1], said, sizeof(said));
	for (int i = 0; i < 2; i++) {
		close(client[i]);
		close(manager[i]);
	}
	buf_free(&answer);
	return (struct span){ said, got < 0 ? 0 : (size_t)got };
}

int
main(void)
{
	static struct session session;
	static struct peer peer = { .text = "192.0.2.1" };
	static struct settings settings = { .is_odmr = true, .errors_max = 20 };
	const enum odmr_verdict later = ODMR_LATER;

	session.settings = &settings;
	session.peer = &peer;
	session.is_esmtp = true;
	session.helo = buf_new(100);
	session.user = buf_new(100);
	buf_add_string(&session.helo, "mx.customer.test");
	buf_add_string(&session.user, "alice");
	CHECK("451 is the manager's to say",
	    span_starts_nocase(ask(&session, &later), span_of("451 ")));
	CHECK("and the session goes on", !session.is_done);
	CHECK("421 without an answer",
	    span_starts_nocase(ask(&session, NULL), span_of("421 ")));
	CHECK("and the session ends", session.is_done);
	buf_free(&session.helo);
	buf_free(&session.user);
	return test_result();
}
