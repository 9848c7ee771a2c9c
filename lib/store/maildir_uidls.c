#include "store/maildir_uidls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "store/maildir_name.h"
#include "store/store_kind.h"
#include "store/uidl_format.h"
#include "store/uidlist.h"

enum {
	FILE_MAX = 64 << 20,
	READ_TIMEOUT_MS = 10000
};

static const char file_name[] = ".pop3.uidls";
static const char first_line[] = "estafeta uidls 1\n";

/* ---- the table ---- */

static int
compare_names(const void *left, const void *right)
{
	return span_compare(((const struct maildir_uidl *)left)->unique,
	    ((const struct maildir_uidl *)right)->unique);
}

static int
compare_uidls(const void *left, const void *right)
{
	return span_compare(((const struct maildir_uidl *)left)->uidl,
	    ((const struct maildir_uidl *)right)->uidl);
}

static void
sort(struct maildir_uidls *uidls, int (*order)(const void *, const void *))
{
	if (uidls->count > 0)
		qsort(uidls->uidls, uidls->count, sizeof(*uidls->uidls), order);
}

/* Room for one a line; how many. */
static size_t
allocate(struct maildir_uidls *uidls, struct span text)
{
	size_t lines = 1;

	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	uidls->uidls = store_allocate(NULL, lines, sizeof(*uidls->uidls));
	return lines;
}

static void
add(struct maildir_uidls *uidls, struct span uidl, struct span unique)
{
	if (uidl_is_valid(uidl) && unique.len > 0)
		uidls->uidls[uidls->count++] =
		    (struct maildir_uidl){ unique, uidl };
}

/* A name that comes twice counts once, and so does an id. */
static void
drop_doubles(
    struct maildir_uidls *uidls, int (*order)(const void *, const void *))
{
	size_t kept = 0;

	sort(uidls, order);
	for (size_t i = 0; i < uidls->count; i++)
		if (kept == 0 ||
		    order(&uidls->uidls[kept - 1], &uidls->uidls[i]) != 0)
			uidls->uidls[kept++] = uidls->uidls[i];
	uidls->count = kept;
}

void
maildir_uidls_free(struct maildir_uidls *uidls)
{
	free(uidls->uidls);
	buf_free(&uidls->text);
	*uidls = (struct maildir_uidls){ .count = 0 };
}

/* ---- reading ---- */

/* 1; 0 if there is no such file; -1 with errno set. */
static int
read_file(int root, const char *name, struct buf *text)
{
	int fd =
	    openat(root, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	errno = EIO;
	bool is_read = read_all(fd, text, READ_TIMEOUT_MS) == IO_OK;
	int error = errno;
	close(fd);
	errno = text->overflow ? EFBIG : error;
	return is_read ? 1 : -1;
}

bool
maildir_uidls_load(struct maildir_uidls *uidls, int root)
{
	*uidls = (struct maildir_uidls){ .text = buf_new(FILE_MAX) };
	int got = read_file(root, file_name, &uidls->text);
	struct span rest = buf_span(&uidls->text);

	if (got != 1)
		return got == 0;
	if (!span_starts(rest, span_of(first_line))) {
		errno = EBADMSG;
		return false;
	}
	allocate(uidls, rest);
	span_cut(&rest, '\n');
	while (rest.len > 0) {
		struct span unique = span_cut(&rest, '\n');
		struct span uidl = span_cut(&unique, ' ');

		add(uidls, uidl, unique);
	}
	sort(uidls, compare_names);
	return true;
}

struct span
maildir_uidls_find(const struct maildir_uidls *uidls, struct span unique)
{
	const struct maildir_uidl key = { .unique = unique };
	const struct maildir_uidl *found =
	    uidls->count == 0 ? NULL
			      : bsearch(&key, uidls->uidls, uidls->count,
				    sizeof(key), compare_names);

	return found == NULL ? (struct span){ "", 0 } : found->uidl;
}

/* ---- making ---- */

/* What format makes, kept in made; empty if that cannot be an id. */
static struct span
make(struct buf *made, struct span format, const struct uidl_facts *facts)
{
	struct buf uidl = buf_new(STORE_UIDL_MAX);
	size_t start = made->len;

	if (uidl_format_add(&uidl, format, facts) && !uidl.overflow)
		buf_add(made, buf_span(&uidl));
	buf_free(&uidl);
	return span_slice(buf_span(made), start, STORE_UIDL_MAX);
}

static bool
parse_foreign(struct maildir_uidls *uidls, struct span text, struct span format,
    struct buf *made)
{
	struct uidlist_foreign line;
	struct uidl_facts facts;
	uint32_t uid_next;

	if (!uidlist_parse_foreign_header(
		span_cut(&text, '\n'), &facts.uid_validity, &uid_next))
		return false;
	/* It must not move, for the ids lie in it. */
	buf_room(made, allocate(uidls, text) * STORE_UIDL_MAX);
	while (text.len > 0) {
		if (!uidlist_parse_foreign(span_cut(&text, '\n'), &line))
			continue;
		facts.uid = line.uid;
		facts.unique = maildir_base(line.name);
		if (line.uidl.len == 0)
			line.uidl = make(made, format, &facts);
		add(uidls, line.uidl, facts.unique);
	}
	return true;
}

static bool
write_file(int root, const struct maildir_uidls *uidls)
{
	struct buf text = buf_new(FILE_MAX);
	char name[64];

	snprintf(name, sizeof(name), "%s.%ld", file_name, (long)getpid());
	buf_add_string(&text, first_line);
	for (size_t i = 0; i < uidls->count; i++) {
		buf_add(&text, uidls->uidls[i].uidl);
		buf_add_char(&text, ' ');
		buf_add(&text, uidls->uidls[i].unique);
		buf_add_char(&text, '\n');
	}
	int fd = openat(root, name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool is_written =
	    fd != -1 && write_all(fd, buf_span(&text)) && fsync(fd) == 0 &&
	    renameat(root, name, root, file_name) == 0 && fsync(root) == 0;
	int error = errno;
	if (fd != -1)
		close(fd);
	if (!is_written)
		unlinkat(root, name, 0);
	buf_free(&text);
	errno = error;
	return is_written;
}

bool
maildir_uidls_import(int root, struct span format)
{
	struct maildir_uidls uidls = { .text = buf_new(FILE_MAX) };
	int got = read_file(root, "dovecot-uidlist", &uidls.text);
	struct buf made = buf_new(SIZE_MAX / 2);
	bool is_good = got != -1;

	if (got == 1 &&
	    parse_foreign(&uidls, buf_span(&uidls.text), format, &made)) {
		drop_doubles(&uidls, compare_uidls);
		drop_doubles(&uidls, compare_names);
		is_good = write_file(root, &uidls);
	}
	int error = errno;
	buf_free(&made);
	maildir_uidls_free(&uidls);
	errno = error;
	return is_good;
}
