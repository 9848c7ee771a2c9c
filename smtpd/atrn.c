/*
 * atrn - ATRN, RFC 2645: a host that has no address of its own connects, logs
 * in, and takes the mail of its domains on the same connection, where it is
 * the server from then on.
 */

#include <stdio.h>

#include "base/die.h"
#include "queue/neighbour.h"
#include "queue/odmr.h"
#include "smtpd/session.h"

enum {
	ANSWER_TIMEOUT_MS = 60000
};

/* "DOMAIN,DOMAIN"; with none, all that the account may have. */
static bool
are_domains(struct span domains)
{
	if (domains.len > 0 && domains.ptr[domains.len - 1] == ',')
		return false;
	while (domains.len > 0)
		if (!is_greeting(span_trim(span_cut(&domains, ','))))
			return false;
	return true;
}

/* May it be asked now?  False after a reply. */
static bool
is_due(struct session *session, struct span domains)
{
	if (session->neighbours.odmr == -1)
		reply_error(session, "502 5.5.1 not offered here");
	else if (!session->is_esmtp)
		reply_error(session, "503 5.5.1 say EHLO first");
	else if (!is_authenticated(session))
		reply_error(session, "530 5.7.0 log in first: AUTH");
	else if (!are_domains(domains))
		reply_error(
		    session, "501 5.5.4 say ATRN, or ATRN domain,domain");
	/* It would be a greeting that nobody waited for. */
	else if (reader_has_buffered(&session->in))
		reply_error(session,
		    "503 5.5.1 nothing may follow ATRN before its reply");
	else
		return true;
	return false;
}

/* False: no answer came, and who has the connection is not known. */
static bool
ask(const struct session *session, struct span domains,
    enum odmr_verdict *verdict)
{
	static struct packet packet;
	struct buf server = buf_new(ODMR_SERVER_MAX);
	struct buf request = buf_new(PACKET_MAX);

	buf_add(&server, buf_span(&session->helo));
	buf_printf(&server, "[%s]", session->peer->text);
	const struct odmr_request asked = { .account = buf_span(&session->user),
		.domains = domains,
		.server = buf_span(&server),
		.tls = span_of(session->is_tls ? session->tls.protocol : "") };
	odmr_add_request(&request, &asked);
	bool is_answered = neighbour_ask(session->neighbours.odmr,
	    buf_span(&request), &session->in.fd, 1, ANSWER_TIMEOUT_MS, &packet);
	if (is_answered) {
		packet_close_fds(&packet);
		*verdict = odmr_parse_answer(packet_span(&packet));
	}
	buf_free(&server);
	buf_free(&request);
	return is_answered;
}

/*
 * The connection is remote-send's, and speaks when the client has greeted,
 * which it does after our 250.  This process keeps its place among those of
 * control/odmrconnections until the mail has been sent.
 */
static void
turn(struct session *session)
{
	static struct packet packet;

	reply(session, "250 2.0.0 now reversing the connection");
	session->is_done = true;
	if (writer_flush(&session->out) != IO_OK)
		return;
	log_event("turned client=%s user=%.*s", session->peer->text,
	    (int)session->user.len, session->user.data);
	while (packet_receive(session->neighbours.odmr, &packet) == 1)
		packet_close_fds(&packet);
}

void
handle_atrn(struct session *session, struct span argument)
{
	struct span domains = span_trim(argument);
	enum odmr_verdict verdict;

	if (!is_due(session, domains))
		return;
	if (!ask(session, domains, &verdict)) {
		/* It may be turned yet, and two would read what comes. */
		refuse_and_end(
		    session, "421 4.3.0 the queue does not answer: closing");
		return;
	}
	switch (verdict) {
	case ODMR_TURNED:
		turn(session);
		return;
	case ODMR_NO_MAIL:
		reply(session, "453 4.0.0 you have no mail");
		return;
	case ODMR_REFUSED:
		log_event("refused client=%s user=%.*s domains=%.*s reply=450",
		    session->peer->text, (int)session->user.len,
		    session->user.data, (int)domains.len, domains.ptr);
		reply_error(session, "450 4.7.1 refused: this account may not "
				     "have all of that");
		return;
	case ODMR_LATER:
		break;
	}
	reply(session, "451 4.3.0 not now: try again later");
}
