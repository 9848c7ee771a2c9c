#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include "base/io.h"
#include "store/account_state.h"
#include "store/scripts_state.h"

/*
 * Scripts whose names are too long for a file's.  The file is called by the
 * name's digest, and its first line, a comment of Sieve's, has the name itself:
 * what is copied, or restored, takes it along.
 */

enum {
	HEAD_ROOM = SCRIPTS_NAME_MAX + 32
};

static const char head_start[] = "# estafeta-name 1 ";

void
scripts_long_file(struct span name, struct scripts_file *file)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx context;
	char *place = file->name;

	sha256_init(&context);
	sha256_update(&context, name.len, (const uint8_t *)name.ptr);
	sha256_digest(&context, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		*place++ = digits[digest[i] >> 4];
		*place++ = digits[digest[i] & 15];
	}
	memcpy(place, SCRIPTS_LONG_SUFFIX, sizeof(SCRIPTS_LONG_SUFFIX));
	file->is_long = true;
}

void
scripts_add_long(struct buf *whole, struct span name, struct span text)
{
	buf_add_string(whole, head_start);
	buf_add(whole, name);
	buf_add_char(whole, '\n');
	buf_add(whole, text);
}

/* The name in the first line, if that is what the file is called by. */
static bool
cut_head(struct span *whole, const char *file, struct span *name)
{
	struct span line = span_cut(whole, '\n');
	struct scripts_file own;

	if (!span_starts(line, span_of(head_start)))
		return false;
	*name = span_slice(line, sizeof(head_start) - 1, line.len);
	if (!scripts_is_name(*name) || name->len <= SCRIPTS_SHORT_MAX)
		return false;
	scripts_long_file(*name, &own);
	return strcmp(own.name, file) == 0;
}

enum scripts_status
scripts_read_long(int folder, const struct scripts_file *file, struct buf *text)
{
	struct buf whole = buf_new(text->max + HEAD_ROOM);
	enum scripts_status status =
	    scripts_read_file(folder, file->name, &whole);
	struct span rest = buf_span(&whole);
	struct span name;

	if (status == SCRIPTS_OK && !cut_head(&rest, file->name, &name))
		status = SCRIPTS_NONEXISTENT;
	if (status == SCRIPTS_OK && rest.len > text->max - text->len)
		status = SCRIPTS_LIMIT;
	if (status == SCRIPTS_OK)
		buf_add(text, rest);
	int error = errno;
	buf_free(&whole);
	errno = error;
	return status;
}

bool
scripts_find_long(int folder, const char *file, struct buf *name)
{
	char bytes[HEAD_ROOM];
	struct span own;
	int fd = openat(
	    folder, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t got = fd == -1 ? -1 : pread(fd, bytes, sizeof(bytes), 0);

	scripts_close(fd);
	if (got == -1)
		return false;
	errno = 0;
	struct span start = { bytes, (size_t)got };
	if (!cut_head(&start, file, &own))
		return false;
	buf_add(name, own);
	return true;
}
