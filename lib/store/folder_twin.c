#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "store/folder_scan.h"

/*
 * Two files of one base: what a copy of a Maildir, or a program that makes poor
 * names, leaves.  A file whose flags somebody changes while the folder is read
 * has two names, too, but never both at once with two inodes.
 */

static int
open_part(const struct folder *folder, unsigned part)
{
	return part == FOLDER_NEW ? folder->new : folder->cur;
}

/* 0: there is none. */
static uint64_t
inode_of(int fd, const char *name)
{
	struct stat status;

	return fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0
		   ? status.st_ino
		   : 0;
}

/* A name that nobody has, and the same flags. */
static bool
rename_twin(
    const struct folder *folder, int fd, const char *name, struct buf *into)
{
	struct span all = span_of(name);

	buf_clear(into);
	maildir_add_unique(into, folder->account->host);
	buf_add(into, span_slice(all, span_index(all, ':'), SIZE_MAX));
	const char *fresh = buf_string(into);
	return fresh != NULL &&
	       (renameat2(fd, name, fd, fresh, RENAME_NOREPLACE) == 0 ||
		   ((errno == EINVAL || errno == ENOSYS) &&
		       renameat(fd, name, fd, fresh) == 0));
}

enum scan_twin
scan_part_twins(struct scan *scan, const struct folder_item *item,
    const char *name, unsigned part)
{
	struct folder *folder = scan->folder;
	unsigned known_part = item->is_in_new ? FOLDER_NEW : FOLDER_CUR;

	buf_clear(&scan->text);
	folder_add_file_name(&scan->text, folder, item);
	if (part == known_part &&
	    span_equal(buf_span(&scan->text), span_of(name)))
		return SCAN_IT;
	const char *known = buf_string(&scan->text);
	uint64_t inode =
	    known == NULL ? 0 : inode_of(open_part(folder, known_part), known);
	uint64_t other =
	    inode == 0 ? 0 : inode_of(open_part(folder, part), name);
	/* Renamed meanwhile, or before. */
	if (other == 0 ||
	    inode_of(open_part(folder, known_part), known) != inode)
		return SCAN_IT;
	if (other != inode &&
	    rename_twin(folder, open_part(folder, part), name, &scan->text))
		return SCAN_TWIN;
	return SCAN_LINK;
}
