#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/folder_state.h"
#include "store/metadata.h"
#include "store/quota.h"
#include "store/special_use.h"

/* DELETE. */

enum {
	REMOVED_DEPTH_MAX = 16, /* below a folder that is deleted */
	DOOMED_MAX = 16         /* that could not be removed */
};

static bool remove_contents(int folder, int depth);

/* Whatever it is; a link goes, not what it leads to. */
static bool
remove_entry(int folder, const char *name, int depth)
{
	if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR || depth == REMOVED_DEPTH_MAX)
		return false;
	int fd = openat(
	    folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return false;
	bool is_empty = remove_contents(fd, depth + 1);
	close(fd);
	return is_empty && unlinkat(folder, name, AT_REMOVEDIR) == 0;
}

/* As much as can be; false if something is left. */
static bool
remove_contents(int folder, int depth)
{
	const struct dirent *entry;
	bool is_empty = true;
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd == -1 ? NULL : fdopendir(fd);

	if (list == NULL) {
		if (fd != -1)
			close(fd);
		return false;
	}
	while ((errno = 0, entry = readdir(list)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			is_empty &= remove_entry(folder, entry->d_name, depth);
	is_empty = is_empty && errno == 0;
	closedir(list);
	return is_empty;
}

static bool
sum_folder(struct account *account, struct span name, int64_t *octets,
    int64_t *messages)
{
	struct folder *folder = NULL;
	struct folder_counts counts;

	if (!quota_is_kept(account) ||
	    folder_open(&folder, account, name, true) != ACCOUNT_OK)
		return false;
	folder_counts(folder, &counts);
	*messages = -(int64_t)counts.messages;
	*octets = -(int64_t)quota_folder_octets(folder->cur) -
		  (int64_t)quota_folder_octets(folder->new);
	folder_close(folder);
	return true;
}

/*
 * A name for what is to be taken apart.  What an earlier one left is tried
 * again, and is in nobody's way if it still cannot be removed.
 */
static bool
choose_doomed(const struct account *account, struct buf *name)
{
	for (int i = 0; i < DOOMED_MAX; i++) {
		buf_clear(name);
		buf_add_string(name, "estafeta-old-folder");
		if (i > 0)
			buf_printf(name, ".%d", i);
		if (remove_entry(account->root, buf_string(name), 0))
			return true;
	}
	return false;
}

/* The name goes first, at once; then what had it is taken apart. */
static enum account_status
delete_folder(struct account *account, struct span name, const char *path,
    const char *doomed)
{
	int64_t octets = 0;
	int64_t messages = 0;
	bool is_counted = sum_folder(account, name, &octets, &messages);

	if (renameat(account->root, path, account->root, doomed) == -1 ||
	    fsync(account->root) == -1)
		return account_error();
	special_use_set(account, name, 0);
	metadata_forget(account, name);
	remove_entry(account->root, doomed, 0);
	if (is_counted)
		quota_add(account, octets, messages);
	return ACCOUNT_OK;
}

/* What is no folder, as LIST knows them, is not ours to remove. */
static enum account_status
delete_locked(struct account *account, struct span name, const char *path)
{
	struct buf doomed = buf_new(UINT8_MAX);
	struct stat status;

	if (fstatat(account->root, path, &status, AT_SYMLINK_NOFOLLOW) == -1)
		return account_error();
	if (!S_ISDIR(status.st_mode))
		return ACCOUNT_NONEXISTENT;
	enum account_status result =
	    choose_doomed(account, &doomed)
		? delete_folder(account, name, path, buf_string(&doomed))
		: account_error();
	buf_free(&doomed);
	return result;
}

struct below {
	struct span name;
	bool is_found;
};

static bool
find_below(void *context, const struct account_folder *folder)
{
	struct below *below = context;
	struct span rest;

	below->is_found |= account_is_below(folder->name, below->name, &rest) &&
			   rest.len > 0 &&
			   !(folder->attributes & FOLDER_NONEXISTENT);
	return true;
}

enum account_status
account_delete(struct account *account, struct span name)
{
	struct account_path path = account_path(name);
	struct below below = { .name = name };

	if (path.path == NULL || account_is_inbox(name)) {
		account_path_free(&path);
		return ACCOUNT_INVALID;
	}
	int lock = account_lock(account->root);
	enum account_status status =
	    lock == -1 ? account_error()
		       : delete_locked(account, name, path.path);
	if (lock != -1)
		close(lock);
	account_path_free(&path);
	/* A name that is only others' parent cannot go before they do. */
	if (status == ACCOUNT_NONEXISTENT &&
	    account_list(account, find_below, &below) && below.is_found)
		return ACCOUNT_HAS_CHILDREN;
	return status;
}
