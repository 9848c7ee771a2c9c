/*
 * writers_test - several processes write one small file of an account, and ask
 * for UIDVALIDITYs, at once.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/store/maildir.h"
#include "scratch.h"
#include "store/account_state.h"

enum {
	WRITERS = 6,
	TIMES = 60,
	LENGTH = 20000
};

/* Its letter only, of a length of its own. */
static bool
write_files(const struct account *account, unsigned number)
{
	static char text[LENGTH + WRITERS];
	size_t len = LENGTH + number;

	memset(text, 'a' + (int)number, len);
	for (int i = 0; i < TIMES; i++)
		if (!account_write_file(
			account->root, "small", (struct span){ text, len }))
			return false;
	return true;
}

static bool
take_validities(const struct account *account, int fd)
{
	for (int i = 0; i < TIMES; i++) {
		uint32_t validity = account_next_uid_validity(account);

		if (validity == 0 || write(fd, &validity, sizeof(validity)) !=
					 (ssize_t)sizeof(validity))
			return false;
	}
	return true;
}

static bool
is_whole(const struct account *account)
{
	struct buf text = buf_new((size_t)2 * LENGTH);
	bool is_good = account_read_file(account->root, "small", &text) &&
		       text.len >= LENGTH &&
		       text.len == LENGTH + (size_t)(text.data[0] - 'a');

	for (size_t i = 0; i < text.len; i++)
		is_good &= text.data[i] == text.data[0];
	buf_free(&text);
	return is_good;
}

static int
compare(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;

	return a == b ? 0 : a < b ? -1 : 1;
}

static bool
are_different(int fd)
{
	static uint32_t all[WRITERS * TIMES];
	bool is_good = read(fd, all, sizeof(all)) == (ssize_t)sizeof(all);

	qsort(all, WRITERS * TIMES, sizeof(*all), compare);
	for (size_t i = 1; i < (size_t)WRITERS * TIMES; i++)
		is_good &= all[i] != all[i - 1];
	return is_good;
}

int
main(void)
{
	int ends[2];
	bool is_good = true;
	bool is_always_whole = true;

	scratch_enter();
	if (pipe(ends) == -1)
		return 1;
	make_maildir("m");
	struct account *account = open_account();
	write_files(account, 0);
	for (unsigned i = 0; i < WRITERS; i++)
		if (fork() == 0)
			_exit(write_files(account, i) &&
				      take_validities(account, ends[1])
				  ? 0
				  : 1);
	for (unsigned i = 0; i < WRITERS;) {
		int status;

		is_always_whole &= is_whole(account);
		if (waitpid(-1, &status, WNOHANG) <= 0)
			continue;
		is_good &= status == 0;
		i++;
	}
	CHECK("no writer fails for another", is_good);
	CHECK("what is read is one writer's, whole", is_always_whole);
	CHECK("no UIDVALIDITY is given out twice", are_different(ends[0]));
	CHECK("nothing is left behind",
	    faccessat(account->root, "small.new", F_OK, 0) == -1);
	account_close(account);
	return test_result();
}
