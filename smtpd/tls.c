/*
 * tls - STARTTLS (RFC 3207), and ports that begin with TLS (RFC 8314).
 */

#include "base/die.h"
#include "net/starttls.h"
#include "smtpd/session.h"

bool
session_offers_starttls(const struct session *session)
{
	return session->neighbours.tls != -1 && !session->is_tls;
}

static bool
take(struct session *session)
{
	int tls = session->neighbours.tls;

	session->neighbours.tls = -1;
	session->is_tls = starttls_take(tls, session->peer->text, &session->in,
	    &session->out, &session->tls);
	if (session->is_tls) {
		buf_add(&session->binding, starttls_binding(&session->tls));
		buf_add_string(&session->certificate, session->tls.client_name);
	}
	return session->is_tls;
}

bool
session_begin_tls(struct session *session)
{
	return session->neighbours.tls != -1 &&
	       starttls_begin(session->neighbours.tls, session->peer->text) &&
	       take(session);
}

/*
 * All that was said before is forgotten, and so is what came behind the
 * command in clear: RFC 3207 section 4.2.
 */
void
handle_starttls(struct session *session, struct span argument)
{
	(void)argument;
	if (session->is_tls) {
		reply_error(session, "503 5.5.1 TLS is on already");
		return;
	}
	if (session->neighbours.tls == -1) {
		reply_error(session, "502 5.5.1 not offered here");
		return;
	}
	if (session->user.len > 0) {
		reply_error(session, "503 5.5.1 you have logged in already");
		return;
	}
	if (!starttls_begin(session->neighbours.tls, session->peer->text)) {
		reply(session, "454 4.7.0 no TLS now: try again later");
		session->neighbours.tls = -1;
		return;
	}
	if (reader_has_buffered(&session->in))
		log_event("bytes behind STARTTLS thrown away client=%s",
		    session->peer->text);
	reply(session, "220 2.0.0 begin TLS");
	session_reset(session);
	buf_clear(&session->helo);
	session->is_esmtp = false;
	session_forget_claims(session);
	session->is_done = !take(session);
}
