#include "service/shares.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/io.h"
#include "base/paths.h"
#include "mail/identifier.h"

static const char path[] = MTA_USERS "/shares";
static const char temporary[] = MTA_USERS "/shares.new";
static const char lock_path[] = MTA_USERS "/shares.lock";

enum {
	READ_MS = 10000
};

/* A file that is missing has no line. */
static bool
read_shares(struct buf *text)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -1)
		return errno == ENOENT;
	bool is_read = read_all(fd, text, READ_MS) == IO_OK;
	close(fd);
	if (!is_read)
		errno = EIO;
	return is_read;
}

/* The next "OWNER<TAB>USER". */
static bool
next_share(struct span *rest, struct span *owner, struct span *user)
{
	if (rest->len == 0)
		return false;
	*user = span_cut(rest, '\n');
	*owner = span_cut(user, '\t');
	return true;
}

bool
shares_has(struct span owner, struct span user, struct span groups, bool *does)
{
	struct buf text = buf_new(SHARES_FILE_MAX);
	struct span one;
	struct span share;
	bool is_read = read_shares(&text);

	*does = false;
	for (struct span rest = buf_span(&text);
	     next_share(&rest, &one, &share);)
		*does |= span_equal_nocase(one, owner) &&
			 identifier_names(share, user, groups);
	buf_free(&text);
	return is_read;
}

static bool
add_owners(struct span user, const struct span *groups, struct buf *owners)
{
	struct buf text = buf_new(SHARES_FILE_MAX);
	struct span owner;
	struct span share;
	struct span last = { NULL, 0 };
	bool is_read = read_shares(&text);

	/* An owner's lines stand together. */
	for (struct span rest = buf_span(&text);
	     next_share(&rest, &owner, &share);) {
		bool is_meant = groups != NULL
				    ? identifier_names(share, user, *groups)
				    : span_equal_nocase(share, user);

		if (!is_meant || span_equal(owner, last) ||
		    span_equal_nocase(owner, user))
			continue;
		buf_add(owners, owner);
		buf_add_char(owners, '\n');
		last = owner;
	}
	buf_free(&text);
	return is_read;
}

bool
shares_owners(struct span user, struct span groups, struct buf *owners)
{
	return add_owners(user, &groups, owners);
}

bool
shares_naming(struct span user, struct buf *owners)
{
	return add_owners(user, NULL, owners);
}

static void
add_share(struct buf *text, struct span owner, struct span user)
{
	buf_add(text, owner);
	buf_add_char(text, '\t');
	buf_add(text, user);
	buf_add_char(text, '\n');
}

static bool
write_shares(int fd, struct span owner, struct span users, uint64_t max)
{
	struct buf old = buf_new(SHARES_FILE_MAX);
	struct buf new = buf_new(SHARES_FILE_MAX);
	struct span one;
	struct span share;
	uint64_t had = 0;
	uint64_t has = 0;
	bool is_good = read_shares(&old);

	for (struct span rest = buf_span(&old);
	     next_share(&rest, &one, &share);) {
		if (span_equal_nocase(one, owner))
			had++;
		else
			add_share(&new, one, share);
	}
	for (; users.len > 0; has++)
		add_share(&new, owner, span_cut(&users, '\n'));
	if (is_good && (new.overflow || (has > max && has > had))) {
		errno = new.overflow ? EFBIG : EDQUOT;
		is_good = false;
	}
	is_good = is_good && ftruncate(fd, 0) == 0 &&
		  write_all(fd, buf_span(&new)) &&
		  file_commit(fd, temporary, path);
	int error = errno;
	buf_free(&old);
	buf_free(&new);
	errno = error;
	return is_good;
}

/* One writer after another: a file's lock is held that only root can open; the
 * folder's own could be held by whoever reads it. */
bool
shares_publish(struct span owner, struct span users, uint64_t max)
{
	int lock =
	    open(lock_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (lock == -1)
		return false;
	if (flock(lock, LOCK_EX) == -1) {
		close(lock);
		return false;
	}
	int fd =
	    open(temporary, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool is_done = fd != -1 && write_shares(fd, owner, users, max);
	int error = errno;
	if (fd != -1)
		close(fd);
	close(lock);
	errno = error;
	return is_done;
}
