#include "imapd/context.h"
#include "imapd/notify.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "imapd/urlauth.h"

/*
 * Numbers go out as they are at that moment: from the last to the first.  Of a
 * message that came and went since EXISTS nothing is said: no number above
 * that one is the client's (RFC 9051 section 7.5.1), nor is its UID (RFC 7162
 * section 3.2.10.2).
 */
static void
take_expunged(void *context, size_t i, uint32_t uid)
{
	struct session *session = ((void **)context)[0];
	struct buf *uids = ((void **)context)[1];

	if (i >= session->known_exists)
		return;
	session->known_exists--;
	if ((session->enabled & (ENABLED_QRESYNC | ENABLED_UIDONLY)) != 0)
		buf_add(uids, (struct span){ (const char *)&uid, sizeof(uid) });
	else
		put_format(session, "* %zu EXPUNGE\r\n", i + 1);
}

static void
put_vanished(struct session *session, const struct buf *uids)
{
	const uint32_t *items = (const uint32_t *)(const void *)uids->data;
	struct set_text text = set_text_new();

	if (uids->len == 0)
		return;
	for (size_t i = uids->len / sizeof(*items); i > 0; i--)
		set_text_add(&text, items[i - 1]);
	struct buf set = set_text_end(&text);
	put(session, "* VANISHED ");
	put_span(session, buf_span(&set));
	put(session, "\r\n");
	buf_free(&set);
}

/* Those that may be changed. */
static void
put_system_flags(struct session *session, uint32_t rights)
{
	const char *space = "";

	if ((rights & ACL_WRITE) != 0)
		put(session, "\\Answered \\Flagged");
	if ((rights & ACL_WRITE) != 0)
		space = " ";
	if ((rights & ACL_DELETE_MESSAGES) != 0) {
		put_format(session, "%s\\Deleted", space);
		space = " ";
	}
	if ((rights & ACL_SEEN) != 0) {
		put_format(session, "%s\\Seen", space);
		space = " ";
	}
	if ((rights & ACL_WRITE) != 0)
		put_format(session, "%s\\Draft", space);
}

void
session_tell_keywords(struct session *session)
{
	uint64_t known = 0;

	for (size_t i = 0; i < FOLDER_KEYWORDS_MAX; i++)
		if (folder_keyword(session->folder, i).len > 0)
			known |= (uint64_t)1 << i;
	if (session->are_keywords_told && known == session->known_keywords)
		return;
	session->are_keywords_told = true;
	session->known_keywords = known;
	for (int is_permanent = 0; is_permanent < 2; is_permanent++) {
		put(session,
		    is_permanent ? "* OK [PERMANENTFLAGS (" : "* FLAGS (");
		if (is_permanent && session->is_read_only) {
			put_format(session, ")] %s\r\n",
			    language_say(
				session->language, "none can be changed"));
			return;
		}
		uint32_t rights = is_permanent ? session->rights : ACL_ALL;
		put_system_flags(session, rights);
		for (size_t i = 0; i < FOLDER_KEYWORDS_MAX; i++)
			if ((known >> i & 1) != 0 &&
			    (rights & ACL_WRITE) != 0) {
				put(session, " ");
				put_span(session,
				    folder_keyword(session->folder, i));
			}
		put(session, !is_permanent               ? ")"
			     : (rights & ACL_WRITE) != 0 ? " \\*)] "
							 : ")] ");
		if (is_permanent)
			put(session,
			    language_say(session->language, "these stay"));
		put(session, "\r\n");
	}
}

uint64_t
session_modseq_told(struct session *session)
{
	struct folder_counts counts;
	uint64_t gone_modseq = folder_gone_modseq(session->folder);

	folder_counts(session->folder, &counts);
	session->is_behind = gone_modseq != 0;
	return session->is_behind ? gone_modseq - 1 : counts.highest_modseq;
}

static void
put_how_far(struct session *session)
{
	put_format(session, "* OK [HIGHESTMODSEQ %llu] %s\r\n",
	    (unsigned long long)session_modseq_told(session),
	    language_say(session->language, "changes count"));
}

void
session_enable_condstore(struct session *session)
{
	bool is_new = (session->enabled & ENABLED_CONDSTORE) == 0;

	session->enabled |= ENABLED_CONDSTORE;
	if (!is_new || session->folder == NULL)
		return;
	put_how_far(session);
}

/*
 * RFC 7162 section 3.2: a client that is cut off asks for what is above the
 * highest MODSEQ that it was told, and an expunge that waits until it may be
 * told can have a lower one, or the same.  It is told one from before that.
 */
static void
tell_how_far(struct session *session, bool is_all_told)
{
	uint64_t gone_modseq = folder_gone_modseq(session->folder);

	if (gone_modseq != 0 ? session->told_modseq >= gone_modseq
			     : session->is_behind && is_all_told)
		put_how_far(session);
	session->told_modseq = 0;
}

static void
put_counts(struct session *session)
{
	uint32_t exists = (uint32_t)folder_count(session->folder);
	uint32_t recent = 0;

	if (exists != session->known_exists)
		put_format(session, "* %u EXISTS\r\n", exists);
	session->known_exists = exists;
	/* With those that are gone and were not told to be. */
	for (size_t i = 0; i < exists; i++)
		recent += (folder_message(session->folder, i)->flags &
			      MESSAGE_RECENT) != 0;
	if (recent != session->known_recent &&
	    (session->enabled & ENABLED_REV2) == 0)
		put_format(session, "* %u RECENT\r\n", recent);
	session->known_recent = recent;
}

void
put_modseq_value(struct session *session, uint64_t modseq)
{
	if (modseq > session->told_modseq)
		session->told_modseq = modseq;
	put_format(session, "(%llu)", (unsigned long long)modseq);
}

void
put_flag_news(struct session *session, size_t i)
{
	const struct folder_message *message =
	    folder_message(session->folder, i);
	bool has_modseq =
	    (session->enabled & (ENABLED_CONDSTORE | ENABLED_QRESYNC)) != 0;

	put_fetch(session, i);
	if ((session->is_uid || has_modseq || session->notify != NULL) &&
	    (session->enabled & ENABLED_UIDONLY) == 0)
		put_format(session, "UID %u ", message->uid);
	if (has_modseq) {
		put(session, "MODSEQ ");
		put_modseq_value(session, message->modseq);
		put(session, " ");
	}
	put(session, "FLAGS ");
	put_flags(session, message);
	put(session, ")\r\n");
}

/*
 * A session's UIDVALIDITY must not change, nor what a UID names (RFC 3501
 * section 2.3.1.1), and no response takes a folder back: a disk that is full is
 * another matter, and the next refresh may have more luck.
 */
static bool
refresh(struct session *session, bool wants_news)
{
	bool is_good =
	    !wants_news || folder_refresh(session->folder) == ACCOUNT_OK;

	if (!folder_is_replaced(session->folder))
		return is_good;
	put_reply(session, "* BYE [UNAVAILABLE] the folder was numbered anew");
	session->is_done = true;
	return false;
}

/*
 * Nor does any response tell that its name is gone, or another's (RFC 9051
 * section 6.3.5): its messages, which have UIDs still, can never be read again.
 */
static bool
is_deleted(struct session *session)
{
	if (!folder_is_deleted(session->folder))
		return false;
	put_reply(session, "* BYE [UNAVAILABLE] the folder was deleted");
	session->is_done = true;
	return true;
}

void
session_news(struct session *session)
{
	struct folder *folder = session->folder;
	struct buf uids = buf_new(SIZE_MAX / 2);
	void *context[] = { session, &uids };
	unsigned events = notify_selected(session);

	if (folder == NULL || session->is_done || is_deleted(session))
		return;
	if (rights_is_guest(session)) {
		session->rights =
		    rights_on(session, buf_span(&session->folder_name));
		if ((session->rights & ACL_READ) == 0)
			return;
	}
	/* NOTIFY: what others do is not wanted; what the client does is told.
	 */
	if (!refresh(session, (events & NOTIFY_NEW) != 0))
		return;
	contexts_tell_expunged(session);
	if (session->may_expunge)
		folder_drop_expunged(folder, take_expunged, context);
	put_vanished(session, &uids);
	buf_free(&uids);
	uint32_t known = session->known_exists;
	put_counts(session);
	bool has_told_keywords = false;
	for (size_t i = 0; i < folder_count(folder); i++) {
		const struct folder_message *message =
		    folder_message(folder, i);

		if (!message->is_changed || message->is_expunged ||
		    (events & NOTIFY_FLAGS) == 0)
			continue;
		if (!has_told_keywords)
			session_tell_keywords(session);
		has_told_keywords = true;
		put_flag_news(session, i);
	}
	contexts_tell_changes(session, known, (events & NOTIFY_NEW) != 0);
	if (session->known_exists > known && (events & NOTIFY_NEW) != 0)
		notify_put_new(session, known);
	folder_forget_changes(folder);
	tell_how_far(session, (~events & NOTIFY_MESSAGE) == 0);
	urlauth_tell_reset(session);
}

void
session_finish(struct session *session, const char *text)
{
	session_news(session);
	session_reply(session, text);
}

void
put_modseq(struct session *session, size_t i)
{
	const struct folder_message *message =
	    folder_message(session->folder, i);

	put_fetch(session, i);
	if ((session->enabled & ENABLED_UIDONLY) == 0)
		put_format(session, "UID %u ", message->uid);
	put(session, "MODSEQ ");
	put_modseq_value(session, message->modseq);
	put(session, ")\r\n");
}
