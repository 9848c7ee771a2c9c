#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "store/folder_state.h"
#include "store/store_kind.h"

enum {
	EVENTS = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
		 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
	BYTES = 4096
};

static bool
is_open(struct account *account)
{
	if (account->watch == -1)
		account->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return account->watch != -1;
}

/* What is watched by name, so that a jail is no matter: the folder, and cur/
 * and new/ in it. */
static int
add_part(const struct account *account, const char *path, const char *part)
{
	struct buf text = buf_new(2 * (size_t)BYTES);

	buf_printf(&text, "%s/%s/%s", account->path, path, part);
	const char *name = buf_string(&text);
	int watched =
	    name == NULL ? -1 : inotify_add_watch(account->watch, name, EVENTS);
	buf_free(&text);
	return watched;
}

/* One watch is all that a folder has, for its messages and its rights, and
 * INBOX's is that of the tree. */
static void
end_of_folder(const struct account *account, int folder)
{
	bool is_used = folder == account->watch_tree;

	for (size_t i = 0; i < account->watched_count; i++)
		is_used |= account->watched[i].folder == folder;
	for (size_t i = 0; i < account->watched_rights_count; i++)
		is_used |= account->watched_rights[i].folder == folder;
	if (!is_used)
		inotify_rm_watch(account->watch, folder);
}

static void
drop(struct account *account, size_t i)
{
	const struct account_watched old = account->watched[i];

	account->watched[i] = account->watched[--account->watched_count];
	inotify_rm_watch(account->watch, old.cur);
	inotify_rm_watch(account->watch, old.new);
	end_of_folder(account, old.folder);
	free(old.name);
}

static size_t
find_watched(const struct account *account, struct span name)
{
	size_t i = 0;

	while (i < account->watched_count &&
	       !span_equal(span_of(account->watched[i].name), name))
		i++;
	return i;
}

static int
add(struct account *account, struct span name)
{
	struct account_path path = account_path(name);
	struct account_watched added = { .cur = -1, .new = -1, .folder = -1 };

	if (path.path == NULL)
		errno = EINVAL;
	else if (account->watched_count == ACCOUNT_WATCHED_MAX)
		errno = ENOSPC;
	else {
		added.cur = add_part(account, path.path, "cur");
		added.new = add_part(account, path.path, "new");
		added.folder = add_part(account, path.path, "");
	}
	account_path_free(&path);
	if (added.cur == -1 || added.new == -1 || added.folder == -1) {
		int error = errno;

		if (added.cur != -1)
			inotify_rm_watch(account->watch, added.cur);
		if (added.new != -1)
			inotify_rm_watch(account->watch, added.new);
		if (added.folder != -1)
			end_of_folder(account, added.folder);
		errno = error;
		return -1;
	}
	added.name = store_copy(name);
	account->watched = store_allocate(account->watched,
	    account->watched_count + 1, sizeof(*account->watched));
	account->watched[account->watched_count++] = added;
	return account->watch;
}

int
account_watch(struct account *account, struct span name, bool is_on)
{
	if (account_is_inbox(name))
		name = span_of("INBOX");
	if (!is_open(account))
		return -1;
	size_t i = find_watched(account, name);
	if (i < account->watched_count) {
		if (!is_on)
			drop(account, i);
		return account->watch;
	}
	return is_on ? add(account, name) : account->watch;
}

int
account_watch_tree(struct account *account, bool is_on)
{
	if (!is_open(account))
		return -1;
	if (is_on && account->watch_tree == -1) {
		account->watch_tree =
		    inotify_add_watch(account->watch, account->path, EVENTS);
		return account->watch_tree == -1 ? -1 : account->watch;
	}
	if (!is_on && account->watch_tree != -1) {
		int folder = account->watch_tree;

		account->watch_tree = -1;
		end_of_folder(account, folder);
	}
	return account->watch;
}

static bool
add_rights(struct account *account, struct span name)
{
	struct account_watched_rights added = { .folder = -1 };
	struct account_path path = account_path(name);

	if (path.path == NULL)
		errno = EINVAL;
	else if (account->watched_rights_count == ACCOUNT_WATCHED_MAX)
		errno = ENOSPC;
	else
		added.folder = add_part(account, path.path, "");
	account_path_free(&path);
	if (added.folder == -1)
		return false;
	added.name = store_copy(name);
	account->watched_rights = store_allocate(account->watched_rights,
	    account->watched_rights_count + 1,
	    sizeof(*account->watched_rights));
	account->watched_rights[account->watched_rights_count++] = added;
	return true;
}

/* The Maildir itself, which is INBOX, is watched for the tree. */
int
account_watch_rights(struct account *account, struct span name, bool is_on)
{
	size_t i = 0;

	if (!is_open(account))
		return -1;
	if (account_is_inbox(name))
		return account->watch;
	while (i < account->watched_rights_count &&
	       !span_equal(span_of(account->watched_rights[i].name), name))
		i++;
	if (i == account->watched_rights_count)
		return is_on && !add_rights(account, name) ? -1
							   : account->watch;
	if (!is_on) {
		const struct account_watched_rights old =
		    account->watched_rights[i];

		account->watched_rights[i] =
		    account->watched_rights[--account->watched_rights_count];
		end_of_folder(account, old.folder);
		free(old.name);
	}
	return account->watch;
}

void
account_unwatch(struct account *account)
{
	if (account->watch != -1)
		close(account->watch);
	account->watch = account->watch_tree = -1;
	for (size_t i = 0; i < account->watched_count; i++)
		free(account->watched[i].name);
	free(account->watched);
	account->watched = NULL;
	account->watched_count = 0;
	for (size_t i = 0; i < account->watched_rights_count; i++)
		free(account->watched_rights[i].name);
	free(account->watched_rights);
	account->watched_rights = NULL;
	account->watched_rights_count = 0;
}

static bool
is_of_rights(const struct account *account, int watched, const char *name)
{
	for (size_t i = 0; i < account->watched_rights_count; i++)
		if (account->watched_rights[i].folder == watched)
			return strcmp(name, "estafeta-acl") == 0;
	return false;
}

/* A folder, or one of the files that tell of them. */
static bool
is_of_tree(const char *name)
{
	return name[0] == '.' || strcmp(name, "subscriptions") == 0 ||
	       strcmp(name, "estafeta-acl") == 0 ||
	       strcmp(name, "estafeta-metadata") == 0 ||
	       strcmp(name, "estafeta-specialuse") == 0;
}

/* Beside its messages: the folder itself goes; or its list is another, which
 * may number them anew. */
static bool
is_of_folder(const struct inotify_event *event, const char *name)
{
	if (event->len == 0)
		return true;
	return strcmp(name, folder_list_name) == 0
		   ? (event->mask & IN_MOVED_TO) != 0
		   : strcmp(name, "cur") == 0 || strcmp(name, "new") == 0;
}

/* Events that were lost may have been of any. */
static void
note(const struct account *account, bool *has_news, const char *bytes)
{
	struct inotify_event event;

	memcpy(&event, bytes, sizeof(event));
	bool is_lost = (event.mask & IN_Q_OVERFLOW) != 0;
	bool is_folders = is_of_folder(&event, bytes + sizeof(event));
	for (size_t i = 0; i < account->watched_count; i++) {
		const struct account_watched *watched = &account->watched[i];

		has_news[i] |= is_lost || watched->cur == event.wd ||
			       watched->new == event.wd ||
			       (watched->folder == event.wd && is_folders);
	}
}

/* Of a name, or of the rights to one. */
static bool
is_tree_news(const struct account *account, const char *bytes)
{
	struct inotify_event event;
	const char *name = bytes + sizeof(event);

	memcpy(&event, bytes, sizeof(event));
	if (event.len == 0)
		return false;
	return event.wd == account->watch_tree
		   ? is_of_tree(name)
		   : is_of_rights(account, event.wd, name);
}

bool
account_watched(struct account *account,
    void (*take)(void *context, struct span name), void *context)
{
	_Alignas(struct inotify_event) char bytes[BYTES];
	size_t count = account->watched_count;
	ssize_t got;

	bool has_tree_news = false;
	bool *has_news = account_allocate(count + 1, sizeof(*has_news));
	while ((got = read(account->watch, bytes, sizeof(bytes))) > 0)
		for (size_t at = 0; at < (size_t)got;) {
			struct inotify_event event;

			memcpy(&event, bytes + at, sizeof(event));
			note(account, has_news, bytes + at);
			has_tree_news |= (event.mask & IN_Q_OVERFLOW) != 0 ||
					 is_tree_news(account, bytes + at);
			at += sizeof(event) + event.len;
		}
	int error = errno;
	for (size_t i = 0; i < count; i++)
		if (has_news[i])
			take(context, span_of(account->watched[i].name));
	if (has_tree_news && account->watch_tree != -1)
		take(context, span_of(""));
	free(has_news);
	errno = error;
	return got >= 0 || error == EAGAIN;
}
