#ifndef TESTS_LIB_STORE_MAILDIR_H
#define TESTS_LIB_STORE_MAILDIR_H

/*
 * maildir - what the tests of accounts and folders share: files, and the
 * Maildir "m" of the folder that a test runs in.  What fails ends the test.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "store/folder.h"
#include "test.h"

static inline void
put_bytes(const char *path, struct span text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd == -1 || !write_all(fd, text))
		exit(1);
	close(fd);
}

static inline void
put(const char *path, const char *text)
{
	put_bytes(path, span_of(text));
}

static inline bool
file_is(const char *path, const char *want)
{
	struct buf text = buf_new(1 << 20);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_same = fd != -1 && read_all(fd, &text, 1000) == IO_OK &&
		       span_equal(buf_span(&text), span_of(want));

	if (!is_same)
		printf("# %s: %.*s\n", path, (int)text.len, text.data);
	if (fd != -1)
		close(fd);
	buf_free(&text);
	return is_same;
}

static inline void
make_maildir(const char *path)
{
	static const char *const parts[] = { "", "/cur", "/new", "/tmp" };
	char name[256];

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		snprintf(name, sizeof(name), "%s%s", path, parts[i]);
		if (mkdir(name, 0700) == -1)
			exit(1);
	}
}

static inline struct account *
open_account(void)
{
	char path[4096] = "maildir:";
	struct account *account = NULL;

	if (getcwd(path + 8, sizeof(path) - 16) == NULL)
		exit(1);
	strncat(path, "/m", 3);
	if (account_open(&account, path) != ACCOUNT_OK)
		exit(1);
	return account;
}

static inline struct folder *
open_folder(struct account *account, const char *name)
{
	struct folder *folder = NULL;

	if (folder_open(&folder, account, span_of(name), false) != ACCOUNT_OK)
		exit(1);
	return folder;
}

/* For whoever hands out pieces: context is a struct buf. */
static inline bool
collect(void *context, struct span piece)
{
	buf_add(context, piece);
	return true;
}

#endif
