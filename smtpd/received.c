/*
 * received - the trace of this hop: RFC 5321 section 4.4.
 */

#include "smtpd/received.h"

#include <string.h>

#include "mail/date.h"
#include "smtpd/session.h"

/* Who sent it, as control/hideclient lets it be seen. */
static void
add_from(const struct session *session, struct buf *field)
{
	const struct peer *peer = session->peer;
	bool is_ipv6 = strchr(peer->text, ':') != NULL;

	buf_add_string(field, "Received: from ");
	if (session->settings->hides_client && session->user.len > 0) {
		buf_add_string(field, "localhost");
		return;
	}
	buf_add(field, buf_span(&session->helo));
	buf_printf(field, " ([%s%s])", is_ipv6 ? "IPv6:" : "", peer->text);
}

/* The word after "with": RFC 3848, RFC 6531 section 4.3. */
static void
add_protocol(const struct session *session, struct buf *field)
{
	bool is_lmtp = session->settings->is_lmtp;

	if (session->needs_utf8)
		buf_add_string(field, "UTF8");
	else if (session->is_esmtp && !is_lmtp)
		buf_add_string(field, "E");
	buf_add_string(field, is_lmtp ? "LMTP" : "SMTP");
	if (session->is_esmtp && session->is_tls)
		buf_add_char(field, 'S');
	if (session->is_esmtp && session->user.len > 0)
		buf_add_char(field, 'A');
	if (session->solicitation.len > 0) { /* RFC 3865 */
		buf_add_string(field, "\n\t(NO-SOLICIT=");
		buf_add(field, buf_span(&session->solicitation));
		buf_add_char(field, ')');
	}
}

/* RFC 5321 section 4.4. */
void
received_add(struct submission *submission, const struct session *session,
    const struct queue_id *id)
{
	struct buf field = buf_new(4096);

	add_from(session, &field);
	buf_add_string(&field, "\n\tby ");
	buf_add(&field, buf_span(&session->settings->me));
	buf_add_string(&field, " with ");
	add_protocol(session, &field);
	buf_printf(&field, " id %s", id->text);
	if (session->only_recipient.len > 0) {
		buf_add_string(&field, "\n\tfor <");
		buf_add(&field, buf_span(&session->only_recipient));
		buf_add_char(&field, '>');
	}
	if (session->is_tls) /* RFC 8314 section 4.3 */
		buf_printf(&field, "\n\ttls %s", session->tls.cipher);
	buf_add_string(&field, ";\n\t");
	date_add(&field, (int64_t)(queue_id_time_us(id) / 1000000));
	buf_add_char(&field, '\n');
	submit_add(submission, buf_span(&field));
	buf_free(&field);
}
