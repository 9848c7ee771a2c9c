#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/foreign_list.h"
#include "store/maildir_sizes.h"
#include "store/store_kind.h"

enum {
	CUR = 1,
	FOLDERS = 2,
	TRIES = 3,      /* a message that others rename while we look for it */
	SCANS_MAX = 60, /* then one that was not seen is taken for gone */
	BLOCK = 65536
};

static const char *const folder_names[FOLDERS] = { "new", "cur" };

struct entry {
	char *name;      /* UNIQUE or UNIQUE:INFO */
	int folder;      /* in which it was seen last */
	bool is_missing; /* it was in neither when we looked last */
};

struct maildir {
	int root;
	int folders[FOLDERS];
	int lock;
	struct entry *entries; /* sorted; entry i is message i */
	size_t count;
	size_t room;
	unsigned scans; /* in search of what was moved */
	struct maildir_sizes sizes;
};

static struct span
unique_part(const char *name)
{
	return (struct span){ name, strcspn(name, ":") };
}

/* By the seconds that a name begins with, then by the rest. */
static int
compare(const void *left, const void *right)
{
	struct span a = unique_part(((const struct entry *)left)->name);
	struct span b = unique_part(((const struct entry *)right)->name);
	uint64_t first = 0;
	uint64_t second = 0;

	span_number(
	    span_slice(a, 0, span_index(a, '.')), 10, UINT64_MAX, &first);
	span_number(
	    span_slice(b, 0, span_index(b, '.')), 10, UINT64_MAX, &second);
	if (first != second)
		return first < second ? -1 : 1;
	return span_compare(a, b);
}

static bool
is_message(int folder, const struct dirent *found)
{
	struct stat status;

	if (found->d_name[0] == '.')
		return false;
	if (found->d_type != DT_UNKNOWN)
		return found->d_type == DT_REG;
	return fstatat(folder, found->d_name, &status, AT_SYMLINK_NOFOLLOW) ==
		   0 &&
	       S_ISREG(status.st_mode);
}

static void
add_entry(struct maildir *maildir, const char *name, int folder)
{
	if (maildir->count == maildir->room) {
		maildir->room = maildir->room == 0 ? 64 : maildir->room * 2;
		maildir->entries = store_allocate(
		    maildir->entries, maildir->room, sizeof(*maildir->entries));
	}
	maildir->entries[maildir->count++] =
	    (struct entry){ store_copy(span_of(name)), folder, false };
}

/* The message has another name, or is elsewhere, than when we listed. */
static void
note_move(struct maildir *maildir, const char *name, int folder)
{
	char *copy = store_copy(span_of(name));
	struct entry key = { copy, folder, false };
	struct entry *entry = maildir->count == 0
				  ? NULL
				  : bsearch(&key, maildir->entries,
					maildir->count, sizeof(key), compare);

	if (entry == NULL) {
		free(copy);
		return;
	}
	free(entry->name);
	*entry = key;
}

static bool
for_each_file(struct maildir *maildir,
    void (*act)(struct maildir *maildir, const char *name, int folder))
{
	for (int i = 0; i < FOLDERS; i++) {
		struct dirent *found;
		int fd = openat(maildir->folders[i], ".",
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		DIR *list = fd == -1 ? NULL : fdopendir(fd);

		if (list == NULL)
			return false;
		while ((errno = 0, found = readdir(list)) != NULL)
			if (is_message(fd, found))
				act(maildir, found->d_name, i);
		int error = errno;
		closedir(list);
		errno = error;
		if (error != 0)
			return false;
	}
	return true;
}

/* Look where the messages are now; false with errno set, ENOENT: not found. */
static bool
find_again(struct maildir *maildir, size_t i)
{
	errno = ENOENT;
	if (maildir->entries[i].is_missing && maildir->scans >= SCANS_MAX)
		return false;
	maildir->scans++;
	for (size_t j = 0; j < maildir->count; j++)
		maildir->entries[j].is_missing = true;
	return for_each_file(maildir, note_move);
}

/* A message on its way from new/ to cur/ may have been seen in both. */
static void
drop_doubles(struct maildir *maildir)
{
	size_t kept = 0;

	for (size_t i = 0; i < maildir->count; i++) {
		struct entry *entry = &maildir->entries[i];

		if (kept > 0 &&
		    compare(&maildir->entries[kept - 1], entry) == 0)
			free(entry->name);
		else
			maildir->entries[kept++] = *entry;
	}
	maildir->count = kept;
}

/* RFC 1939 section 7: 1 to 70 characters from 0x21 to 0x7E. */
static char *
make_uidl(struct span unique)
{
	char hex[STORE_HASH_LEN + 1];

	if (uidl_is_valid(unique))
		return store_copy(unique);
	struct store_hash *hash = store_hash_new();
	store_hash_add(hash, unique);
	store_hash_end(hash, hex);
	store_hash_free(hash);
	return store_copy(span_of(hex));
}

/* What Dovecot or Courier knew of a message that it had. */
static void
add_facts(
    struct store *store, const struct foreign_list *list, struct span unique)
{
	const struct uidlist_foreign *line = foreign_list_find(list, unique);

	if (line == NULL)
		return;
	const struct uidl_facts facts = { .uid = line->uid,
		.uid_validity = list->uid_validity,
		.name = unique,
		.guid = line->guid.len > 0 ? line->guid : unique,
		.saved = line->uidl };
	store_add_facts(store, &facts);
}

static enum store_status
list(struct store *store, struct maildir *maildir)
{
	struct foreign_list foreign = { .count = 0 };

	if (!for_each_file(maildir, add_entry))
		return STORE_ERROR;
	if (maildir->count > 0)
		qsort(maildir->entries, maildir->count,
		    sizeof(*maildir->entries), compare);
	drop_doubles(maildir);
	if (store->formats != NULL &&
	    (foreign_list_read(&foreign, maildir->root) ||
		foreign_list_read_own(&foreign, maildir->root)))
		foreign_list_sort_names(&foreign);
	for (size_t i = 0; i < maildir->count; i++) {
		struct span unique = unique_part(maildir->entries[i].name);

		store_add(store, make_uidl(unique), STORE_OCTETS_UNKNOWN);
		add_facts(store, &foreign, unique);
	}
	foreign_list_free(&foreign);
	return STORE_OK;
}

static enum store_status
open_folders(
    struct store *store, struct maildir *maildir, int root, int64_t timeout_ms)
{
	maildir->lock = openat(root, ".pop3.lock",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (maildir->lock == -1)
		return STORE_ERROR;
	store->lock = maildir->lock;
	if (!store_take_lock(maildir->lock, timeout_ms))
		return errno == EWOULDBLOCK ? STORE_BUSY : STORE_ERROR;
	for (int i = 0; i < FOLDERS; i++) {
		maildir->folders[i] = openat(
		    root, folder_names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (maildir->folders[i] == -1)
			return STORE_ERROR;
	}
	maildir_sizes_load(&maildir->sizes, root);
	return list(store, maildir);
}

/* Deliveries need no lock. */
static enum store_status
maildir_open(struct store *store, int64_t timeout_ms)
{
	struct maildir *maildir = store_allocate(NULL, 1, sizeof(*maildir));

	*maildir = (struct maildir){ .folders = { -1, -1 }, .lock = -1 };
	store->state = maildir;
	maildir->root = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (maildir->root == -1)
		return errno == ENOENT ? STORE_OK : STORE_ERROR;
	return open_folders(store, maildir, maildir->root, timeout_ms);
}

static int
open_message(struct maildir *maildir, size_t i)
{
	for (int try = 0; try < TRIES; try++) {
		const struct entry *entry = &maildir->entries[i];
		int fd = file_open_quietly(
		    maildir->folders[entry->folder], entry->name);

		if (fd != -1 || errno != ENOENT)
			return fd;
		if (!find_again(maildir, i))
			return -1;
	}
	errno = ENOENT;
	return -1;
}

static bool
maildir_read(struct store *store, size_t i, struct crlf *out)
{
	static char block[BLOCK];
	int fd = open_message(store->state, i);
	ssize_t got;
	bool is_good = true;

	if (fd == -1)
		return false;
	while (is_good && (got = read(fd, block, sizeof(block))) != 0)
		if (got > 0)
			is_good =
			    crlf_add(out, (struct span){ block, (size_t)got });
		else
			is_good = errno == EINTR;
	int error = errno;
	close(fd);
	errno = error;
	return is_good;
}

/* ---- sizes ---- */

static bool
has_status(const struct maildir *maildir, size_t i, struct stat *status)
{
	const struct entry *entry = &maildir->entries[i];

	return fstatat(maildir->folders[entry->folder], entry->name, status,
		   AT_SYMLINK_NOFOLLOW) == 0;
}

/* A W in the name does not count the CRLF that we add to an open last line. */
static bool
has_ended_line(struct maildir *maildir, size_t i, off_t size)
{
	char last = '\n';
	int fd = open_message(maildir, i);

	if (fd == -1)
		return false;
	bool is_ended =
	    size == 0 || (pread(fd, &last, 1, size - 1) == 1 && last == '\n');
	close(fd);
	return is_ended;
}

static bool
maildir_recall(struct store *store, size_t i, uint64_t *octets)
{
	struct maildir *maildir = store->state;
	struct span unique = unique_part(maildir->entries[i].name);
	struct stat status;

	if (!has_status(maildir, i, &status))
		return false;
	return maildir_sizes_find(&maildir->sizes, unique, &status, octets) ||
	       (maildir_sizes_of_name(
		    unique, (uint64_t)status.st_size, octets) &&
		   has_ended_line(maildir, i, status.st_size));
}

static void
maildir_learn(struct store *store, size_t i, uint64_t octets)
{
	struct maildir *maildir = store->state;
	struct stat status;

	if (has_status(maildir, i, &status))
		maildir_sizes_learn(&maildir->sizes,
		    unique_part(maildir->entries[i].name), &status, octets);
}

/* ---- changing ---- */

/* One that is gone already is what was asked for. */
static bool
remove_message(struct maildir *maildir, size_t i)
{
	for (int try = 0; try < TRIES; try++) {
		const struct entry *entry = &maildir->entries[i];

		if (unlinkat(maildir->folders[entry->folder], entry->name, 0) ==
		    0)
			return true;
		if (errno != ENOENT)
			return false;
		if (!find_again(maildir, i))
			return errno == ENOENT;
	}
	return true;
}

/* The name with the flag S, in order among the others: Maildir(5). */
static void
add_seen_name(struct buf *into, const char *name)
{
	struct span unique = unique_part(name);
	const char *flags = name + unique.len;
	size_t at = strncmp(flags, ":2,", 3) == 0 ? 3 : 0;

	buf_add(into, unique);
	buf_add_string(into, ":2,");
	for (; at > 0 && flags[at] != '\0' && flags[at] < 'S'; at++)
		buf_add_char(into, flags[at]);
	buf_add_char(into, 'S');
	if (at > 0)
		buf_add_string(into, flags + at + (flags[at] == 'S'));
}

/* What another program did meanwhile stands: a failure is none of ours. */
static void
note_seen(struct maildir *maildir, size_t i)
{
	const struct entry *entry = &maildir->entries[i];
	struct buf name = buf_new(NAME_MAX);

	add_seen_name(&name, entry->name);
	const char *seen = buf_string(&name);
	if (seen != NULL && strcmp(seen, entry->name) != 0 &&
	    renameat2(maildir->folders[entry->folder], entry->name,
		maildir->folders[CUR], seen, RENAME_NOREPLACE) == -1)
		errno = 0;
	buf_free(&name);
}

static bool
maildir_commit(struct store *store)
{
	struct maildir *maildir = store->state;
	bool is_removed = false;
	int error = 0;

	for (size_t i = 0; i < store->count; i++) {
		const struct store_message *message = &store->messages[i];

		is_removed |= message->is_deleted;
		if (!message->is_deleted && message->is_seen)
			note_seen(maildir, i);
		if (message->is_deleted && !remove_message(maildir, i))
			error = errno;
	}
	for (int i = 0; is_removed && i < FOLDERS; i++)
		if (fsync(maildir->folders[i]) == -1)
			error = errno;
	errno = error;
	return error == 0;
}

static void
maildir_close(struct store *store)
{
	struct maildir *maildir = store->state;

	if (maildir->lock != -1)
		maildir_sizes_save(
		    &maildir->sizes, maildir->root, maildir->count);
	maildir_sizes_free(&maildir->sizes);
	for (size_t i = 0; i < maildir->count; i++)
		free(maildir->entries[i].name);
	for (int i = 0; i < FOLDERS; i++)
		if (maildir->folders[i] != -1)
			close(maildir->folders[i]);
	if (maildir->lock != -1)
		close(maildir->lock);
	if (maildir->root != -1)
		close(maildir->root);
	free(maildir->entries);
	free(maildir);
}

const struct store_kind store_maildir = {
	.prefix = "maildir:",
	.open = maildir_open,
	.read = maildir_read,
	.recall = maildir_recall,
	.learn = maildir_learn,
	.commit = maildir_commit,
	.close = maildir_close,
};
