#include "store/remembered.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "store/account_state.h"

enum {
	KEY_BYTES = 16, /* that are kept: nobody finds two alike */
	PLACE_BYTES = 7,
	HOLD_WAIT_NS = 5000000,
	LINE_LEN_MAX = 64
};

static const char folder_name[] = "sieve";
static const char file_name[] = "remembered";
static const char new_name[] = "remembered.new";
static const char holds_name[] = "remembered-holds";

struct digest {
	char text[2 * KEY_BYTES + 1];
	off_t place; /* of its lock */
};

static struct digest
digest_of(struct span key)
{
	uint8_t bytes[KEY_BYTES];
	struct digest digest = { .place = 0 };
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, key.len, (const uint8_t *)key.ptr);
	sha256_digest(&context, sizeof(bytes), bytes);
	for (size_t i = 0; i < KEY_BYTES; i++)
		snprintf(digest.text + 2 * i, 3, "%02x", bytes[i]);
	for (size_t i = 0; i < PLACE_BYTES; i++)
		digest.place = digest.place * 256 + bytes[i];
	return digest;
}

static int
open_folder(int maildir)
{
	return openat(maildir, folder_name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int
open_to_write(int folder, const char *name, int flags)
{
	return openat(folder, name,
	    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | flags,
	    ACCOUNT_FILE_MODE);
}

/* What a line says; false if it is none. */
static bool
parse_line(struct span line, struct span *digest, int64_t *until)
{
	struct span number = span_cut(&line, ' ');
	uint64_t seconds;

	*digest = line;
	if (!span_number(number, 10, INT64_MAX, &seconds) ||
	    line.len != (size_t)2 * KEY_BYTES)
		return false;
	*until = (int64_t)seconds;
	return true;
}

/* Until when the last line of a key holds; 0: there is none. */
static int64_t
find_last(struct span text, struct span wanted)
{
	struct span digest;
	int64_t last = 0;
	int64_t until;

	while (text.len > 0)
		if (parse_line(span_cut(&text, '\n'), &digest, &until) &&
		    span_equal(digest, wanted))
			last = until;
	return last;
}

/* Is it there?  Else errno is 0, or says why that cannot be told. */
static bool
has_key(int folder, const struct digest *wanted, int64_t now)
{
	struct buf text = buf_new(REMEMBERED_MAX + LINE_LEN_MAX);
	int error = 0;

	if (!account_read_file(folder, file_name, &text))
		error = errno == ENOENT ? 0 : errno;
	bool has = find_last(buf_span(&text), span_of(wanted->text)) > now;
	buf_free(&text);
	errno = error;
	return has;
}

bool
remembered_has(int maildir, struct span key, int64_t now)
{
	struct digest wanted = digest_of(key);
	int folder = open_folder(maildir);

	if (folder == -1) {
		errno = errno == ENOENT ? 0 : errno;
		return false;
	}
	bool has = has_key(folder, &wanted, now);
	int error = errno;
	close(folder);
	errno = error;
	return has;
}

/* What still holds; of too much the newer half. */
static void
keep_newer(struct buf *kept, struct span text, int64_t now)
{
	struct span digest;
	int64_t until;

	while (text.len > 0) {
		struct span line = span_cut(&text, '\n');

		if (!parse_line(line, &digest, &until) || until <= now ||
		    memmem(text.ptr, text.len, digest.ptr, digest.len) != NULL)
			continue;
		buf_add(kept, line);
		buf_add_char(kept, '\n');
	}
	if (kept->len <= REMEMBERED_MAX / 2)
		return;
	struct span rest = buf_span(kept);
	size_t over = kept->len - REMEMBERED_MAX / 2;
	while (kept->len - rest.len < over)
		span_cut(&rest, '\n');
	buf_drop(kept, kept->len - rest.len);
}

static bool
rewrite(int folder, int64_t now)
{
	struct buf text = buf_new(REMEMBERED_MAX + LINE_LEN_MAX);
	struct buf kept = buf_new(REMEMBERED_MAX + LINE_LEN_MAX);
	int fd = open_to_write(folder, new_name, O_TRUNC);

	if (account_read_file(folder, file_name, &text))
		keep_newer(&kept, buf_span(&text), now);
	bool is_written = fd != -1 && write_all(fd, buf_span(&kept)) &&
			  renameat(folder, new_name, folder, file_name) == 0;
	int error = errno;
	if (fd != -1)
		close(fd);
	buf_free(&text);
	buf_free(&kept);
	errno = error;
	return is_written;
}

static bool
add_locked(int folder, const char *line, int64_t now)
{
	struct stat status;

	if (fstatat(folder, file_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	    status.st_size + LINE_LEN_MAX > REMEMBERED_MAX &&
	    !rewrite(folder, now))
		return false;
	int fd = open_to_write(folder, file_name, O_APPEND);
	if (fd == -1)
		return false;
	bool is_written = write_all(fd, span_of(line));
	int error = errno;
	close(fd);
	errno = error;
	return is_written;
}

/* It is made where there is none. */
static int
make_folder(int maildir)
{
	if (mkdirat(maildir, folder_name, ACCOUNT_MODE) == -1 &&
	    errno != EEXIST)
		return -1;
	return open_folder(maildir);
}

/* One line more; is_claim: unless the key is there. */
static bool
change(int maildir, struct span key, int64_t now, int64_t until, bool is_claim)
{
	char line[LINE_LEN_MAX];
	struct digest digest = digest_of(key);

	snprintf(
	    line, sizeof(line), "%lld %s\n", (long long)until, digest.text);
	int folder = make_folder(maildir);
	if (folder == -1)
		return false;
	int lock = account_lock(folder);
	errno = lock == -1 ? errno : 0;
	bool is_free =
	    lock != -1 &&
	    (!is_claim || (!has_key(folder, &digest, now) && errno == 0));
	bool is_added = is_free && add_locked(folder, line, now);
	int error = errno;
	if (lock != -1)
		close(lock);
	close(folder);
	errno = error;
	return is_added;
}

bool
remembered_add(int maildir, struct span key, int64_t now, int64_t until)
{
	return change(maildir, key, now, until, false);
}

bool
remembered_claim(int maildir, struct span key, int64_t now, int64_t until)
{
	return change(maildir, key, now, until, true);
}

static int
open_holds(int maildir)
{
	int folder = make_folder(maildir);

	if (folder == -1)
		return -1;
	int fd = open_to_write(folder, holds_name, 0);
	int error = errno;
	close(folder);
	errno = error;
	return fd;
}

bool
remembered_hold(int maildir, struct span key, int *holds)
{
	const struct timespec pause = { .tv_nsec = HOLD_WAIT_NS };
	struct flock lock = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = digest_of(key).place,
		.l_len = 1 };
	int64_t until_ms = clock_ms() + REMEMBERED_HOLD_MS;

	if (*holds == -1)
		*holds = open_holds(maildir);
	if (*holds == -1)
		return false;
	while (fcntl(*holds, F_OFD_SETLK, &lock) == -1) {
		if ((errno != EAGAIN && errno != EINTR) ||
		    clock_ms() > until_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

bool
remembered_forget(int maildir, struct span key, int64_t now)
{
	return change(maildir, key, now, 0, false);
}
