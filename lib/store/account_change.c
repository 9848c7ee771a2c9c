#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/folder_state.h"
#include "store/metadata.h"
#include "store/special_use.h"
#include "store/store_kind.h"

/* CREATE, RENAME and STATUS. */

enum {
	TAIL = 512 /* where the last line of a list is */
};

/* ---- creating ---- */

static bool
exists(const struct account *account, const char *path)
{
	struct stat status;

	return fstatat(account->root, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The folder is whole before it has its name. */
static bool
make_folder(struct account *account, const char *path)
{
	static const char temporary[] = "estafeta-new-folder";
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	if (mkdirat(account->root, temporary, ACCOUNT_MODE) == -1 &&
	    errno != EEXIST)
		return false;
	int fd = openat(account->root, temporary, flags);
	if (fd == -1)
		return false;
	int mark = openat(fd, "maildirfolder",
	    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, ACCOUNT_FILE_MODE);
	bool is_made = mark != -1 && account_make_maildir(fd) &&
		       renameat2(account->root, temporary, account->root, path,
			   RENAME_NOREPLACE) == 0 &&
		       fsync(account->root) == 0;
	int error = errno;
	if (mark != -1)
		close(mark);
	close(fd);
	errno = error;
	return is_made;
}

static enum account_status
create_locked(struct account *account, struct span name, const char *path,
    uint32_t special_use)
{
	uint64_t count = 0;

	if (exists(account, path))
		return ACCOUNT_EXISTS;
	if (!account_count_folders(account, &count))
		return account_error();
	if (count >= account->settings.folders_max)
		return ACCOUNT_LIMIT;
	if (!make_folder(account, path) ||
	    (special_use != 0 && !special_use_set(account, name, special_use)))
		return account_error();
	return ACCOUNT_OK;
}

enum account_status
account_create(struct account *account, struct span name, uint32_t special_use)
{
	struct account_path path = account_path(name);

	if (path.path == NULL ||
	    (special_use != 0 && special_use_word(special_use) == NULL)) {
		account_path_free(&path);
		return ACCOUNT_INVALID;
	}
	int lock = account_lock(account->root);
	enum account_status status =
	    account_is_inbox(name) ? ACCOUNT_EXISTS
	    : lock == -1           ? account_error()
			 : create_locked(account, name, path.path, special_use);
	if (lock != -1)
		close(lock);
	account_path_free(&path);
	return status;
}

/* ---- renaming ---- */

struct renaming {
	struct account *account;
	struct span from;
	struct span to;
	struct buf names; /* what is to be renamed, each ended by LF */
	enum account_status status;
};

static bool
gather(void *context, const struct account_folder *folder)
{
	struct renaming *renaming = context;
	struct span rest;

	if ((folder->attributes & (FOLDER_NONEXISTENT | FOLDER_NOSELECT)) ||
	    !account_is_below(folder->name, renaming->from, &rest))
		return true;
	buf_add(&renaming->names, folder->name);
	buf_add_char(&renaming->names, '\n');
	return true;
}

static enum account_status
rename_one(struct renaming *renaming, struct span name, bool is_trial)
{
	struct account *account = renaming->account;
	struct buf target = buf_new((size_t)ACCOUNT_NAME_MAX * 2);
	struct span rest;
	enum account_status status = ACCOUNT_OK;

	account_is_below(name, renaming->from, &rest);
	buf_add(&target, renaming->to);
	buf_add(&target, rest);
	struct account_path from = account_path(name);
	struct account_path to = account_path(buf_span(&target));
	if (from.path == NULL || to.path == NULL)
		status = ACCOUNT_INVALID;
	else if (exists(account, to.path))
		status = ACCOUNT_EXISTS;
	else if (!is_trial && renameat2(account->root, from.path, account->root,
				  to.path, RENAME_NOREPLACE) == -1)
		status = account_error();
	account_path_free(&from);
	account_path_free(&to);
	buf_free(&target);
	return status;
}

/* All names are tried before the first is changed. */
static enum account_status
rename_locked(struct renaming *renaming)
{
	enum account_status status = ACCOUNT_OK;

	if (!account_list(renaming->account, gather, renaming) ||
	    renaming->names.overflow)
		return account_error();
	if (renaming->names.len == 0)
		return ACCOUNT_NONEXISTENT;
	for (int pass = 0; pass < 2; pass++)
		for (struct span rest = buf_span(&renaming->names);
		     rest.len > 0 && status == ACCOUNT_OK;)
			status = rename_one(
			    renaming, span_cut(&rest, '\n'), pass == 0);
	if (status == ACCOUNT_OK &&
	    (!special_use_rename(
		 renaming->account, renaming->from, renaming->to) ||
		!metadata_rename(
		    renaming->account, renaming->from, renaming->to, false) ||
		fsync(renaming->account->root) == -1))
		status = account_error();
	return status;
}

/* Of INBOX, which keeps its own: RFC 5464 section 4.1. */
static enum account_status
copy_metadata(struct account *account, struct span to)
{
	int lock = account_lock(account->root);

	if (lock == -1)
		return account_error();
	enum account_status status =
	    metadata_rename(account, span_of("INBOX"), to, true)
		? ACCOUNT_OK
		: account_error();
	close(lock);
	return status;
}

/* RFC 9051 section 6.3.6: INBOX stays, its messages go into a new folder. */
static enum account_status
rename_inbox(struct account *account, struct span to)
{
	struct folder *inbox = NULL;
	struct folder_copied copied = { .uids = NULL };
	enum account_status status = account_create(account, to, 0);

	if (status != ACCOUNT_OK)
		return status;
	status = folder_open(&inbox, account, span_of("INBOX"), false);
	if (status != ACCOUNT_OK)
		return status;
	size_t *all = account_allocate(inbox->count + 1, sizeof(*all));
	for (size_t i = 0; i < inbox->count; i++)
		all[i] = i;
	status = folder_copy(inbox, all, inbox->count, to, true, &copied);
	free(copied.uids);
	free(all);
	folder_close(inbox);
	return status == ACCOUNT_OK ? copy_metadata(account, to) : status;
}

enum account_status
account_rename(struct account *account, struct span from, struct span to)
{
	struct renaming renaming = { .account = account,
		.from = from,
		.to = to,
		.names = buf_new((size_t)INT32_MAX) };
	struct account_path path = account_path(to);
	bool is_name = path.path != NULL && !account_is_inbox(to);
	struct span rest;

	account_path_free(&path);
	if (!is_name)
		return account_is_inbox(to) ? ACCOUNT_EXISTS : ACCOUNT_INVALID;
	if (account_is_inbox(from))
		return rename_inbox(account, to);
	if (account_is_below(to, from, &rest))
		return rest.len == 0 ? ACCOUNT_EXISTS : ACCOUNT_INVALID;
	int lock = account_lock(account->root);
	if (lock == -1)
		return account_error();
	enum account_status status = rename_locked(&renaming);
	close(lock);
	buf_free(&renaming.names);
	return status;
}

/* ---- STATUS ---- */

/*
 * The last line of the list tells all, if nothing changed since.  The folders
 * need not be opened: their times are asked by name.
 */
static bool
read_last_state(int root, struct folder *probe)
{
	char text[TAIL];
	struct stat status;
	struct uidlist_line line = { .kind = UIDLIST_STATE };
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(root, "estafeta-uidlist", flags);
	bool is_there = false;

	if (fd == -1)
		return false;
	ssize_t head = pread(fd, text, sizeof(text), 0);
	if (head > 0) {
		struct span first = { text, (size_t)head };

		is_there = uidlist_parse_header(
		    span_cut(&first, '\n'), &probe->header);
	}
	is_there = is_there && fstat(fd, &status) == 0;
	off_t start =
	    is_there && status.st_size > TAIL ? status.st_size - TAIL : 0;
	ssize_t got = is_there ? pread(fd, text, sizeof(text), start) : 0;
	close(fd);
	struct span tail = { text, got > 0 ? (size_t)got : 0 };
	if (tail.len < 2 || tail.ptr[tail.len - 1] != '\n')
		return false;
	tail.len--;
	size_t newline = span_last_index(tail, '\n');
	if (newline == tail.len ||
	    !uidlist_parse(span_slice(tail, newline + 1, tail.len), &line) ||
	    line.kind != UIDLIST_STATE)
		return false;
	probe->state = line.state;
	return true;
}

static bool
counts_from_list(int root, struct folder_counts *counts)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct folder probe = { .root = root };
	const struct uidlist_state *state = &probe.state;

	if (!read_last_state(root, &probe))
		return false;
	probe.cur = openat(root, "cur", flags);
	probe.new = openat(root, "new", flags);
	bool is_same = probe.cur != -1 && probe.new != -1 &&
		       folder_parts_changed(&probe, true) == 0;
	if (probe.cur != -1)
		close(probe.cur);
	if (probe.new != -1)
		close(probe.new);
	*counts = (struct folder_counts){ .messages = (uint32_t)state->messages,
		.recent = (uint32_t)(state->recent + state->untold),
		.unseen = (uint32_t)state->unseen,
		.deleted = (uint32_t)state->deleted,
		.uid_next = (uint32_t)state->uid_next,
		.uid_validity = probe.header.uid_validity,
		.highest_modseq = state->modseq };
	memcpy(counts->id, probe.header.id, sizeof(counts->id));
	return is_same;
}

enum account_status
account_counts(
    struct account *account, struct span name, struct folder_counts *counts)
{
	struct folder *folder = NULL;
	int root = account_open_folder(account, name);

	if (root == -1)
		return account_error();
	bool is_known = counts_from_list(root, counts);
	close(root);
	if (is_known)
		return ACCOUNT_OK;
	enum account_status status = folder_open(&folder, account, name, true);
	if (status != ACCOUNT_OK)
		return status;
	folder_counts(folder, counts);
	folder_close(folder);
	return ACCOUNT_OK;
}
