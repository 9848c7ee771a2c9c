#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "store/folder_state.h"

/* Is the folder of that name the one that we have open? */
static bool
is_it(
    const struct account *account, const struct folder *kept, struct span name)
{
	struct account_path path = account_path(name);
	struct stat now;
	struct stat then;
	bool is_same =
	    path.path != NULL &&
	    span_equal(buf_span(&kept->name),
		account_is_inbox(name) ? span_of("INBOX") : name) &&
	    fstatat(account->root, path.path, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fstat(kept->root, &then) == 0 && now.st_ino == then.st_ino &&
	    now.st_dev == then.st_dev;

	account_path_free(&path);
	return is_same;
}

enum account_status
folder_target(struct folder **folder, struct account *account, struct span name)
{
	struct folder *kept = account->target;

	if (kept != NULL && is_it(account, kept, name)) {
		account->target = NULL;
		*folder = kept;
		return ACCOUNT_OK;
	}
	return folder_open(folder, account, name, true);
}

void
folder_target_done(struct folder *folder)
{
	struct account *account = folder->account;

	if (folder->is_replaced) {
		folder_close(folder);
		return;
	}
	account_rest(account);
	folder_ahead_free(folder);
	folder_cache_free(folder);
	folder_drop_expunged(folder, NULL, NULL);
	folder_forget_changes(folder);
	account->target = folder;
}

/* Two sessions that copy to and fro take the locks in one order. */
enum account_status
folder_lock_both(struct folder *source, struct folder *target)
{
	struct folder *first = source;
	struct folder *second = target;
	struct stat one;
	struct stat two;

	if (fstat(first->root, &one) == -1 || fstat(second->root, &two) == -1)
		return account_error();
	if (one.st_ino == two.st_ino && one.st_dev == two.st_dev) {
		target->lock_depth++; /* the one lock is for both */
		enum account_status locked = folder_lock(first);
		target->lock_depth -= locked != ACCOUNT_OK;
		return locked;
	}
	if (one.st_ino > two.st_ino) {
		first = target;
		second = source;
	}
	enum account_status status = folder_lock(first);
	if (status != ACCOUNT_OK)
		return status;
	status = folder_lock(second);
	if (status != ACCOUNT_OK)
		folder_unlock(first);
	return status;
}

void
folder_unlock_both(struct folder *source, struct folder *target)
{
	folder_unlock(target);
	folder_unlock(source);
}

static enum account_status
raise_modseq(struct folder *folder)
{
	struct buf lines = buf_new((size_t)2 * UIDLIST_LINE_MAX);
	struct uidlist_line next = { .kind = UIDLIST_NEXT };
	enum account_status status = folder_update(folder, 0);

	if (status == ACCOUNT_OK) {
		next.uid = folder->uid_next;
		next.modseq = ++folder->modseq;
		uidlist_add(&lines, &next);
		folder_add_state(folder, &lines);
		if (!folder_list_append(folder, buf_span(&lines), true))
			status = account_error();
	}
	buf_free(&lines);
	return status;
}

enum account_status
folder_raise_modseq(struct account *account, struct span name)
{
	struct folder *folder;
	enum account_status status = folder_target(&folder, account, name);

	if (status == ACCOUNT_NONEXISTENT)
		return ACCOUNT_OK;
	if (status != ACCOUNT_OK)
		return status;
	status = folder_lock(folder);
	if (status == ACCOUNT_OK) {
		status = raise_modseq(folder);
		folder_unlock(folder);
	}
	folder_target_done(folder);
	return status;
}

void
account_rest(struct account *account)
{
	int error = errno;

	if (account->target != NULL)
		folder_close(account->target);
	account->target = NULL;
	errno = error;
}
