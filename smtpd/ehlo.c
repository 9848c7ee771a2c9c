/*
 * ehlo - what is offered, and to whom: RFC 5321 section 4.1.1.1.
 */

#include <stdio.h>

#include "mail/rfc3339.h"
#include "smtpd/session.h"

static void
offer(struct session *session, const char *keyword)
{
	write_string(&session->out, "250-");
	reply(session, keyword);
}

static void
offer_number(struct session *session, const char *keyword, uint64_t number)
{
	char line[64];

	snprintf(
	    line, sizeof(line), "%s %llu", keyword, (unsigned long long)number);
	offer(session, line);
}

/* RFC 9422 */
static void
offer_limits(struct session *session)
{
	char line[96];

	snprintf(line, sizeof(line), "LIMITS MAILMAX=%llu RCPTMAX=%llu",
	    (unsigned long long)session->settings->messages_max,
	    (unsigned long long)session->settings->recipients_max);
	offer(session, line);
}

/* RFC 4865: how long, and so until when. */
static void
offer_future_release(struct session *session)
{
	uint64_t longest = session->settings->hold_max_s;
	struct buf line = buf_new(96);

	if (longest > 0) {
		buf_printf(
		    &line, "FUTURERELEASE %llu ", (unsigned long long)longest);
		rfc3339_add(
		    &line, (int64_t)(clock_utc_us() / 1000000 + longest));
		offer(session, buf_string(&line));
	}
	buf_free(&line);
}

/* RFC 2852: the soonest that BY=...;R may ask for. */
static void
offer_deliver_by(struct session *session)
{
	if (session->settings->by_min_s > 0)
		offer_number(session, "DELIVERBY", session->settings->by_min_s);
	else
		offer(session, "DELIVERBY");
}

/* RFC 4468 section 3.2: whatever the client calls the server by, and as it
 * would find it. */
static void
offer_burl(struct session *session)
{
	write_string(&session->out, "250-BURL imap imap://");
	write_span(&session->out, buf_span(&session->settings->me));
	reply(session, "");
}

bool
is_authenticated(const struct session *session)
{
	return session->user.len > 0;
}

/* RFC 2645: no message is sent here, until the connection is turned. */
static void
offer_odmr(struct session *session)
{
	if (session_offers_starttls(session))
		offer(session, "STARTTLS");
	auth_list(session);
	offer(session, "ENHANCEDSTATUSCODES");
	offer(session, "HELP");
	reply(session, "250 ATRN");
}

void
offer_extensions(struct session *session)
{
	if (session->settings->is_odmr) {
		offer_odmr(session);
		return;
	}
	offer(session, "PIPELINING");
	if (session_offers_pipe_connect(session))
		offer(session, "PIPECONNECT");
	offer_number(session, "SIZE", session->settings->size_max);
	offer(session, "8BITMIME");
	offer(session, "SMTPUTF8");
	offer(session, "CHUNKING");
	offer(session, "BINARYMIME");
	if (session_offers_burl(session))
		offer_burl(session);
	offer(session, "DSN");
	if (!session->settings->is_lmtp) /* where each has its reply anyway */
		offer(session, "PRDR");
	offer_limits(session);
	if (session_offers_starttls(session))
		offer(session, "STARTTLS");
	auth_list(session);
	if (session->is_tls) /* RFC 8689 section 2 */
		offer(session, "REQUIRETLS");
	if (is_authenticated(session)) {
		offer_future_release(session);
		offer_deliver_by(session);
		offer(session, "MT-PRIORITY");
	}
	if (session_offers_expn(session))
		offer(session, "EXPN");
	if (session->is_trusted && !session->settings->is_lmtp)
		offer(session, "ETRN");
	if (session_offers_wellknown(session))
		offer(session, "WELLKNOWN");
	if (session_refuses_classes(session))
		offer_no_soliciting(session);
	if (session_offers_verp(session))
		offer(session, "XVERP");
	if (session->is_proxy) {
		offer(session, "XCLIENT NAME ADDR PORT PROTO HELO LOGIN "
			       "DESTADDR DESTPORT");
		offer(
		    session, "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE");
	}
	offer(session, "ENHANCEDSTATUSCODES");
	offer(session, "VRFY");
	reply(session, "250 HELP");
}
