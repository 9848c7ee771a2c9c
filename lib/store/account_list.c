#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/special_use.h"
#include "store/store_kind.h"
#include "store/subscriptions.h"

enum {
	ENTRIES_MAX = 2000000
};

struct entry {
	char *name;
	uint32_t attributes;
};

struct listing {
	const struct account *account;
	struct entry *entries;
	size_t count;
	size_t room;
};

static void
add_entry(struct listing *listing, struct span name, uint32_t attributes)
{
	if (listing->count == ENTRIES_MAX)
		return;
	if (listing->count == listing->room) {
		listing->room = listing->room == 0 ? 16 : 2 * listing->room;
		listing->entries = store_allocate(
		    listing->entries, listing->room, sizeof(*listing->entries));
	}
	listing->entries[listing->count++] =
	    (struct entry){ store_copy(name), attributes };
}

static bool
is_within_inbox(const char *name)
{
	return strncmp(name, "INBOX", 5) == 0 &&
	       (name[5] == '\0' || name[5] == '/');
}

/* INBOX first; what lies below a folder, INBOX too, right behind it. */
static int
compare_names(const char *a, const char *b)
{
	bool first = is_within_inbox(a);
	bool second = is_within_inbox(b);

	if (first != second)
		return (int)second - (int)first;
	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	unsigned char left = *a == '/' ? 1 : (unsigned char)*a;
	unsigned char right = *b == '/' ? 1 : (unsigned char)*b;
	return (int)left - (int)right;
}

static int
compare(const void *left, const void *right)
{
	const struct entry *a = left;
	const struct entry *b = right;
	int order = compare_names(a->name, b->name);

	/* Of two, what exists is first. */
	return order != 0 ? order
			  : (int)(a->attributes & FOLDER_NONEXISTENT) -
				(int)(b->attributes & FOLDER_NONEXISTENT);
}

static bool
has_new_mail(const struct account *account, const char *path)
{
	struct buf name = buf_new(PATH_MAX);
	const struct dirent *entry;
	bool has = false;

	buf_printf(&name, "%s/new", path);
	const char *folder = buf_string(&name);
	int fd = folder == NULL
		     ? -1
		     : openat(account->root, folder,
			   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *list = fd == -1 ? NULL : fdopendir(fd);
	while (list != NULL && !has && (entry = readdir(list)) != NULL)
		has = entry->d_name[0] != '.';
	if (list != NULL)
		closedir(list);
	else if (fd != -1)
		close(fd);
	buf_free(&name);
	return has;
}

/* Append the name of the folder that an entry is; false if it is none. */
static bool
add_folder_name(
    const struct account *account, const struct dirent *entry, struct buf *name)
{
	struct stat status;

	return entry->d_name[0] == '.' &&
	       (entry->d_type == DT_DIR ||
		   (entry->d_type == DT_UNKNOWN &&
		       fstatat(account->root, entry->d_name, &status,
			   AT_SYMLINK_NOFOLLOW) == 0 &&
		       S_ISDIR(status.st_mode))) &&
	       account_add_name(name, span_of(entry->d_name)) &&
	       !name->overflow;
}

/* All but INBOX, with their names on disk; false with errno set. */
static bool
read_folders(const struct account *account,
    void (*take)(void *context, struct span name, const char *path),
    void *context)
{
	struct buf name = buf_new((size_t)4 * ACCOUNT_NAME_MAX);
	const struct dirent *entry;
	int fd = openat(account->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd == -1 ? NULL : fdopendir(fd);

	if (list == NULL)
		return false;
	while ((errno = 0, entry = readdir(list)) != NULL) {
		buf_clear(&name);
		if (add_folder_name(account, entry, &name))
			take(context, buf_span(&name), entry->d_name);
	}
	int error = errno;
	closedir(list);
	buf_free(&name);
	errno = error;
	return error == 0;
}

static void
count_one(void *context, struct span name, const char *path)
{
	(void)name;
	(void)path;
	++*(uint64_t *)context;
}

bool
account_count_folders(const struct account *account, uint64_t *count)
{
	*count = 1; /* INBOX */
	return read_folders(account, count_one, count);
}

static void
list_one(void *context, struct span name, const char *path)
{
	struct listing *listing = context;

	add_entry(listing, name,
	    has_new_mail(listing->account, path) ? FOLDER_MARKED : 0);
}

/* Parents of what is there; that which is already there goes again. */
static void
add_parents(struct listing *listing)
{
	size_t count = listing->count;

	for (size_t i = 0; i < count; i++) {
		struct span name = span_of(listing->entries[i].name);

		for (;;) {
			size_t cut = span_last_index(name, '/');

			if (cut == name.len)
				break;
			name.len = cut;
			add_entry(listing, name,
			    FOLDER_NONEXISTENT | FOLDER_NOSELECT);
		}
	}
}

static void
sort(struct listing *listing)
{
	size_t kept = 0;

	qsort(listing->entries, listing->count, sizeof(*listing->entries),
	    compare);
	for (size_t i = 0; i < listing->count; i++) {
		struct entry *entry = &listing->entries[i];

		if (kept > 0 &&
		    strcmp(listing->entries[kept - 1].name, entry->name) == 0) {
			uint32_t *first =
			    &listing->entries[kept - 1].attributes;

			*first |= entry->attributes & FOLDER_SUBSCRIBED;
			if (*first & FOLDER_NONEXISTENT)
				*first |= entry->attributes & FOLDER_NOSELECT;
			free(entry->name);
		} else {
			listing->entries[kept++] = *entry;
		}
	}
	listing->count = kept;
}

/* A parent is followed by what lies below it. */
static void
mark_children(struct listing *listing)
{
	for (size_t i = 0; i + 1 < listing->count; i++) {
		struct span name = span_of(listing->entries[i].name);
		struct span rest;

		for (size_t k = i + 1; k < listing->count; k++) {
			struct entry *next = &listing->entries[k];

			if (!account_is_below(span_of(next->name), name, &rest))
				break;
			/* What is only subscribed is no child. */
			if (!(next->attributes & FOLDER_NONEXISTENT) ||
			    (next->attributes & FOLDER_NOSELECT)) {
				listing->entries[i].attributes |=
				    FOLDER_HAS_CHILDREN;
				break;
			}
		}
	}
}

static void
add_subscriptions(const struct account *account, struct listing *listing)
{
	struct buf names = buf_new(ACCOUNT_SMALL_MAX);

	subscriptions_add(account, &names);
	for (struct span rest = buf_span(&names); rest.len > 0;)
		add_entry(listing, span_cut(&rest, '\n'),
		    FOLDER_NONEXISTENT | FOLDER_SUBSCRIBED);
	buf_free(&names);
}

static bool
hand_out(struct account *account, const struct listing *listing,
    bool (*take)(void *context, const struct account_folder *folder),
    void *context)
{
	struct buf uses = special_use_read(account);
	bool is_good = true;

	for (size_t i = 0; i < listing->count && is_good; i++) {
		const struct entry *entry = &listing->entries[i];
		struct account_folder folder = { span_of(entry->name),
			entry->attributes };

		/* A parent that is not there is no folder, but no nonexistent
		   name either: RFC 9051 section 7.3.1. */
		if (folder.attributes & FOLDER_NOSELECT)
			folder.attributes &= ~(uint32_t)FOLDER_NONEXISTENT;
		else if (!(folder.attributes & FOLDER_NONEXISTENT))
			folder.attributes |=
			    special_use_of(account, &uses, folder.name);
		is_good = take(context, &folder);
	}
	buf_free(&uses);
	return is_good;
}

bool
account_list(struct account *account,
    bool (*take)(void *context, const struct account_folder *folder),
    void *context)
{
	struct listing listing = { .account = account };

	list_one(&listing, span_of("INBOX"), ".");
	bool is_good = read_folders(account, list_one, &listing);
	if (is_good) {
		add_parents(&listing);
		add_subscriptions(account, &listing);
		sort(&listing);
		mark_children(&listing);
		is_good = hand_out(account, &listing, take, context);
	}
	int error = errno;
	for (size_t i = 0; i < listing.count; i++)
		free(listing.entries[i].name);
	free(listing.entries);
	errno = error;
	return is_good;
}

bool
account_list_whole(struct account *account,
    bool (*take)(void *context, const struct account_folder *folder),
    void *context)
{
	int lock = account_lock(account->root);

	if (lock == -1)
		return false;
	bool is_good = account_list(account, take, context);
	int error = errno;
	close(lock);
	errno = error;
	return is_good;
}
