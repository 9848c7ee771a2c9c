#include "store/mbox_rewrite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/die.h"
#include "store/mbox_lines.h"

enum {
	BLOCK = 65536,
	HASH_LEN = 32, /* hex digits */
	JOURNAL_MAX = 128,
	SEPARATOR = 2 /* bytes before the copy, and behind it */
};

static const char journal_name[] = "user.estafeta.rewrite";
static const char separator[] = "\n\n";

struct journal {
	uint64_t gap;  /* where the first message that is removed begins */
	uint64_t size; /* of the file; the copy is behind it */
	uint64_t kept; /* bytes of the copy */
	char hash[HASH_LEN + 1]; /* of the copy; "" before it is whole */
};

struct range {
	uint64_t from;
	uint64_t len;
};

/* ---- bytes ---- */

static bool
read_at(int fd, char *block, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t got = pread(fd, block, len, (off_t)offset);

		if (got == 0)
			errno = EIO;
		if (got <= 0)
			return false;
		block += got;
		len -= (size_t)got;
		offset += (uint64_t)got;
	}
	return true;
}

static bool
write_at(int fd, const char *block, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t put = pwrite(fd, block, len, (off_t)offset);

		if (put <= 0)
			return false;
		block += put;
		len -= (size_t)put;
		offset += (uint64_t)put;
	}
	return true;
}

static size_t
block_of(uint64_t len)
{
	return len < BLOCK ? (size_t)len : BLOCK;
}

/* Of what reached the disk and what did not: no secret, just a sum. */
static XXH3_state_t *
hash_new(void)
{
	XXH3_state_t *hash = XXH3_createState();

	if (hash == NULL)
		temp_fail("out of memory");
	XXH3_128bits_reset(hash);
	return hash;
}

static void
hash_end(XXH3_state_t *hash, char hex[HASH_LEN + 1])
{
	XXH128_hash_t sum = XXH3_128bits_digest(hash);

	XXH3_freeState(hash);
	snprintf(hex, HASH_LEN + 1, "%016llx%016llx",
	    (unsigned long long)sum.high64, (unsigned long long)sum.low64);
}

/* hash may be NULL. */
static bool
copy(int fd, struct range range, uint64_t to, XXH3_state_t *hash)
{
	static char block[BLOCK];

	while (range.len > 0) {
		size_t take = block_of(range.len);

		if (!read_at(fd, block, take, range.from) ||
		    !write_at(fd, block, take, to))
			return false;
		if (hash != NULL)
			XXH3_128bits_update(hash, block, take);
		range.from += take;
		range.len -= take;
		to += take;
	}
	return true;
}

static bool
has_hash(int fd, struct range range, const char *want)
{
	static char block[BLOCK];
	char hex[HASH_LEN + 1];
	XXH3_state_t *hash = hash_new();
	bool is_good = true;

	while (is_good && range.len > 0) {
		size_t take = block_of(range.len);

		is_good = read_at(fd, block, take, range.from);
		if (is_good)
			XXH3_128bits_update(hash, block, take);
		range.from += take;
		range.len -= take;
	}
	hash_end(hash, hex);
	return is_good && strcmp(hex, want) == 0;
}

/* ---- the journal ---- */

/* True also where there is none to be had. */
static bool
note(int fd, const struct journal *journal)
{
	char text[JOURNAL_MAX];
	int len = snprintf(text, sizeof(text), "1 %llu %llu %llu %s",
	    (unsigned long long)journal->gap, (unsigned long long)journal->size,
	    (unsigned long long)journal->kept, journal->hash);

	return fsetxattr(fd, journal_name, text, (size_t)len, 0) == 0 ||
	       errno == EOPNOTSUPP;
}

static bool
drop(int fd)
{
	return fremovexattr(fd, journal_name) == 0 || errno == ENODATA ||
	       errno == EOPNOTSUPP;
}

static bool
parse(struct span text, struct journal *journal)
{
	struct span version = span_cut(&text, ' ');

	if (!span_equal(version, span_of("1")) ||
	    !span_number(
		span_cut(&text, ' '), 10, INT64_MAX / 4, &journal->gap) ||
	    !span_number(
		span_cut(&text, ' '), 10, INT64_MAX / 4, &journal->size) ||
	    !span_number(
		span_cut(&text, ' '), 10, INT64_MAX / 4, &journal->kept) ||
	    journal->gap > journal->size ||
	    journal->kept > journal->size - journal->gap ||
	    (text.len != 0 && text.len != HASH_LEN))
		return false;
	memcpy(journal->hash, text.ptr, text.len);
	journal->hash[text.len] = '\0';
	return true;
}

/* 1 if there is one, 0, or -1 with errno set. */
static int
find_journal(int fd, struct journal *journal)
{
	char text[JOURNAL_MAX];
	ssize_t got = fgetxattr(fd, journal_name, text, sizeof(text));

	if (got == -1 && (errno == ENODATA || errno == EOPNOTSUPP))
		return 0;
	if (got == -1 && errno != ERANGE)
		return -1;
	if (got == -1 || !parse((struct span){ text, (size_t)got }, journal))
		return drop(fd) ? 0 : -1;
	return 1;
}

static struct range
copy_of(const struct journal *journal)
{
	return (struct range){ journal->size + SEPARATOR, journal->kept };
}

/* Where mail begins that came behind the copy. */
static uint64_t
end_of_copy(const struct journal *journal)
{
	return journal->size + SEPARATOR + journal->kept + SEPARATOR;
}

/* ---- rewriting ---- */

/*
 * The end first: what a stranger appends to a copy that broke off begins a line
 * of its own.
 */
static bool
append_copy(
    int fd, struct journal *journal, const struct range *ranges, size_t count)
{
	XXH3_state_t *hash = hash_new();
	uint64_t to = copy_of(journal).from;
	bool is_good = write_at(fd, separator, SEPARATOR,
			   end_of_copy(journal) - SEPARATOR) &&
		       write_at(fd, separator, SEPARATOR, journal->size);

	for (size_t i = 0; is_good && i < count; i++) {
		is_good = copy(fd, ranges[i], to, hash);
		to += ranges[i].len;
	}
	int error = errno;
	hash_end(hash, journal->hash);
	errno = error;
	return is_good;
}

/* The copy goes where it belongs; from here on all can be done again. */
static bool
settle(int fd, const struct journal *journal)
{
	return copy(fd, copy_of(journal), journal->gap, NULL) && fsync(fd) == 0;
}

static bool
end(int fd, const struct journal *journal)
{
	return ftruncate(fd, (off_t)(journal->gap + journal->kept)) == 0 &&
	       drop(fd) && fsync(fd) == 0;
}

static void
take_back(int fd, uint64_t size)
{
	int error = errno;

	if (ftruncate(fd, (off_t)size) == 0 && drop(fd))
		fsync(fd);
	errno = error;
}

/* Of all from journal->gap on only these ranges stay. */
static bool
rewrite(
    int fd, struct journal *journal, const struct range *ranges, size_t count)
{
	journal->kept = 0;
	for (size_t i = 0; i < count; i++)
		journal->kept += ranges[i].len;
	journal->hash[0] = '\0';
	if (journal->kept == 0) /* one step, which is done or is not */
		return end(fd, journal);
	if (!note(fd, journal))
		return false;
	if (!append_copy(fd, journal, ranges, count) || !note(fd, journal) ||
	    fsync(fd) != 0) {
		take_back(fd, journal->size);
		return false;
	}
	return settle(fd, journal) && end(fd, journal);
}

static uint64_t
next_from(const struct mbox_list *list, size_t i)
{
	return i + 1 < list->count ? list->messages[i + 1].from : list->size;
}

bool
mbox_rewrite(int fd, const struct mbox_list *list, const bool *is_gone)
{
	size_t first = 0;
	size_t count = 0;

	while (first < list->count && !is_gone[first])
		first++;
	if (first == list->count)
		return true;
	struct journal journal = { .gap = list->messages[first].from,
		.size = list->size };
	struct range *ranges =
	    store_allocate(NULL, list->count - first, sizeof(*ranges));
	for (size_t i = first; i < list->count; i++) {
		uint64_t from = list->messages[i].from;
		uint64_t len = next_from(list, i) - from;

		if (is_gone[i])
			continue;
		if (is_gone[i - 1])
			ranges[count++] = (struct range){ from, 0 };
		ranges[count - 1].len += len;
	}
	bool is_good = rewrite(fd, &journal, ranges, count);
	int error = errno;
	free(ranges);
	errno = error;
	return is_good;
}

/* ---- after one that broke off ---- */

/* Are the bytes at copied those at range, as far as they reached the disk? */
static bool
is_copy(int fd, struct range range, uint64_t copied)
{
	static char original[BLOCK];
	static char block[BLOCK];

	while (range.len > 0) {
		size_t take = block_of(range.len);

		if (!read_at(fd, original, take, range.from) ||
		    !read_at(fd, block, take, copied))
			return false;
		for (size_t i = 0; i < take; i++)
			if (block[i] != original[i] && block[i] != '\0')
				return false;
		range.from += take;
		range.len -= take;
		copied += take;
	}
	return true;
}

/* Is a separator there, or as much of one as fits before size? */
static bool
is_separator(int fd, uint64_t at, uint64_t size)
{
	char block[SEPARATOR] = "";
	size_t len = at >= size              ? 0
		     : size - at < SEPARATOR ? (size_t)(size - at)
					     : SEPARATOR;

	if (!read_at(fd, block, len, at))
		return false;
	for (size_t i = 0; i < len; i++)
		if (block[i] != separator[i] && block[i] != '\0')
			return false;
	return true;
}

/* Where the copy of a message ends that may be the next in the copy. */
static uint64_t
pass_copy(int fd, struct range message, uint64_t at, uint64_t limit)
{
	if (message.len > limit - at)
		message.len = limit - at;
	return is_copy(fd, message, at) ? at + message.len : at;
}

/*
 * Is all behind the old end, up to where a whole copy ends, a beginning of one,
 * and no mail that came after it?  Each message of the copy is one of those
 * from the gap on, in order.
 */
static bool
is_all_copy(int fd, const struct journal *journal, uint64_t size)
{
	static struct mbox_lines lines; /* large */
	uint64_t at = copy_of(journal).from;
	uint64_t limit = end_of_copy(journal) - SEPARATOR;
	struct range message = { journal->gap, 0 };
	struct mbox_piece piece;
	bool is_after_empty = false;

	if (!is_separator(fd, journal->size, size) ||
	    !is_separator(fd, limit, size))
		return false;
	if (limit > size)
		limit = size;
	mbox_lines_open(&lines, fd, journal->gap, journal->size);
	while (at < limit && mbox_lines_next(&lines, &piece) == 1) {
		if (is_after_empty && piece.is_start &&
		    span_starts(piece.bytes, span_of("From "))) {
			message.len = piece.offset - message.from;
			at = pass_copy(fd, message, at, limit);
			message.from = piece.offset;
		}
		is_after_empty = mbox_is_empty_line(&piece);
	}
	message.len = journal->size - message.from;
	return at >= limit || pass_copy(fd, message, at, limit) == limit;
}

/* Mail that came later goes to where the old mailbox ended. */
static bool
move_later(int fd, const struct journal *journal, uint64_t size)
{
	uint64_t end = end_of_copy(journal);
	struct journal rest = { .gap = journal->size, .size = size };

	/* Without an empty line at the old end, what is before it stays. */
	if (journal->size < SEPARATOR ||
	    !is_separator(fd, journal->size - SEPARATOR, size))
		end -= SEPARATOR;
	const struct range later = { end, size - end };
	return rewrite(fd, &rest, &later, 1);
}

/* Nothing of the old was touched yet: only the copy goes, if it is one. */
static bool
undo(int fd, const struct journal *journal, uint64_t size)
{
	bool is_copy_there =
	    size > journal->size && is_all_copy(fd, journal, size);

	if (is_copy_there && size > end_of_copy(journal))
		return move_later(fd, journal, size);
	if (is_copy_there && ftruncate(fd, (off_t)journal->size) == -1)
		return false;
	return drop(fd) && fsync(fd) == 0;
}

/* Mail that came behind the copy follows what was kept. */
static bool
redo(int fd, const struct journal *journal, uint64_t size)
{
	uint64_t full = end_of_copy(journal);
	const struct range later = { full, size - full };
	struct journal rest = { .gap = journal->gap + journal->kept,
		.size = size };

	if (!settle(fd, journal))
		return false;
	return later.len == 0 ? end(fd, journal)
			      : rewrite(fd, &rest, &later, 1);
}

static bool
recover(int fd, const struct journal *journal)
{
	struct range there = { journal->gap, journal->kept };
	struct range behind = copy_of(journal);
	struct stat status;

	if (fstat(fd, &status) == -1)
		return false;
	uint64_t size = (uint64_t)status.st_size;
	bool is_whole = journal->hash[0] != '\0';
	if (is_whole && size >= end_of_copy(journal) &&
	    has_hash(fd, behind, journal->hash))
		return redo(fd, journal, size);
	/* It was cut off already. */
	if (is_whole && size >= there.from + there.len &&
	    has_hash(fd, there, journal->hash))
		return drop(fd) && fsync(fd) == 0;
	return undo(fd, journal, size);
}

bool
mbox_recover(int fd)
{
	struct journal journal;
	int found = find_journal(fd, &journal);

	if (found != 1)
		return found == 0;
	/* With O_APPEND every pwrite would go to the end. */
	int flags = fcntl(fd, F_GETFL);
	if (flags == -1 || fcntl(fd, F_SETFL, flags & ~O_APPEND) == -1)
		return false;
	bool is_good = recover(fd, &journal);
	int error = errno;
	fcntl(fd, F_SETFL, flags);
	errno = error;
	return is_good;
}
