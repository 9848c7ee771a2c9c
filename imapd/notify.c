#include "imapd/notify.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/die.h"
#include "imapd/handlers.h"
#include "imapd/list.h"
#include "imapd/notify_others.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "store/metadata.h"

enum {
	LOOK_MS = 60000
};

const char notify_too_many[] = "NO [NOTIFICATIONOVERFLOW] too many folders";

static bool
is_selectable(const struct notify_folder *folder)
{
	return (folder->attributes & (FOLDER_NOSELECT | FOLDER_NONEXISTENT)) ==
	       0;
}

static bool
is_selected(const struct session *session, struct span name)
{
	return session->folder != NULL &&
	       span_equal(buf_span(&session->folder_name), name);
}

/* ---- what is watched ---- */

static bool
is_watched(const struct notify_folder *folder)
{
	return (folder->events & NOTIFY_MESSAGE) != 0 && is_selectable(folder);
}

static bool
watch_folders(
    struct session *session, const struct notify_tree *tree, bool is_on)
{
	for (size_t i = 0; i < tree->count; i++) {
		const struct notify_folder *folder = &tree->folders[i];

		/* One that is gone already is found so by its name. */
		if (is_watched(folder) &&
		    account_watch(
			session->account, span_of(folder->name), is_on) == -1 &&
		    is_on && errno != ENOENT)
			return false;
		/* What a guest sees depends on his rights. */
		if (folder->is_there && rights_is_guest(session) &&
		    account_watch_rights(
			session->account, span_of(folder->name), is_on) == -1 &&
		    is_on && errno != ENOENT)
			return false;
	}
	return true;
}

/* Folders come and go, whatever is asked of them. */
static bool
watch_all(struct session *session, struct notify *notify, bool is_on)
{
	unsigned events = 0;

	for (size_t i = 0; i < notify->request.count; i++)
		events |= notify->request.groups[i].events;
	if (!watch_folders(session, &notify->tree, is_on))
		return false;
	if (events == 0 && is_on)
		return true;
	notify->watch = account_watch_tree(session->account, is_on);
	return notify->watch != -1 || !is_on;
}

/* As if NOTIFY NONE had come, section 5.8. */
static void
end_overflown(struct session *session, struct notify *notify)
{
	watch_all(session, notify, false);
	notify_tree_free(&notify->tree);
	notify_request_free(&notify->request);
	notify->request = (struct notify_request){ .is_none = true };
	notify_others_set(session, &notify->request, false);
	put_reply(session, "* OK [NOTIFICATIONOVERFLOW] no more is told");
}

/* ---- messages in other folders ---- */

static void
put_status(struct session *session, struct notify_folder *folder,
    const struct folder_counts *now)
{
	const struct folder_counts *old = &folder->counts;
	bool has_modseq =
	    (session->enabled & (ENABLED_CONDSTORE | ENABLED_QRESYNC)) != 0;
	bool is_other = now->uid_validity != old->uid_validity;
	bool is_new = is_other || now->messages != old->messages ||
		      now->uid_next != old->uid_next;
	bool is_flagged =
	    (folder->events & NOTIFY_FLAGS) != 0 &&
	    (now->unseen != old->unseen ||
		(has_modseq && now->highest_modseq != old->highest_modseq));
	unsigned items = STATUS_UIDVALIDITY;

	if (is_new)
		items |= STATUS_MESSAGES | STATUS_UIDNEXT;
	if ((folder->events & NOTIFY_FLAGS) != 0)
		items |= STATUS_UNSEEN;
	if (has_modseq)
		items |= STATUS_HIGHESTMODSEQ;
	if (is_new || is_flagged)
		status_put_news(session, span_of(folder->name), items);
	folder->counts = *now;
}

static void
tell_messages(struct session *session, struct notify_tree *tree)
{
	const uint32_t needed = ACL_LOOKUP | ACL_READ;

	for (size_t i = 0; i < tree->count; i++) {
		struct notify_folder *folder = &tree->folders[i];
		struct folder_counts now;

		if (!folder->is_due || !is_watched(folder) ||
		    is_selected(session, span_of(folder->name)))
			continue;
		folder->is_due = false;
		if ((rights_on(session, span_of(folder->name)) & needed) ==
			needed &&
		    account_counts(session->account, span_of(folder->name),
			&now) == ACCOUNT_OK)
			put_status(session, folder, &now);
	}
}

static void
make_all_due(struct notify *notify)
{
	for (size_t i = 0; i < notify->tree.count; i++)
		notify->tree.folders[i].is_due = true;
	notify->looked_ms = clock_ms();
}

/* ---- names and subscriptions ---- */

/* Is all as it was read before it was watched? */
static bool
is_settled(struct session *session, const struct notify *notify)
{
	struct notify_tree now;
	bool is_same =
	    !notify_tree_read(session, &notify->request, &notify->tree, &now) ||
	    notify_tree_equal(&notify->tree, &now);

	notify_tree_free(&now);
	return is_same;
}

static void
tell_tree(struct session *session, struct notify *notify)
{
	struct notify_tree new;

	notify->is_tree_due = false;
	if (!notify_tree_read(session, &notify->request, &notify->tree, &new)) {
		if (new.is_overflow)
			end_overflown(session, notify);
		notify_tree_free(&new);
		return;
	}
	/* A watch is of the folder that had the name.  What happens until it
	   is watched is found by its counts. */
	watch_folders(session, &notify->tree, false);
	notify_tree_compare(session, &notify->tree, &new);
	notify_tree_free(&notify->tree);
	notify->tree = new;
	if (!watch_folders(session, &notify->tree, true)) {
		end_overflown(session, notify);
		return;
	}
	make_all_due(notify);
	/* No count shows that a right was given. */
	notify->is_tree_due =
	    rights_is_guest(session) && !is_settled(session, notify);
}

/* ---- when ---- */

static void
take_watched(void *context, struct span name)
{
	struct notify *notify = context;

	notify->is_tree_due |= name.len == 0;
	for (size_t i = 0; i < notify->tree.count; i++)
		if (span_equal(span_of(notify->tree.folders[i].name), name))
			notify->tree.folders[i].is_due = true;
}

static void
tell(struct session *session, bool is_idle)
{
	struct notify *notify = session->notify;

	if (notify->watch != -1)
		account_watched(session->account, take_watched, notify);
	if (clock_ms() - notify->looked_ms >= LOOK_MS)
		make_all_due(notify);
	session->may_expunge = is_idle || !notify->request.is_delayed;
	session->is_uid = false;
	if (notify->request.selected != 0)
		session_news(session);
	if (session->is_done)
		return; /* its folder was deleted: BYE is the last word */
	if (notify->is_tree_due) {
		tell_tree(session, notify);
		notify_metadata_tell(session, notify);
		if (!notify_others_update(session, &notify->request))
			end_overflown(session, notify);
	}
	tell_messages(session, &notify->tree);
	if (!notify_others_keep(session, &notify->request))
		end_overflown(session, notify);
}

static int
watch_selected(struct session *session, const struct notify *notify)
{
	if (session->folder == NULL || notify->request.selected == 0)
		return notify->watch;
	int watch = account_watch(
	    session->account, buf_span(&session->folder_name), true);
	return watch == -1 ? notify->watch : watch;
}

enum waited {
	WAITED_ALL,
	WAITED_CLIENT, /* it says something */
	WAITED_NEWS
};

/* What is heard is heard piece by piece: the client may say something. */
static enum waited
wait_for_news(struct session *session, int64_t left, bool is_more)
{
	struct notify *notify = session->notify;
	struct pollfd polled[2 + GUESTS_MAX] = { { session->in->fd, POLLIN, 0 },
		{ notify->watch, POLLIN, 0 } };
	size_t others = notify_others_poll(session, polled + 2);
	int timeout = left > 0 ? (int)(left > LOOK_MS ? LOOK_MS : left) : 0;
	int count = poll(polled, 2 + others, is_more ? 0 : timeout);

	if (count == 0)
		return WAITED_ALL;
	return count > 0 && polled[0].revents != 0 ? WAITED_CLIENT
						   : WAITED_NEWS;
}

/* Memory is given back, but not while one command follows another. */
static enum waited
wait_and_rest(struct session *session, int64_t left, bool is_idle)
{
	if (!is_idle && left > SESSION_REST_MS) {
		enum waited waited =
		    wait_for_news(session, SESSION_REST_MS, false);

		if (waited != WAITED_ALL)
			return waited;
		left -= SESSION_REST_MS;
	}
	session_rest(session);
	return wait_for_news(session, left, false);
}

bool
notify_wait(struct session *session, bool is_idle)
{
	struct notify *notify = session->notify;
	const int64_t until = clock_ms() + session->in->timeout_ms;

	while (!reader_is_ready(session->in)) {
		notify->watch = watch_selected(session, notify);
		tell(session, is_idle);
		bool is_more =
		    notify_others_hear(session) || notify->is_tree_due;
		int64_t left = until - clock_ms();

		if (writer_flush(session->out) != IO_OK || session->is_done)
			return true;
		if ((is_more ? wait_for_news(session, left, true)
			     : wait_and_rest(session, left, is_idle)) ==
		    WAITED_CLIENT)
			return true;
		if (left <= 0)
			return false;
	}
	return true;
}

unsigned
notify_selected(const struct session *session)
{
	return session->notify == NULL ? NOTIFY_MESSAGE
				       : session->notify->request.selected;
}

void
notify_unselect(struct session *session)
{
	struct notify *notify = session->notify;
	struct span name = buf_span(&session->folder_name);

	for (size_t i = 0; notify != NULL && i < notify->tree.count; i++)
		if (span_equal(span_of(notify->tree.folders[i].name), name)) {
			notify->tree.folders[i].is_due = true;
			if (is_watched(&notify->tree.folders[i]))
				return;
		}
	account_watch(session->account, name, false);
}

static void
release(struct notify *notify)
{
	if (notify == NULL)
		return;
	notify_tree_free(&notify->tree);
	notify_request_free(&notify->request);
	buf_free(&notify->metadata);
	buf_free(&notify->own);
	free(notify);
}

void
notify_free(struct session *session)
{
	release(session->notify);
	session->notify = NULL;
}

/* ---- NOTIFY ---- */

static void
put_first_status(struct session *session, const struct notify_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		const struct notify_folder *folder = &tree->folders[i];
		unsigned items = STATUS_UIDVALIDITY;

		if (!is_watched(folder) ||
		    is_selected(session, span_of(folder->name)))
			continue;
		if ((folder->events & NOTIFY_NEW) != 0)
			items |= STATUS_MESSAGES | STATUS_UIDNEXT;
		if ((folder->events & NOTIFY_FLAGS) != 0)
			items |= STATUS_UNSEEN | STATUS_HIGHESTMODSEQ;
		status_put_news(session, span_of(folder->name), items);
	}
}

/* What was watched before is again, if that fails. */
static bool
change_watches(struct session *session, struct notify *new)
{
	struct notify *old = session->notify;

	if (old != NULL)
		watch_all(session, old, false);
	if (watch_all(session, new, true))
		return true;
	watch_all(session, new, false);
	if (old != NULL)
		watch_all(session, old, true);
	return false;
}

/* The same; NULL, or why not. */
static const char *
change_others(struct session *session, struct notify *new)
{
	struct notify *old = session->notify;
	const char *refusal =
	    notify_others_set(session, &new->request, new->request.has_status);

	if (refusal == NULL)
		return NULL;
	watch_all(session, new, false);
	if (old != NULL)
		watch_all(session, old, true);
	if (notify_others_set(
		session, old != NULL ? &old->request : NULL, false) != NULL &&
	    old != NULL)
		end_overflown(session, old);
	return refusal;
}

/* NULL, or the answer: then what there was before is. */
static const char *
change(struct session *session, struct notify *new)
{
	const struct notify_tree none = { .folders = NULL };

	if (!notify_tree_read(session, &new->request, &none, &new->tree))
		return new->tree.is_overflow ? notify_too_many
					     : session_failure(ACCOUNT_ERROR);
	if (!change_watches(session, new))
		return notify_too_many;
	return change_others(session, new);
}

/* What is told by the one before is told before it ends: a guest's has new
 * ones while its client sleeps. */
static void
tell_last(struct session *session)
{
	bool may_expunge = session->may_expunge;

	if (session->notify != NULL && !session->notify->request.is_none &&
	    rights_is_guest(session))
		tell(session, false);
	session->may_expunge = may_expunge;
}

/* It takes the request over. */
static void
begin(struct session *session, struct notify_request *request)
{
	struct notify *notify = calloc(1, sizeof(*notify));

	if (notify == NULL)
		temp_fail("out of memory");
	*notify = (struct notify){ .request = *request,
		.metadata = buf_new(METADATA_TOLD_MAX),
		.own = buf_new(SIZE_MAX / 2),
		.watch = -1 };
	const char *refusal = change(session, notify);
	if (refusal != NULL) {
		release(notify);
		session_finish(session, refusal);
		return;
	}
	notify_free(session);
	session->notify = notify;
	notify_metadata_begin(session, notify);
	notify_tree_put_no_access(session, &notify->tree);
	if (request->has_status)
		put_first_status(session, &notify->tree);
	/* What came between the look and the watch is told now. */
	make_all_due(notify);
	notify->is_tree_due = notify->watch != -1;
	session_finish(session, "OK done");
}

void
handle_notify(struct session *session, struct parse *parse)
{
	struct notify_request request;

	switch (notify_parse(session, parse, &request)) {
	case NOTIFY_OK:
		tell_last(session);
		begin(session, &request);
		return;
	case NOTIFY_BAD:
		session_bad(session, "BAD NOTIFY SET (FOLDERS (EVENT ...))");
		break;
	case NOTIFY_BAD_EVENT:
		session_finish(session,
		    "NO [BADEVENT (MessageNew MessageExpunge FlagChange "
		    "MailboxName SubscriptionChange MailboxMetadataChange "
		    "ServerMetadataChange)] these there are");
		break;
	case NOTIFY_TOO_MUCH:
		session_finish(
		    session, "NO [NOTIFICATIONOVERFLOW] too many names");
	}
	notify_request_free(&request);
}
