#include "base/control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"

enum {
	READ_TIMEOUT_MS = 10000
};

void
control_complain(const char *name, unsigned line, const char *mend)
{
	die(EX_TEMPFAIL, "%s/%s:%u: %s", MTA_CONTROL, name, line, mend);
}

/* The whole file, empty if there is none. */
static struct buf
load(const char *name)
{
	struct buf text = buf_new(CONTROL_MAX);
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", MTA_CONTROL, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1) {
		if (errno != ENOENT)
			temp_fail("cannot open %s", path);
		return text;
	}
	enum io_status status = read_all(fd, &text, READ_TIMEOUT_MS);
	if (status == IO_TOO_LONG)
		die(EX_TEMPFAIL, "%s: over %d bytes: make it shorter", path,
		    CONTROL_MAX);
	if (status != IO_OK)
		temp_fail("cannot read %s", path);
	close(fd);
	return text;
}

/* A line without its comment and outer spaces. */
static struct span
line_value(struct span line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] == '#' && (i == 0 || line.ptr[i - 1] == ' ' ||
					      line.ptr[i - 1] == '\t'))
			line.len = i;
	return span_trim(line);
}

struct control_list
control_list(const char *name)
{
	struct control_list list = { .text = load(name) };
	struct span rest = buf_span(&list.text);
	size_t room = 0;

	for (unsigned number = 1; rest.len > 0; number++) {
		struct span value = line_value(span_cut(&rest, '\n'));

		if (value.len == 0)
			continue;
		if (span_index(value, '\0') < value.len)
			control_complain(name, number,
			    "a NUL byte: remove it with a text editor");
		if (list.count == room) {
			room = room * 2 + 16;
			list.items =
			    reallocarray(list.items, room, sizeof(*list.items));
			list.lines =
			    reallocarray(list.lines, room, sizeof(*list.lines));
			if (list.items == NULL || list.lines == NULL)
				temp_fail("out of memory");
		}
		list.items[list.count] = value;
		list.lines[list.count++] = number;
	}
	return list;
}

void
control_list_free(struct control_list *list)
{
	buf_free(&list->text);
	free(list->items);
	free(list->lines);
	*list = (struct control_list){ .count = 0 };
}

bool
control_list_has(const struct control_list *list, struct span value)
{
	for (size_t i = 0; i < list->count; i++)
		if (span_equal_nocase(list->items[i], value))
			return true;
	return false;
}

bool
control_list_has_domain(const struct control_list *list, struct span domain)
{
	struct span rest = domain;

	if (control_list_has(list, domain))
		return true;
	while (rest.len > 0) {
		size_t dot = span_index(rest, '.');

		rest = span_slice(rest, dot, rest.len);
		if (rest.len > 1 && control_list_has(list, rest))
			return true;
		rest = span_slice(rest, 1, rest.len);
	}
	return false;
}

struct buf
control_value(const char *name, const char *fallback)
{
	struct control_list list = control_list(name);
	struct buf value = buf_new(CONTROL_MAX);

	if (list.count > 1)
		control_complain(name, list.lines[1],
		    "one value expected: remove this line");
	if (list.count == 1)
		buf_add(&value, list.items[0]);
	else
		buf_add_string(&value, fallback);
	control_list_free(&list);
	return value;
}

void
control_complain_value(const char *name, const char *mend)
{
	struct control_list list = control_list(name);

	control_complain(name, list.count == 0 ? 1 : list.lines[0], mend);
}

static bool
is_word(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
			return false;
	return text.len <= CONTROL_WORD_MAX;
}

struct control_list
control_words(const char *name)
{
	struct control_list list = control_list(name);

	for (size_t i = 0; i < list.count; i++)
		if (!is_word(list.items[i]))
			control_complain(name, list.lines[i],
			    "write one name a line, without spaces");
	return list;
}

static bool
is_host(struct span text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "0123456789-._:[]";

	for (size_t i = 0; i < text.len; i++)
		if (span_index(span_of(letters), ascii_lower(text.ptr[i])) ==
		    sizeof(letters) - 1)
			return false;
	return text.len <= CONTROL_HOST_MAX;
}

struct buf
control_word(const char *name, const char *fallback)
{
	struct buf value = control_value(name, fallback);

	if (!is_word(buf_span(&value)))
		control_complain_value(name,
		    "one short word expected: no spaces, no control "
		    "characters");
	return value;
}

struct buf
control_host(const char *name, const char *fallback)
{
	struct buf value = control_value(name, fallback);

	if (!is_host(buf_span(&value)))
		control_complain_value(name,
		    "write the name of one host, as mx.example.org (an "
		    "international one as xn--...)");
	return value;
}

/* Of RFC 3986 section 2; none of these needs to be quoted in IMAP. */
static bool
has_url_characters(struct span text)
{
	static const char marks[] = "-._~:/?[]@!$&'()*+,;=%";

	for (size_t i = 0; i < text.len; i++)
		if (!ascii_is_alnum(text.ptr[i]) &&
		    span_index(span_of(marks), text.ptr[i]) ==
			sizeof(marks) - 1)
			return false;
	return true;
}

/* With a host, and without a fragment. */
static bool
is_https_url(struct span text)
{
	static const char scheme[] = "https://";
	struct span rest = span_slice(text, sizeof(scheme) - 1, text.len);

	return span_starts_nocase(text, span_of(scheme)) && rest.len > 0 &&
	       (ascii_is_alnum(rest.ptr[0]) || rest.ptr[0] == '[') &&
	       has_url_characters(rest) && text.len <= CONTROL_WORD_MAX;
}

struct buf
control_https_url(const char *name)
{
	struct buf value = control_value(name, "");

	if (value.len > 0 && !is_https_url(buf_span(&value)))
		control_complain_value(name,
		    "write one URL that begins with https:// and a host, "
		    "without # and not longer than 320 characters");
	return value;
}

struct buf
control_path(const char *name)
{
	struct buf value = control_value(name, "");

	if (value.len > 0 && (value.data[0] != '/' || value.len >= PATH_MAX))
		control_complain_value(name, "write a whole path, from / on");
	return value;
}

uint64_t
control_number(const char *name, uint64_t fallback, uint64_t min, uint64_t max)
{
	struct control_list list = control_list(name);
	uint64_t number = fallback;
	char mend[128];

	snprintf(mend, sizeof(mend), "write one number from %llu to %llu",
	    (unsigned long long)min, (unsigned long long)max);
	if (list.count > 0 &&
	    (!span_number(list.items[0], 10, max, &number) || number < min))
		control_complain(name, list.lines[0], mend);
	if (list.count > 1)
		control_complain(name, list.lines[1], mend);
	control_list_free(&list);
	return number;
}

struct buf
control_me(void)
{
	char host[HOST_NAME_MAX + 1] = "localhost";

	if (gethostname(host, sizeof(host) - 1) == -1)
		temp_fail("cannot learn this host's name");
	return control_host("me", host);
}

/* ---- watching ---- */

enum {
	SETTLED_S = 1 /* longer than any tick of a file system's clock */
};

/* A file that is not there is all zero; "." is the folder. */
static void
look_at(const char *name, struct stat *file)
{
	char path[sizeof(MTA_CONTROL) + 64];

	snprintf(path, sizeof(path), "%s/%s", MTA_CONTROL, name);
	if (stat(path, file) == -1)
		*file = (struct stat){ .st_ino = 0 };
}

void
control_watch_start(
    struct control_watch *watch, const char *const *names, size_t count)
{
	*watch = (struct control_watch){ .names = names, .count = count };
	for (size_t i = 0; i < count; i++)
		look_at(names[i], &watch->files[i]);
}

static bool
is_changed(const struct stat *a, const struct stat *b)
{
	return a->st_dev != b->st_dev || a->st_ino != b->st_ino ||
	       a->st_size != b->st_size ||
	       a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	       a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/*
 * Most files are not there, and one that comes changes the folder: as long as
 * that is the same, only those that are there need a look.  Not so if the
 * folder changed just now: what changes it once more may bear the same time.
 */
const char *
control_watch_changed(struct control_watch *watch)
{
	struct stat folder;
	struct stat now;

	look_at(".", &folder);
	bool is_same = !is_changed(&folder, &watch->folder);
	for (size_t i = 0; i < watch->count; i++) {
		if (is_same && watch->files[i].st_ino == 0)
			continue;
		look_at(watch->names[i], &now);
		if (is_changed(&now, &watch->files[i]))
			return watch->names[i];
	}
	if (!is_same && time(NULL) - folder.st_mtim.tv_sec > SETTLED_S)
		watch->folder = folder;
	return NULL;
}
