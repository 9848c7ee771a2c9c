#include "aliases/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/io.h"

enum {
	READ_TIMEOUT_MS = 10000,
	FOLDED_MAX = 256
};

void
passwd_init(struct passwd_file *file, const char *path)
{
	*file =
	    (struct passwd_file){ .path = path, .text = buf_new(PASSWD_MAX) };
}

void
passwd_free(struct passwd_file *file)
{
	buf_free(&file->text);
	free(file->slots);
	file->slots = NULL;
	file->is_loaded = false;
}

bool
passwd_parse(struct span line, struct user *user)
{
	struct span rest = line;

	user->name = span_cut(&rest, ':');
	span_cut(&rest, ':');
	if (!span_number(
		span_cut(&rest, ':'), 10, UINT32_MAX - 1, &user->uid) ||
	    !span_number(span_cut(&rest, ':'), 10, UINT32_MAX - 1, &user->gid))
		return false;
	span_cut(&rest, ':');
	user->home = span_cut(&rest, ':');
	return user->name.len > 0 && user->home.len > 0 &&
	       user->home.ptr[0] == '/' && span_index(line, '\0') == line.len;
}

static size_t
first_slot(const struct passwd_file *file, struct span name)
{
	char folded[FOLDED_MAX];
	size_t len = name.len < sizeof(folded) ? name.len : sizeof(folded);

	for (size_t i = 0; i < len; i++)
		folded[i] = ascii_lower(name.ptr[i]);
	return XXH3_64bits(folded, len) & (file->slot_count - 1);
}

/* The line that begins at offset. */
static struct span
line_at(const struct passwd_file *file, size_t offset)
{
	struct span rest =
	    span_slice(buf_span(&file->text), offset, file->text.len);

	return span_cut(&rest, '\n');
}

static bool
find(const struct passwd_file *file, struct span name, struct user *user,
    size_t *slot)
{
	for (*slot = first_slot(file, name); file->slots[*slot] != 0;
	     *slot = (*slot + 1) & (file->slot_count - 1)) {
		if (passwd_parse(line_at(file, file->slots[*slot] - 1), user) &&
		    span_equal_nocase(user->name, name))
			return true;
	}
	return false;
}

/* At most half of the slots are used, so that a search ends. */
static bool
make_slots(struct passwd_file *file)
{
	size_t lines = 1;

	for (size_t i = 0; i < file->text.len; i++)
		lines += file->text.data[i] == '\n';
	file->slot_count = 64;
	while (file->slot_count < lines * 2)
		file->slot_count *= 2;
	free(file->slots);
	file->slots = calloc(file->slot_count, sizeof(*file->slots));
	return file->slots != NULL;
}

static bool
build_index(struct passwd_file *file)
{
	struct span rest = buf_span(&file->text);
	struct user user;
	struct user other;
	size_t slot;

	if (!make_slots(file))
		return false;
	while (rest.len > 0) {
		size_t offset = file->text.len - rest.len;

		if (passwd_parse(span_cut(&rest, '\n'), &user) &&
		    !find(file, user.name, &other, &slot))
			file->slots[slot] = (uint32_t)offset + 1;
	}
	return true;
}

static bool
load(struct passwd_file *file)
{
	int fd = open(file->path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return false;
	buf_clear(&file->text);
	bool is_loaded = fstat(fd, &file->loaded) == 0 &&
			 read_all(fd, &file->text, READ_TIMEOUT_MS) == IO_OK &&
			 build_index(file);
	int error = errno;
	close(fd);
	errno = error;
	return is_loaded;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int
passwd_find(struct passwd_file *file, struct span name, struct user *user)
{
	struct stat now;
	size_t slot;

	if (stat(file->path, &now) == -1)
		return -1;
	if (!file->is_loaded || !is_same(&now, &file->loaded))
		file->is_loaded = load(file);
	if (!file->is_loaded)
		return -1;
	return name.len <= FOLDED_MAX && find(file, name, user, &slot) ? 1 : 0;
}
