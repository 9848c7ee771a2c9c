#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "store/folder_state.h"

/* One message's file, wherever it is now. */

enum {
	TRIES = 3 /* for a file that others rename while we look for it */
};

uint64_t
folder_item_bytes(const struct folder *folder, const struct folder_item *item)
{
	struct buf name = buf_new(UINT8_MAX);
	struct stat status = { 0 };

	folder_add_file_name(&name, folder, item);
	const char *path = buf_string(&name);
	if (path == NULL || fstatat(item->is_in_new ? folder->new : folder->cur,
				path, &status, AT_SYMLINK_NOFOLLOW) == -1)
		status.st_size = 0;
	buf_free(&name);
	return (uint64_t)status.st_size;
}

int
folder_try_open(struct folder *folder, size_t i)
{
	struct folder_item *item = &folder->items[i];
	struct buf name = buf_new(UINT8_MAX);

	folder_add_file_name(&name, folder, item);
	const char *path = buf_string(&name);
	int fd = -1;
	if (path == NULL)
		errno = ENOENT;
	else
		fd = file_open_quietly(
		    item->is_in_new ? folder->new : folder->cur, path);
	buf_free(&name);
	return fd;
}

int
folder_open_message(struct folder *folder, size_t i)
{
	for (int try = 0; try < TRIES; try++) {
		if (folder->items[i].message.is_expunged) {
			errno = ENOENT;
			return -1;
		}
		int fd = try == 0 ? folder_ahead_take(folder, i) : -1;
		if (fd == -1)
			fd = folder_try_open(folder, i);
		if (fd != -1 || errno != ENOENT)
			return fd;
		/* Another session's news first, then anyone's. */
		if (try == 0 && folder_list_read(folder))
			continue;
		if (folder_lock(folder) != ACCOUNT_OK)
			return -1;
		enum account_status status =
		    folder_update(folder, FOLDER_CUR | FOLDER_NEW);
		folder_unlock(folder);
		if (status != ACCOUNT_OK)
			return -1;
	}
	errno = ENOENT;
	return -1;
}

enum account_status
folder_file_error(struct folder *folder, size_t i)
{
	if (errno != EACCES && errno != EPERM && errno != EIO)
		return account_error();
	int error = errno;
	if (!folder->has_unreadable)
		warn_errno("cannot read message uid=%u folder=%.*s mailbox=%s",
		    folder->items[i].message.uid, (int)folder->name.len,
		    folder->name.data, folder->account->path);
	folder->has_unreadable = true;
	errno = error;
	return ACCOUNT_UNREADABLE;
}
