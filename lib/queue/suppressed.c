#include "queue/suppressed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/control.h"
#include "base/io.h"
#include "mail/addr.h"
#include "mail/domain.h"
#include "queue/delays.h"
#include "queue/envelope.h"

enum {
	READ_MS = 10000,
	FAILURES_MAX = 1000,
	PATH_SIZE = 32
};

/* ---- files ---- */

static unsigned
number_of(struct span address)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < address.len; i++)
		hash = (hash ^ (unsigned char)ascii_lower(address.ptr[i])) *
		       UINT64_C(0x100000001b3);
	return (unsigned)((hash ^ hash >> 32) % SUPPRESSED_FILES);
}

static void
path_of(unsigned number, const char *suffix, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "suppressed/%03x%s", number, suffix);
}

bool
suppressed_is_used(int top)
{
	struct stat status;

	return fstatat(top, "suppressed", &status, AT_SYMLINK_NOFOLLOW) == 0 ||
	       errno != ENOENT;
}

int
suppressed_read(int top, unsigned number, struct buf *lines)
{
	char path[PATH_SIZE];

	buf_clear(lines);
	path_of(number, "", path);
	int fd =
	    openat(top, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	enum io_status status = read_all(fd, lines, READ_MS);
	close(fd);
	if (status == IO_OK)
		return 0;
	errno = status == IO_TOO_LONG ? EFBIG : EIO;
	return -1;
}

bool
suppressed_next(struct span *rest, struct suppressed *entry)
{
	while (span_index(*rest, '\n') < rest->len) {
		struct span line = span_cut(rest, '\n');
		struct span kind = span_cut(&line, '\t');
		uint64_t when = 0;

		*entry =
		    (struct suppressed){ .address = span_cut(&line, '\t') };
		if (kind.len == 1 &&
		    span_number(span_cut(&line, '\t'), 10, INT64_MAX, &when) &&
		    span_number(
			span_cut(&line, '\t'), 10, UINT32_MAX, &entry->uid)) {
			entry->kind = kind.ptr[0];
			entry->when = (int64_t)when;
			entry->why = line;
			return true;
		}
	}
	return false;
}

static void
add_line(struct buf *lines, const struct suppressed *entry)
{
	size_t len = entry->why.len < SUPPRESSED_WHY_MAX ? entry->why.len
							 : SUPPRESSED_WHY_MAX;

	buf_printf(lines, "%c\t", entry->kind);
	for (size_t i = 0; i < entry->address.len; i++)
		buf_add_char(lines, ascii_lower(entry->address.ptr[i]));
	buf_printf(lines, "\t%lld\t%llu\t", (long long)entry->when,
	    (unsigned long long)entry->uid);
	for (size_t i = 0; i < len; i++) {
		char c = entry->why.ptr[i];

		buf_add_char(lines, (unsigned char)c < ' ' ? ' ' : c);
	}
	buf_add_char(lines, '\n');
}

static bool
find_in(struct span lines, struct span address, struct suppressed *entry)
{
	while (suppressed_next(&lines, entry))
		if (entry->kind == 's' &&
		    span_equal_nocase(entry->address, address))
			return true;
	return false;
}

/* As the list has it: its domain in A-labels. */
static struct buf
listed(struct span address)
{
	struct buf form = buf_new(ENVELOPE_ADDRESS_MAX + ADDR_DOMAIN_MAX);

	domain_add_address(&form, address);
	return form;
}

int
suppressed_find(
    int top, struct span address, struct buf *room, struct suppressed *entry)
{
	struct buf form = listed(address);
	int result = suppressed_read(top, number_of(buf_span(&form)), room);

	if (result == 0)
		result = find_in(buf_span(room), buf_span(&form), entry);
	buf_free(&form);
	return result;
}

/* ---- changes: one at a time ---- */

/* errno stays. */
static int
unlock(int fd, int result)
{
	int error = errno;

	close(fd);
	errno = error;
	return result;
}

/* The lock's descriptor, or -1 with errno set; LOCK_NB: do not wait for it. */
static int
lock(int top, int how)
{
	if (mkdirat(top, "suppressed", 0700) == -1 && errno != EEXIST)
		return -1;
	int fd = openat(top, "suppressed/lock",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1 || flock(fd, LOCK_EX | how) == 0)
		return fd;
	return unlock(fd, -1);
}

/* Behind what the file holds; a power cut may have left a line without end. */
static int
append(int top, unsigned number, const struct buf *held,
    const struct suppressed *entry)
{
	struct buf line = buf_new(SUPPRESSED_FILE_MAX);
	char path[PATH_SIZE];

	if (held->len > 0 && held->data[held->len - 1] != '\n')
		buf_add_char(&line, '\n');
	add_line(&line, entry);
	path_of(number, "", path);
	int fd = openat(top, path,
	    O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	int result =
	    fd == -1 ? -1 : unlock(fd, write_all(fd, buf_span(&line)) ? 1 : -1);
	buf_free(&line);
	return result;
}

static int
replace(int top, unsigned number, struct span lines)
{
	char path[PATH_SIZE];
	char temporary[PATH_SIZE];

	path_of(number, "", path);
	path_of(number, ".new", temporary);
	if (lines.len == 0)
		return unlinkat(top, path, 0) == 0 || errno == ENOENT ? 0 : -1;
	int fd = openat(top, temporary,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	/* It has lines that were promised to be durable. */
	bool is_written = write_all(fd, lines) && fdatasync(fd) == 0;
	unlock(fd, 0);
	return is_written && renameat(top, temporary, top, path) == 0 ? 0 : -1;
}

static int
add_locked(int top, const struct suppressed *entry, struct buf *lines)
{
	unsigned number = number_of(entry->address);
	struct suppressed found;

	if (suppressed_read(top, number, lines) == -1)
		return -1;
	if (find_in(buf_span(lines), entry->address, &found))
		return 0;
	if (lines->len > SUPPRESSED_FILE_MAX - 1024) {
		errno = ENOSPC;
		return -1;
	}
	return append(top, number, lines, entry);
}

int
suppressed_add(int top, const struct suppressed *entry, bool may_wait)
{
	struct buf lines = buf_new(SUPPRESSED_FILE_MAX);
	struct buf form = listed(entry->address);
	struct suppressed added = *entry;
	int locked = lock(top, may_wait ? 0 : LOCK_NB);
	int result = -1;

	added.address = buf_span(&form);
	if (locked != -1)
		result = unlock(locked, add_locked(top, &added, &lines));
	buf_free(&form);
	buf_free(&lines);
	return result;
}

static int
remove_locked(int top, struct span address, struct buf *kept)
{
	struct buf lines = buf_new(SUPPRESSED_FILE_MAX);
	unsigned number = number_of(address);
	struct suppressed entry;
	int result = suppressed_read(top, number, &lines);
	struct span rest = buf_span(&lines);

	while (result != -1 && suppressed_next(&rest, &entry))
		if (!span_equal_nocase(entry.address, address))
			add_line(kept, &entry);
		else if (entry.kind == 's')
			result = 1;
	if (result != -1 && replace(top, number, buf_span(kept)) == -1)
		result = -1;
	buf_free(&lines);
	return result;
}

int
suppressed_remove(int top, struct span address)
{
	struct buf kept = buf_new(SUPPRESSED_FILE_MAX);
	int result = -1;

	if (!suppressed_is_used(top))
		return 0;
	struct buf form = listed(address);
	int locked = lock(top, 0);
	if (locked != -1)
		result =
		    unlock(locked, remove_locked(top, buf_span(&form), &kept));
	buf_free(&form);
	buf_free(&kept);
	return result;
}

/* Nothing is written anew but where old failures go. */
static int
count_locked(
    int top, const struct suppressed *failure, int64_t since, struct buf *kept)
{
	struct buf lines = buf_new(SUPPRESSED_FILE_MAX);
	unsigned number = number_of(failure->address);
	struct suppressed entry;
	bool is_old = false;
	int count = suppressed_read(top, number, &lines);
	int result = -1;
	struct span rest = buf_span(&lines);

	while (count != -1 && suppressed_next(&rest, &entry)) {
		if (entry.kind == 'f' && entry.when < since) {
			is_old = true;
			continue;
		}
		add_line(kept, &entry);
		count += entry.kind == 'f' &&
			 span_equal_nocase(entry.address, failure->address);
	}
	if (count != -1 && kept->len > SUPPRESSED_FILE_MAX - 1024) {
		errno = ENOSPC;
	} else if (count != -1 && is_old) {
		add_line(kept, failure);
		result = replace(top, number, buf_span(kept));
	} else if (count != -1) {
		result = append(top, number, &lines, failure);
	}
	buf_free(&lines);
	return result == -1 ? -1 : count + 1;
}

int
suppressed_count(int top, const struct suppressed *failure, int64_t since)
{
	struct buf kept = buf_new(SUPPRESSED_FILE_MAX);
	struct buf form = listed(failure->address);
	struct suppressed counted = *failure;
	int locked = lock(top, LOCK_NB);
	int count = -1;

	counted.address = buf_span(&form);
	if (locked != -1)
		count =
		    unlock(locked, count_locked(top, &counted, since, &kept));
	buf_free(&form);
	buf_free(&kept);
	return count;
}

/* ---- control/suppressafter ---- */

struct suppress_after
suppress_after_read(void)
{
	static const char name[] = "suppressafter";
	struct control_list list = control_list(name);
	struct suppress_after after = { 0, 0 };

	if (list.count > 1)
		control_complain(name, list.lines[1], "write one line");
	if (list.count == 1) {
		struct span rest = list.items[0];
		struct span failures = span_cut_word(&rest);

		if (!span_number(failures, 10, FAILURES_MAX, &after.failures) ||
		    (after.failures > 0 && (!age_parse(rest, &after.seconds) ||
					       after.seconds == 0)))
			control_complain(name, list.lines[0],
			    "write how many failures, up to 1000, and in how "
			    "long, as 3 30d; or 0");
	}
	control_list_free(&list);
	return after;
}
