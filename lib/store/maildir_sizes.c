#include "store/maildir_sizes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "store/store_kind.h"

enum {
	FILE_MAX = 256 << 20,
	READ_TIMEOUT_MS = 10000,
	SPARE_LINES =
	    1000 /* of messages long gone, before it is written anew */
};

static const char file_name[] = ".pop3.sizes";
static const char new_name[] = ".pop3.sizes.new";
static const char first_line[] = "estafeta sizes 1\n";

static int
compare(const void *left, const void *right)
{
	struct span a = ((const struct maildir_size *)left)->unique;
	struct span b = ((const struct maildir_size *)right)->unique;

	return span_compare(a, b);
}

static bool
parse_line(struct span line, struct maildir_size *size)
{
	struct span rest = line;

	if (!span_number(span_cut(&rest, ' '), 10, INT64_MAX, &size->octets) ||
	    !span_number(span_cut(&rest, ' '), 10, INT64_MAX, &size->bytes) ||
	    !span_number(
		span_cut(&rest, ' '), 10, UINT64_MAX, &size->changed_ns))
		return false;
	size->unique = rest;
	return rest.len > 0 && size->octets >= size->bytes;
}

static void
parse(struct maildir_sizes *sizes)
{
	struct span rest = buf_span(&sizes->text);
	size_t lines = span_count(rest, '\n') + 1;

	if (!span_starts(rest, span_of(first_line)))
		return;
	sizes->sizes = store_allocate(NULL, lines, sizeof(*sizes->sizes));
	while (rest.len > 0)
		if (parse_line(
			span_cut(&rest, '\n'), &sizes->sizes[sizes->count]))
			sizes->count++;
	if (sizes->count > 0)
		qsort(
		    sizes->sizes, sizes->count, sizeof(*sizes->sizes), compare);
}

void
maildir_sizes_load(struct maildir_sizes *sizes, int root)
{
	int fd = openat(
	    root, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	*sizes = (struct maildir_sizes){ .text = buf_new(FILE_MAX),
		.learned = buf_new(FILE_MAX) };
	if (fd == -1)
		return;
	if (read_all(fd, &sizes->text, READ_TIMEOUT_MS) == IO_OK)
		parse(sizes);
	close(fd);
}

static uint64_t
changed_ns(const struct stat *status)
{
	return (uint64_t)status->st_mtim.tv_sec * 1000000000 +
	       (uint64_t)status->st_mtim.tv_nsec;
}

bool
maildir_sizes_find(const struct maildir_sizes *sizes, struct span unique,
    const struct stat *status, uint64_t *octets)
{
	struct maildir_size key = { .unique = unique };
	const struct maildir_size *found =
	    sizes->count == 0 ? NULL
			      : bsearch(&key, sizes->sizes, sizes->count,
				    sizeof(key), compare);

	if (found == NULL || found->bytes != (uint64_t)status->st_size ||
	    found->changed_ns != changed_ns(status))
		return false;
	*octets = found->octets;
	return true;
}

static void
add_line(struct buf *text, struct span unique, uint64_t octets, uint64_t bytes,
    uint64_t changed)
{
	buf_printf(text, "%llu %llu %llu ", (unsigned long long)octets,
	    (unsigned long long)bytes, (unsigned long long)changed);
	buf_add(text, unique);
	buf_add_char(text, '\n');
}

void
maildir_sizes_learn(struct maildir_sizes *sizes, struct span unique,
    const struct stat *status, uint64_t octets)
{
	if (span_index(unique, '\n') < unique.len)
		return;
	add_line(&sizes->learned, unique, octets, (uint64_t)status->st_size,
	    changed_ns(status));
	sizes->learned_count++;
}

/* A torn or missing file costs only time: nothing is synced. */
static void
write_anew(const struct maildir_sizes *sizes, int root)
{
	int fd = openat(root, new_name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd == -1)
		return;
	bool is_good = write_all(fd, span_of(first_line)) &&
		       write_all(fd, buf_span(&sizes->learned));
	close(fd);
	if (!is_good || renameat(root, new_name, root, file_name) == -1)
		unlinkat(root, new_name, 0);
}

void
maildir_sizes_save(struct maildir_sizes *sizes, int root, size_t message_count)
{
	bool is_anew =
	    sizes->count == 0 || sizes->count + sizes->learned_count >
				     2 * message_count + SPARE_LINES;

	if (sizes->learned_count == 0 || sizes->learned.overflow)
		return;
	if (is_anew) {
		write_anew(sizes, root);
		return;
	}
	int fd = openat(
	    root, file_name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return;
	/* A torn last line stays one of its own. */
	if (!write_all(fd, span_of("\n")) ||
	    !write_all(fd, buf_span(&sizes->learned)))
		errno = 0;
	close(fd);
}

void
maildir_sizes_free(struct maildir_sizes *sizes)
{
	buf_free(&sizes->text);
	buf_free(&sizes->learned);
	free(sizes->sizes);
	*sizes = (struct maildir_sizes){ 0 };
}

bool
maildir_sizes_of_name(struct span unique, uint64_t bytes, uint64_t *octets)
{
	uint64_t physical = UINT64_MAX;
	uint64_t wire = 0;
	struct span rest = unique;

	span_cut(&rest, ',');
	while (rest.len > 0) {
		struct span part = span_cut(&rest, ',');

		if (span_starts(part, span_of("S=")))
			span_number(span_slice(part, 2, part.len), 10,
			    INT64_MAX, &physical);
		else if (span_starts(part, span_of("W=")))
			span_number(span_slice(part, 2, part.len), 10,
			    INT64_MAX, &wire);
	}
	if (physical != bytes || wire < bytes || wire / 2 > bytes)
		return false;
	*octets = wire;
	return true;
}
