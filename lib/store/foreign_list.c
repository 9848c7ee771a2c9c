#include "store/foreign_list.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "store/maildir_name.h"
#include "store/store_kind.h"

enum {
	READ_TIMEOUT_MS = 10000
};

static const char *const names[] = { "dovecot-uidlist", "courierimapuiddb" };

static bool
parse_foreign(struct foreign_list *list)
{
	struct span text = buf_span(&list->text);
	size_t lines = span_count(text, '\n') + 1;

	if (!uidlist_parse_foreign_header(
		span_cut(&text, '\n'), &list->uid_validity, &list->uid_next))
		return false;
	list->lines = store_allocate(NULL, lines, sizeof(*list->lines));
	while (text.len > 0)
		if (uidlist_parse_foreign(
			span_cut(&text, '\n'), &list->lines[list->count]))
			list->count++;
	return true;
}

static bool
read_one(struct foreign_list *list, int folder, const char *name,
    bool (*parse)(struct foreign_list *list))
{
	int fd = openat(
	    folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	*list = (struct foreign_list){ .text = buf_new((size_t)UINT32_MAX) };
	if (fd == -1)
		return false;
	bool is_good =
	    read_all(fd, &list->text, READ_TIMEOUT_MS) == IO_OK && parse(list);
	close(fd);
	if (!is_good)
		foreign_list_free(list);
	return is_good;
}

bool
foreign_list_read(struct foreign_list *list, int folder)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (read_one(list, folder, names[i], parse_foreign))
			return true;
	return false;
}

/* ---- estafeta-uidlist ---- */

/* A last line without its end is still being written. */
static struct span
whole_lines(const struct buf *text)
{
	struct span all = buf_span(text);
	size_t last = span_last_index(all, '\n');

	return span_slice(all, 0, last < all.len ? last + 1 : 0);
}

/* Each message that has one gets its name: a later line counts. */
static void
take_names(struct foreign_list *list, struct span text)
{
	struct uidlist_line line;

	if (list->count > 0)
		qsort(list->lines, list->count, sizeof(*list->lines),
		    foreign_list_compare_uids);
	while (text.len > 0) {
		if (!uidlist_parse(span_cut(&text, '\n'), &line) ||
		    line.kind != UIDLIST_MESSAGE || list->count == 0)
			continue;
		const struct uidlist_foreign key = { .uid = line.uid };
		struct uidlist_foreign *found = bsearch(&key, list->lines,
		    list->count, sizeof(key), foreign_list_compare_uids);
		if (found != NULL)
			found->name = line.text;
	}
}

static bool
parse_own(struct foreign_list *list)
{
	struct span text = whole_lines(&list->text);
	struct uidlist_header header;
	struct uidlist_line line;
	size_t lines = 1;

	if (!uidlist_parse_header(span_cut(&text, '\n'), &header))
		return false;
	for (struct span rest = text; rest.len > 0;)
		lines += span_starts(span_cut(&rest, '\n'), span_of("P "));
	list->uid_validity = header.uid_validity;
	list->lines = store_allocate(NULL, lines, sizeof(*list->lines));
	for (struct span rest = text; rest.len > 0;) {
		if (!uidlist_parse(span_cut(&rest, '\n'), &line) ||
		    line.kind != UIDLIST_UIDL)
			continue;
		struct uidlist_foreign *ids = &list->lines[list->count++];
		*ids = (struct uidlist_foreign){ .uid = line.uid,
			.name = { "", 0 } };
		uidlist_parse_ids(line.text, ids);
	}
	take_names(list, text);
	return true;
}

bool
foreign_list_read_own(struct foreign_list *list, int folder)
{
	return read_one(list, folder, "estafeta-uidlist", parse_own);
}

void
foreign_list_free(struct foreign_list *list)
{
	buf_free(&list->text);
	free(list->lines);
	*list = (struct foreign_list){ 0 };
}

int
foreign_list_compare_uids(const void *left, const void *right)
{
	uint32_t a = ((const struct uidlist_foreign *)left)->uid;
	uint32_t b = ((const struct uidlist_foreign *)right)->uid;

	return a == b ? 0 : a < b ? -1 : 1;
}

static int
compare_names(const void *left, const void *right)
{
	struct span a =
	    maildir_base(((const struct uidlist_foreign *)left)->name);
	struct span b =
	    maildir_base(((const struct uidlist_foreign *)right)->name);

	return span_compare(a, b);
}

void
foreign_list_sort_names(struct foreign_list *list)
{
	if (list->count > 0)
		qsort(list->lines, list->count, sizeof(*list->lines),
		    compare_names);
}

const struct uidlist_foreign *
foreign_list_find(const struct foreign_list *list, struct span base)
{
	struct uidlist_foreign key = { .name = base };

	return list->count == 0 ? NULL
				: bsearch(&key, list->lines, list->count,
				      sizeof(key), compare_names);
}
