/*
 * strangers - what is asked of clients that may not relay: to wait for the
 * greeting, to speak SMTP, and to come to the point.
 */

#include <poll.h>

#include "base/die.h"
#include "smtpd/session.h"

/* A provider brings our mail, from wherever we connected to: by a tunnel, from
 * this host. */
bool
session_is_of(const struct session *session, const struct network_list *list)
{
	return !session->settings->is_turned &&
	       network_list_has(list, &session->peer->address);
}

void
refuse_and_end(struct session *session, const char *text)
{
	log_event("refused client=%s helo=%.*s reply=%s", session->peer->text,
	    (int)session->helo.len,
	    session->helo.len == 0 ? "" : session->helo.data, text);
	reply(session, text);
	session->is_done = true;
}

/* A browser can be made to post mail: its commands would stand in the body. */
bool
is_another_protocol(struct span verb)
{
	static const char *const methods[] = { "CONNECT", "DELETE", "GET",
		"HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE" };

	return span_is_one_of(
		   verb, methods, sizeof(methods) / sizeof(*methods)) ||
	       (verb.len > 0 && verb.ptr[verb.len - 1] == ':');
}

void
count_junk(struct session *session)
{
	if (session->is_done || ++session->junk <= session->settings->junk_max)
		return;
	refuse_and_end(session, "421 4.7.0 too many commands that bring no "
				"mail: see control/maxjunk");
}

/*
 * Exim's: who was told so may send EHLO, and what it knows may follow, at once.
 * LMTP's clients have no use for it, nor has who does not connect to us.
 */
bool
session_offers_pipe_connect(const struct session *session)
{
	return !session->settings->is_lmtp && !session->settings->is_turned &&
	       network_list_has(
		   &session->settings->early_clients, &session->peer->address);
}

/*
 * RFC 5321 section 3.1: the server speaks first.  Programs that send to many
 * hosts at once often do not wait for that.  Their mail is put off, not
 * refused: one may remember that PIPECONNECT was offered, before greetdelay.
 */
bool
waits_for_greeting(struct session *session)
{
	const struct settings *settings = session->settings;
	struct pollfd client = { .fd = session->in.fd, .events = POLLIN };
	int64_t end = clock_ms() + (int64_t)settings->greet_delay_s * 1000;
	struct span words;

	if (settings->is_submission || settings->is_lmtp || settings->is_odmr ||
	    settings->is_turned || session->is_trusted ||
	    session_offers_pipe_connect(session))
		return true;
	for (int64_t left; (left = end - clock_ms()) > 0;)
		if (poll(&client, 1, (int)left) == 1)
			break;
	if (client.revents == 0)
		return true;
	session->is_done = true;
	/* It is read, too: the kernel would else drop our reply. */
	if (reader_peek(&session->in, &words) == IO_OK)
		refuse_and_end(session,
		    "421 4.5.1 you spoke before the greeting: see "
		    "control/greetdelay");
	return false;
}
