#include "imapd/notify_others.h"

#include "imapd/notify.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "imapd/sharing.h"
#include "mail/utf7.h"

/* What the owner's process is asked for; subscriptions are the user's. */
static const unsigned of_owners =
    NOTIFY_MESSAGE | NOTIFY_NAME | NOTIFY_METADATA;

static const char too_many_owners[] =
    "NO [NOTIFICATIONOVERFLOW] too many other users";

/* What a session tells without NOTIFY. */
static const char unasked[] =
    " (selected-delayed (MessageNew MessageExpunge FlagChange))";

struct asking {
	struct session *session;
	const struct notify_request *request; /* or NULL */
	struct buf subscribed; /* others' names, each ended by LF */
	struct buf owners;     /* the same of those who are meant */
	bool has_status;
};

/* ---- who is meant ---- */

static void
add_once(struct buf *lines, struct span line)
{
	if (span_has_line(buf_span(lines), line))
		return;
	buf_add(lines, line);
	buf_add_char(lines, '\n');
}

static bool
take_subscribed(void *context, const struct account_folder *folder)
{
	if ((folder->attributes & FOLDER_SUBSCRIBED) != 0 &&
	    rights_owner(folder->name).len > 0) {
		buf_add(context, folder->name);
		buf_add_char(context, '\n');
	}
	return true;
}

static bool
is_all_owners(enum filter_kind kind, struct span name)
{
	return kind == FILTER_SUBTREE && rights_is_of_others(name) &&
	       span_index(name, '/') == name.len;
}

static bool
wants_subscribed(const struct notify_request *request)
{
	for (size_t i = 0; request != NULL && i < request->count; i++)
		if ((request->groups[i].filters.kinds & FILTER_SUBSCRIBED) !=
			0 &&
		    (request->groups[i].events & of_owners) != 0)
			return true;
	return false;
}

static void
add_owners_of(struct asking *asking, const struct notify_group *group)
{
	struct buf sharing = buf_new(SIZE_MAX / 2);
	enum filter_kind kind;
	struct span name;

	for (size_t i = 0; filters_name(&group->filters, i, &kind, &name);
	     i++) {
		if (is_all_owners(kind, name))
			sharing_owners(asking->session, &sharing);
		else if (rights_owner(name).len > 0)
			add_once(&asking->owners, rights_owner(name));
	}
	for (struct span rest = buf_span(&sharing); rest.len > 0;)
		add_once(&asking->owners, span_cut(&rest, '\n'));
	buf_free(&sharing);
	if ((group->filters.kinds & FILTER_SUBSCRIBED) == 0)
		return;
	for (struct span rest = buf_span(&asking->subscribed); rest.len > 0;)
		add_once(&asking->owners, rights_owner(span_cut(&rest, '\n')));
}

static void
find_owners(struct asking *asking)
{
	const struct notify_request *request = asking->request;

	if (wants_subscribed(request))
		account_list(asking->session->account, take_subscribed,
		    &asking->subscribed);
	for (size_t i = 0; request != NULL && i < request->count; i++)
		if ((request->groups[i].events & of_owners) != 0)
			add_owners_of(asking, &request->groups[i]);
}

/* ---- what they are told ---- */

static void
add_events(struct buf *into, unsigned events, struct span items)
{
	if (events == 0) {
		buf_add_string(into, " NONE)");
		return;
	}
	buf_add_string(into, " (");
	if ((events & NOTIFY_NEW) != 0) {
		buf_add_string(into, "MessageNew ");
		buf_add(into, items);
		buf_add_string(into,
		    items.len > 0 ? " MessageExpunge " : "MessageExpunge ");
	}
	if ((events & NOTIFY_FLAGS) != 0)
		buf_add_string(into, "FlagChange ");
	if ((events & NOTIFY_NAME) != 0)
		buf_add_string(into, "MailboxName ");
	if ((events & NOTIFY_METADATA) != 0)
		buf_add_string(into, "MailboxMetadataChange ");
	into->len--;
	buf_add_string(into, "))");
}

/* As the client could write it, in a literal that nobody waits for. */
static void
add_name(struct asking *asking, struct buf *into, struct span name)
{
	struct buf text = buf_new((size_t)ACCOUNT_NAME_MAX * 8);

	if (session_is_utf8(asking->session) || !utf7_encode(&text, name, "")) {
		buf_clear(&text);
		buf_add(&text, name);
	}
	buf_printf(into, "{%zu+}\r\n", text.len);
	buf_add(into, buf_span(&text));
	buf_add_char(into, ' ');
	buf_free(&text);
}

static void
add_names(struct asking *asking, const struct notify_group *group,
    struct span owner, struct buf *into)
{
	enum filter_kind kind;
	struct span name;

	for (size_t i = 0; filters_name(&group->filters, i, &kind, &name);
	     i++) {
		struct buf all = buf_new(ACCOUNT_NAME_MAX);

		buf_add_string(&all, RIGHTS_OTHERS);
		buf_add(&all, owner);
		if (is_all_owners(kind, name))
			add_name(asking, into, buf_span(&all));
		else if (span_equal(rights_owner(name), owner))
			add_name(asking, into, name);
		buf_free(&all);
	}
	if ((group->filters.kinds & FILTER_SUBSCRIBED) == 0)
		return;
	for (struct span rest = buf_span(&asking->subscribed); rest.len > 0;) {
		name = span_cut(&rest, '\n');
		if (span_equal(rights_owner(name), owner))
			add_name(asking, into, name);
	}
}

static void
add_group(struct asking *asking, const struct notify_group *group,
    struct span owner, struct buf *into)
{
	struct buf names = buf_new(SIZE_MAX / 2);
	unsigned kinds = group->filters.kinds;

	if ((group->events & of_owners) != 0)
		add_names(asking, group, owner, &names);
	if (names.len > 0) {
		buf_add_string(into,
		    (kinds & FILTER_SUBTREE) != 0       ? " (subtree ("
		    : (kinds & FILTER_SUBTREE_ONE) != 0 ? " (subtree-one ("
							: " (mailboxes (");
		buf_add(into, span_slice(buf_span(&names), 0, names.len - 1));
		buf_add_char(into, ')');
		add_events(into, group->events & of_owners, span_of(""));
	}
	buf_free(&names);
}

/* Behind NOTIFY SET; true if it is of folders that are not selected, too. */
static bool
add_request(struct asking *asking, struct span owner, struct buf *into)
{
	const struct notify_request *request = asking->request;

	if (request == NULL) {
		buf_add_string(into, unasked);
		return false;
	}
	if (request->is_none) {
		buf_add_string(into, " NONE");
		return false;
	}
	buf_add_string(
	    into, request->is_delayed ? " (selected-delayed" : " (selected");
	add_events(into, request->selected, buf_span(&request->items));
	size_t start = into->len;
	for (size_t i = 0; i < request->count; i++)
		add_group(asking, &request->groups[i], owner, into);
	return into->len > start;
}

static enum guest_result
tell(struct asking *asking, struct guest *guest, struct span text)
{
	struct session *session = asking->session;
	bool is_selected = session->guests->selected == guest;
	struct buf command = buf_new(SIZE_MAX / 2);

	buf_add_string(&command, "NOTIFY");
	if (asking->request == NULL || !asking->request->is_none)
		buf_add_string(
		    &command, asking->has_status ? " SET STATUS" : " SET");
	buf_add(&command, text);
	enum guest_result result = guest_ask(session, guest, buf_span(&command),
	    is_selected ? guest_tell : guest_tell_notices, session);
	buf_free(&command);
	return result;
}

static void
end_gone(struct session *session)
{
	put_reply(session, "* BYE [UNAVAILABLE] the mailbox cannot be read");
	session->is_done = true;
}

/* Nothing is said to whom was told the same before. */
static enum guest_result
tell_if_new(struct asking *asking, struct guest *guest)
{
	struct buf text = buf_new(SIZE_MAX / 2);
	enum guest_result result = GUEST_OK;
	bool was_selected = asking->session->guests->selected == guest;
	bool is_notifying = add_request(asking, buf_span(&guest->owner), &text);

	if (!span_equal(buf_span(&text), buf_span(&guest->notices))) {
		buf_clear(&guest->notices);
		buf_add(&guest->notices, buf_span(&text));
		guest->is_notifying = is_notifying;
		result = tell(asking, guest, buf_span(&text));
		if (result == GUEST_GONE && was_selected)
			end_gone(asking->session);
		if (result == GUEST_REFUSED) {
			buf_clear(&guest->notices);
			guest->is_notifying = false;
		}
	}
	buf_free(&text);
	return result;
}

/* ---- all of them ---- */

/* They may make room, and have the selected folder at most. */
static void
tell_others(struct asking *asking)
{
	struct guests *guests = asking->session->guests;

	for (size_t i = 0; guests != NULL && i < GUESTS_MAX; i++) {
		struct guest *guest = guests->items[i];

		if (guest == NULL || guest->is_url_reader ||
		    span_has_line(
			buf_span(&asking->owners), buf_span(&guest->owner)) ||
		    (guest->notices.len == 0 && guest != guests->selected))
			continue;
		guest->is_notifying = false;
		if (asking->request != NULL || guest->notices.len > 0)
			tell_if_new(asking, guest);
	}
}

/* Of one that is none: left out, or why he cannot be had. */
static const char *
refusal_of_none(const struct session *session, struct span owner)
{
	if (!session->guests->is_later || guest_is_silent(session, owner))
		return NULL;
	return session->guests->has_ended || session->has_lost_login
		   ? guest_unavailable
		   : too_many_owners;
}

static const char *
tell_owner(struct asking *asking, struct span owner)
{
	struct session *session = asking->session;

	if (guest_is_silent(session, owner))
		return NULL;
	struct guest *guest = guest_find(session, owner);
	if (guest == NULL)
		return refusal_of_none(session, owner);
	enum guest_result result = tell_if_new(asking, guest);
	if (result == GUEST_OK)
		return NULL;
	return result == GUEST_REFUSED ? notify_too_many : guest_unavailable;
}

static const char *
tell_all(struct asking *asking)
{
	if (span_count(buf_span(&asking->owners), '\n') > NOTIFY_OWNERS_MAX)
		return too_many_owners;
	tell_others(asking);
	const char *refusal = NULL;
	for (struct span rest = buf_span(&asking->owners);
	     rest.len > 0 && refusal == NULL;)
		refusal = tell_owner(asking, span_cut(&rest, '\n'));
	return refusal;
}

const char *
notify_others_set(struct session *session, const struct notify_request *request,
    bool has_status)
{
	struct asking asking = { .session = session,
		.request = request,
		.subscribed = buf_new(SIZE_MAX / 2),
		.owners = buf_new(SIZE_MAX / 2),
		.has_status = has_status };

	if (!session->settings->can_share)
		return NULL;
	if (session->guests != NULL)
		session->guests->lost = GUESTS_LOST_NONE;
	find_owners(&asking);
	const char *refusal = tell_all(&asking);
	if (session->guests != NULL)
		session->guests->has_new = false;
	buf_free(&asking.subscribed);
	buf_free(&asking.owners);
	if (refusal != NULL || session->guests == NULL)
		return refusal;
	switch (session->guests->lost) {
	case GUESTS_LOST_NONE:
		break;
	case GUESTS_LOST_CLOSED:
		return too_many_owners;
	case GUESTS_LOST_ENDED:
		return guest_unavailable;
	}
	return NULL;
}

bool
notify_others_select(struct session *session, struct guest *guest)
{
	struct asking asking = { .session = session,
		.subscribed = buf_new(0),
		.owners = buf_new(0) };

	if (session->notify == NULL || guest->is_notifying)
		return true;
	asking.request = &session->notify->request;
	return tell_if_new(&asking, guest) != GUEST_GONE;
}

/* Are the guests those that were told? */
static bool
are_as_told(const struct guests *guests)
{
	return guests == NULL ||
	       (guests->lost == GUESTS_LOST_NONE && !guests->has_new);
}

/* What was lost since is not forgotten. */
static bool
set_again(struct session *session, const struct notify_request *request)
{
	const struct guests *guests = session->guests;

	return (guests == NULL || guests->lost != GUESTS_LOST_ENDED) &&
	       notify_others_set(session, request, !are_as_told(guests)) ==
		   NULL;
}

bool
notify_others_update(
    struct session *session, const struct notify_request *request)
{
	return !wants_subscribed(request) || set_again(session, request);
}

bool
notify_others_keep(
    struct session *session, const struct notify_request *request)
{
	return are_as_told(session->guests) || set_again(session, request);
}

/* ---- what they say ---- */

static bool
is_heard(const struct session *session, const struct guest *guest)
{
	return guest != NULL &&
	       (guest->is_notifying || (guest == session->guests->selected &&
					   guest->notices.len > 0));
}

size_t
notify_others_poll(
    const struct session *session, struct pollfd polled[GUESTS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; session->guests != NULL && i < GUESTS_MAX; i++)
		if (is_heard(session, session->guests->items[i]))
			polled[count++] = (struct pollfd){
				.fd = session->guests->items[i]->in.fd,
				.events = POLLIN
			};
	return count;
}

bool
notify_others_hear(struct session *session)
{
	bool is_one = false;

	for (size_t i = 0;
	     session->guests != NULL && i < GUESTS_MAX && !session->is_done;
	     i++) {
		struct guest *guest = session->guests->items[i];

		if (!is_heard(session, guest) || !guest_is_audible(guest))
			continue;
		bool was_selected = guest == session->guests->selected;
		is_one = true;
		if (guest_hear(session, guest) == GUEST_GONE && was_selected)
			end_gone(session);
	}
	return is_one;
}

void
notify_others_idle(struct session *session, bool is_idle)
{
	struct guest *guest =
	    session->guests != NULL ? session->guests->selected : NULL;

	if (guest == NULL || session->notify == NULL ||
	    !session->notify->request.is_delayed)
		return;
	if (is_idle)
		guest_begin_idle(session, guest);
	else if (guest_end_idle(session, guest) == GUEST_GONE)
		end_gone(session);
}
