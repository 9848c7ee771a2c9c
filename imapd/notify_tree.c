#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "imapd/list.h"
#include "imapd/notify.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "imapd/visible.h"

/* MailboxName and SubscriptionChange: RFC 5465 sections 5.4 and 5.5. */

struct reading {
	struct session *session;
	const struct notify_request *request;
	struct notify_tree *tree;
	size_t room;
	struct children visible; /* to a guest */
};

/* Another user's, of whose folders ours knows the subscription alone. */
static bool
is_others(const struct session *session, struct span name)
{
	return session->settings->can_share && rights_is_of_others(name);
}

static bool
exists(const struct notify_folder *folder)
{
	return (folder->attributes & (FOLDER_NOSELECT | FOLDER_NONEXISTENT)) ==
	       0;
}

static void
add_folder(struct reading *reading, const struct account_folder *seen,
    struct notify_folder folder)
{
	struct notify_tree *tree = reading->tree;

	if (tree->count == reading->room) {
		reading->room = reading->room == 0 ? 16 : 2 * reading->room;
		tree->folders = realloc(
		    tree->folders, reading->room * sizeof(*tree->folders));
	}
	folder.name = strndup(seen->name.ptr, seen->name.len);
	if (tree->folders == NULL || folder.name == NULL)
		temp_fail("out of memory");
	/* New mail marks a folder, which is no change of its name. */
	folder.attributes = seen->attributes & ~(uint32_t)FOLDER_MARKED;
	tree->folders[tree->count++] = folder;
}

/*
 * What a guest is told needs the rights l and r (RFC 5465 section 5): with l
 * alone it is the name, and that there is no more for him.  Returns what was
 * asked for.
 */
static unsigned
see_as_guest(struct reading *reading, struct account_folder *seen,
    struct notify_folder *folder)
{
	const unsigned events = NOTIFY_MESSAGE | NOTIFY_NAME | NOTIFY_METADATA;

	folder->is_hidden = !visible_see(&reading->visible, seen);
	if (folder->is_hidden)
		seen->attributes = FOLDER_NONEXISTENT;
	unsigned wanted =
	    notify_events_of(reading->request, seen, true) & events;
	folder->events = wanted;
	if (wanted != 0 &&
	    (seen->attributes & (FOLDER_NOSELECT | FOLDER_NONEXISTENT)) == 0 &&
	    (rights_on(reading->session, seen->name) & ACL_READ) == 0) {
		seen->attributes |= FOLDER_NO_ACCESS;
		folder->events = wanted & NOTIFY_NAME;
	}
	return folder->is_hidden && !folder->is_there ? 0 : wanted;
}

static unsigned
see_as_owner(const struct reading *reading, struct account_folder *seen,
    struct notify_folder *folder)
{
	bool is_own = !is_others(reading->session, seen->name);

	folder->events = notify_events_of(reading->request, seen, is_own);
	if (!is_own) {
		folder->events &= NOTIFY_SUBSCRIPTION;
		seen->attributes =
		    FOLDER_NONEXISTENT | (seen->attributes & FOLDER_SUBSCRIBED);
	}
	return folder->events;
}

static bool
take_folder(void *context, const struct account_folder *taken)
{
	struct reading *reading = context;
	struct account_folder seen = *taken;
	struct notify_folder folder = {
		.is_there = (taken->attributes &
				(FOLDER_NOSELECT | FOLDER_NONEXISTENT)) == 0
	};
	unsigned wanted = rights_is_guest(reading->session)
			      ? see_as_guest(reading, &seen, &folder)
			      : see_as_owner(reading, &seen, &folder);

	if (wanted == 0)
		return true;
	if (reading->tree->count == NOTIFY_FOLDERS_MAX) {
		reading->tree->is_overflow = true;
		return false;
	}
	add_folder(reading, &seen, folder);
	return true;
}

static struct notify_folder *
find(const struct notify_tree *tree, struct span name)
{
	for (size_t i = 0; i < tree->count; i++)
		if (span_equal(span_of(tree->folders[i].name), name))
			return &tree->folders[i];
	return NULL;
}

bool
notify_tree_read(struct session *session, const struct notify_request *request,
    const struct notify_tree *old, struct notify_tree *tree)
{
	struct reading reading = { .session = session,
		.request = request,
		.tree = tree,
		.visible = children_new() };

	*tree = (struct notify_tree){ .folders = NULL };
	if (request->count == 0)
		return true;
	/* RENAME takes its time with what lies below. */
	bool is_read =
	    rights_is_guest(session)
		? visible_list(session, &reading.visible, take_folder, &reading)
		: account_list_whole(session->account, take_folder, &reading);
	children_free(&reading.visible);
	if (!is_read)
		return false;
	for (size_t i = 0; i < tree->count; i++) {
		struct notify_folder *folder = &tree->folders[i];

		const struct notify_folder *before =
		    find(old, span_of(folder->name));

		if (before != NULL && exists(before))
			folder->counts = before->counts;
		else if (exists(folder))
			account_counts(session->account, span_of(folder->name),
			    &folder->counts);
	}
	return true;
}

void
notify_tree_free(struct notify_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		free(tree->folders[i].name);
	free(tree->folders);
	*tree = (struct notify_tree){ .folders = NULL };
}

bool
notify_tree_equal(const struct notify_tree *a, const struct notify_tree *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct notify_folder *one = &a->folders[i];
		const struct notify_folder *two = &b->folders[i];

		if (strcmp(one->name, two->name) != 0 ||
		    one->attributes != two->attributes ||
		    one->events != two->events ||
		    one->is_hidden != two->is_hidden)
			return false;
	}
	return true;
}

/* The MAILBOXID stays when a folder has another name: RFC 8474 section 4. */
static struct notify_folder *
find_old_name(const struct notify_tree *old, const struct notify_tree *new,
    const struct notify_folder *folder)
{
	for (size_t i = 0; i < old->count; i++) {
		struct notify_folder *one = &old->folders[i];

		if (one->counts.id[0] == '\0' ||
		    strcmp(one->counts.id, folder->counts.id) != 0)
			continue;
		const struct notify_folder *now = find(new, span_of(one->name));
		return now == NULL || !exists(now) ? one : NULL;
	}
	return NULL;
}

static void
put_list(struct session *session, const struct notify_folder *folder,
    uint32_t attributes, const struct notify_folder *old_name)
{
	const struct account_folder shown = { span_of(folder->name),
		attributes };

	/* Whether it is there its owner could say: it is not asked. */
	if (is_others(session, shown.name)) {
		put(session, (attributes & FOLDER_SUBSCRIBED) != 0
				 ? "* LIST (\\Subscribed) \"/\" "
				 : "* LIST () \"/\" ");
		put_name(session, shown.name);
		put(session, "\r\n");
		return;
	}
	list_put_head(session, "LIST", &shown);
	if (old_name != NULL) {
		put(session, " (\"OLDNAME\" (");
		put_name(session, span_of(old_name->name));
		put(session, "))");
	}
	put(session, "\r\n");
}

void
notify_tree_put_no_access(
    struct session *session, const struct notify_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		if ((tree->folders[i].attributes & FOLDER_NO_ACCESS) != 0)
			put_list(session, &tree->folders[i],
			    tree->folders[i].attributes, NULL);
}

/* What is below a folder that has another name now is not told. */
static bool
is_with_parent(const struct notify_tree *old, const struct notify_tree *new,
    const struct notify_folder *from, const struct notify_folder *to)
{
	struct span old_name = span_of(from->name);
	struct span new_name = span_of(to->name);

	for (;;) {
		size_t old_slash = span_last_index(old_name, '/');
		size_t new_slash = span_last_index(new_name, '/');

		if (old_slash == old_name.len || new_slash == new_name.len ||
		    !span_equal(span_slice(old_name, old_slash, SIZE_MAX),
			span_slice(new_name, new_slash, SIZE_MAX)))
			return false;
		old_name.len = old_slash;
		new_name.len = new_slash;
		const struct notify_folder *one = find(old, old_name);
		const struct notify_folder *two = find(new, new_name);
		if (one != NULL && two != NULL && one->counts.id[0] != '\0' &&
		    strcmp(one->counts.id, two->counts.id) == 0)
			return true;
	}
}

static void
note_parent(const struct notify_tree *new, const char *name)
{
	struct span parent = span_of(name);

	parent.len = span_last_index(parent, '/');
	if (parent.len < strlen(name)) {
		struct notify_folder *folder = find(new, parent);

		if (folder != NULL)
			folder->has_child_news = true;
	}
}

/* What was told of a folder that was not there: of its old name, or nothing. */
static struct notify_folder *
find_before(const struct notify_tree *old, const struct notify_tree *new,
    struct notify_folder *folder)
{
	struct notify_folder *from = find_old_name(old, new, folder);

	if (from != NULL) {
		from->is_passed = true;
		folder->counts = from->counts;
	} else {
		folder->counts.messages = folder->counts.unseen = 0;
		folder->counts.uid_next = 1;
	}
	return from;
}

/* One that came, or was there. */
static void
compare_existing(struct session *session, const struct notify_tree *old,
    const struct notify_tree *new, struct notify_folder *folder)
{
	const struct notify_folder *before = find(old, span_of(folder->name));

	if (before != NULL && exists(before)) {
		uint32_t changed = before->attributes ^ folder->attributes;

		if ((changed & FOLDER_NO_ACCESS) != 0 ||
		    ((changed & FOLDER_SUBSCRIBED) != 0 &&
			(folder->events & NOTIFY_SUBSCRIPTION) != 0))
			put_list(session, folder, folder->attributes, NULL);
		return;
	}
	const struct notify_folder *from = find_before(old, new, folder);
	if (from != NULL && is_with_parent(old, new, from, folder))
		return;
	note_parent(new, folder->name);
	if ((folder->events & NOTIFY_NAME) != 0)
		put_list(session, folder, folder->attributes, from);
}

/* A name of no folder: it may have been one. */
static void
compare_missing(struct session *session, const struct notify_tree *old,
    const struct notify_tree *new, const struct notify_folder *folder)
{
	const struct notify_folder *before = find(old, span_of(folder->name));
	bool is_lost = before != NULL && exists(before) && !before->is_passed;
	uint32_t had = before == NULL ? 0 : before->attributes;

	if (before != NULL && exists(before))
		note_parent(new, folder->name);
	if ((is_lost && (folder->events & NOTIFY_NAME) != 0) ||
	    (((had ^ folder->attributes) & FOLDER_SUBSCRIBED) != 0 &&
		(folder->events & NOTIFY_SUBSCRIPTION) != 0))
		put_list(session, folder,
		    folder->attributes | FOLDER_NONEXISTENT, NULL);
}

/* It is in the list no more. */
static void
compare_gone(struct session *session, const struct notify_tree *new,
    const struct notify_folder *folder)
{
	bool was_subscribed = (folder->attributes & FOLDER_SUBSCRIBED) != 0;

	if (exists(folder))
		note_parent(new, folder->name);
	if (!folder->is_passed &&
	    ((exists(folder) && (folder->events & NOTIFY_NAME) != 0) ||
		(was_subscribed &&
		    (folder->events & NOTIFY_SUBSCRIPTION) != 0)))
		put_list(session, folder, FOLDER_NONEXISTENT, NULL);
}

void
notify_tree_compare(
    struct session *session, struct notify_tree *old, struct notify_tree *new)
{
	/* Those that came say what was renamed, and is not told as gone. */
	for (size_t i = 0; i < new->count; i++)
		if (exists(&new->folders[i]))
			compare_existing(session, old, new, &new->folders[i]);
	for (size_t i = 0; i < new->count; i++)
		if (!exists(&new->folders[i]))
			compare_missing(session, old, new, &new->folders[i]);
	for (size_t i = 0; i < old->count; i++)
		if (find(new, span_of(old->folders[i].name)) == NULL)
			compare_gone(session, new, &old->folders[i]);
	for (size_t i = 0; i < new->count; i++) {
		const struct notify_folder *folder = &new->folders[i];

		if (folder->has_child_news && !folder->is_hidden &&
		    (folder->events & NOTIFY_NAME) != 0)
			put_list(session, folder, folder->attributes, NULL);
	}
}
