/*
 * policy - what the submission service lets a user do (RFC 6409): log in
 * first, send as oneself, and not without end.
 */

#include "base/die.h"
#include "queue/lookup.h"
#include "smtpd/session.h"

enum {
	LOOKUP_TIMEOUT_MS = 30000,
	LOGIN_TIMEOUT_MS = 10000
};

bool
policy_knows_user(struct session *session)
{
	if (!session->settings->is_submission || session->user.len > 0 ||
	    session->neighbours.lookup == -1)
		return true;
	reply_error(session, "530 5.7.0 log in first: AUTH");
	return false;
}

/* ---- who may send as whom ---- */

/* Does an item of control/senderlogins, "WHAT: account ...", speak of it? */
static bool
is_about(struct span what, struct span sender)
{
	if (what.len > 0 && what.ptr[0] == '@')
		return span_equal_nocase(
		    what, span_slice(sender, span_last_index(sender, '@'),
			      sender.len));
	return span_equal_nocase(what, sender);
}

static bool
is_listed(const struct session *session, struct span sender)
{
	const struct control_list *list = &session->settings->sender_logins;

	for (size_t i = 0; i < list->count; i++) {
		struct span accounts = list->items[i];

		if (!is_about(span_trim(span_cut(&accounts, ':')), sender))
			continue;
		while ((accounts = span_trim(accounts)).len > 0)
			if (span_equal_nocase(span_cut(&accounts, ' '),
				buf_span(&session->user)))
				return true;
	}
	return false;
}

/*
 * An address whose mail is the account's own, aliases left aside: a virtual
 * account's address, a user's name in each of this host's domains, and both
 * with an extension; a catch-all is nobody's.
 */
static bool
is_own(const struct session *session, const struct lookup_answer *answer,
    struct span sender)
{
	struct span user = buf_span(&session->user);
	bool is_virtual = span_index(user, '@') < user.len;

	return answer->kind == LOOKUP_MAILBOX &&
	       span_equal_nocase(answer->account, user) &&
	       (!is_virtual || answer->extension.len > 0 ||
		   span_equal_nocase(sender, user));
}

bool
policy_may_send_as(struct session *session, struct span sender)
{
	static struct packet packet;
	struct lookup_answer answer;

	/* Elsewhere a proxy of control/xclientnets speaks for its user. */
	if (!session->settings->is_submission || session->user.len == 0 ||
	    sender.len == 0 || is_listed(session, sender))
		return true;
	struct buf question = buf_new(COMMAND_MAX);
	buf_add_char(&question, '\\');
	buf_add(&question, sender);
	lookup_ask(session->neighbours.lookup, buf_span(&question),
	    LOOKUP_TIMEOUT_MS, &packet, &answer);
	buf_free(&question);
	if (answer.kind == LOOKUP_LATER) {
		reply(session, "451 4.3.0 the sender cannot be checked now");
		return false;
	}
	if (is_own(session, &answer, sender))
		return true;
	log_event("refused client=%s user=%.*s from=<%.*s> reply=553 5.7.1",
	    session->peer->text, (int)session->user.len, session->user.data,
	    (int)sender.len, sender.ptr);
	reply_error(session, "553 5.7.1 this account may not send as that "
			     "address: see control/senderlogins");
	return false;
}

/* ---- how much ---- */

/* login's parent counts, because sessions of one account share nothing else. */
const char *
policy_refuse_now(struct session *session)
{
	enum login_verdict verdict = LOGIN_LATER;

	/* Whom a proxy named has no session with login: it counts itself. */
	if (!session->is_known || session->neighbours.login == -1)
		return NULL;
	if (!login_send_message(
		session->neighbours.login, session->recipient_count) ||
	    login_receive_answer(
		session->neighbours.login, &verdict, LOGIN_TIMEOUT_MS) != 1 ||
	    verdict == LOGIN_LATER)
		return "451 4.3.0 this account cannot be counted now";
	if (verdict == LOGIN_OK)
		return NULL;
	log_event("refused client=%s user=%.*s recipients=%llu reply=450 4.7.1",
	    session->peer->text, (int)session->user.len, session->user.data,
	    (unsigned long long)session->recipient_count);
	return "450 4.7.1 this account has sent too much for now: see "
	       "control/messagesperhour and control/recipientsperhour";
}
