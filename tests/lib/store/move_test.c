/*
 * move_test - sessions that move the same messages to and fro, some of them
 * killed: no message is lost, none is there twice.
 */

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/store/maildir.h"
#include "scratch.h"
#include "store/folder.h"
#include "test.h"

enum {
	MESSAGES = 60,
	ROUNDS = 60,
	KILLED = 25
};

static void
fill(struct account *account)
{
	struct folder_append *append = NULL;
	struct folder_copied copied = { .uids = NULL };
	struct buf text = buf_new(4096);

	if (folder_append_begin(&append, account, span_of("INBOX")) !=
	    ACCOUNT_OK)
		exit(1);
	for (int i = 0; i < MESSAGES; i++) {
		buf_clear(&text);
		buf_printf(&text, "Subject: number %d.\r\n\r\n", i);
		folder_append_message(append, 0, NULL, 0, INT64_MIN);
		folder_append_bytes(append, buf_span(&text));
	}
	if (folder_append_commit(append, &copied) != ACCOUNT_OK)
		exit(1);
	free(copied.uids);
	folder_append_free(append);
	buf_free(&text);
}

/* A few of what is there; what another moved first is no trouble. */
static bool
move_some(struct account *account, const char *from, const char *to, int seed)
{
	struct folder *folder = NULL;
	struct folder_copied copied = { .uids = NULL };
	size_t indexes[8];
	size_t count = 0;

	if (folder_open(&folder, account, span_of(from), false) != ACCOUNT_OK)
		return false;
	for (size_t i = (size_t)seed % 5; i < folder_count(folder) && count < 8;
	     i += 3)
		indexes[count++] = i;
	enum account_status status =
	    folder_copy(folder, indexes, count, span_of(to), true, &copied);
	free(copied.uids);
	folder_close(folder);
	return status == ACCOUNT_OK || status == ACCOUNT_NONEXISTENT;
}

static pid_t
start(const char *from, const char *to, int rounds)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct account *account = open_account();
		bool is_good = true;

		for (int i = 0; i < rounds; i++)
			is_good &= move_some(account, from, to, i);
		account_close(account);
		_exit(is_good ? 0 : 1);
	}
	return pid;
}

static void
count_folder(struct account *account, const char *name, unsigned *seen)
{
	struct folder *folder = NULL;

	if (folder_open(&folder, account, span_of(name), false) != ACCOUNT_OK)
		exit(1);
	for (size_t i = 0; i < folder_count(folder); i++) {
		struct span text;
		char digits[16] = "";

		if (folder_envelope(folder, i, false, &text) != ACCOUNT_OK)
			continue;
		size_t at = span_index(text, '.');
		if (at == text.len || at < 3)
			continue;
		for (size_t k = at - 2; k < at; k++)
			if (text.ptr[k] >= '0' && text.ptr[k] <= '9')
				strncat(digits, text.ptr + k, 1);
		unsigned long number = strtoul(digits, NULL, 10);
		if (number < MESSAGES)
			seen[number]++;
	}
	folder_close(folder);
}

static bool
ended_well(pid_t pid)
{
	int status = 1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int
main(void)
{
	unsigned seen[MESSAGES] = { 0 };
	size_t wrong = 0;

	scratch_enter();
	struct account *account = open_account();
	fill(account);
	pid_t there = start("INBOX", "Trash", ROUNDS);
	pid_t back = start("Trash", "INBOX", ROUNDS);
	for (int i = 0; i < KILLED; i++) {
		pid_t victim = i % 2 == 0 ? start("INBOX", "Trash", 1000)
					  : start("Trash", "INBOX", 1000);

		/* Not a wait for something: a moment like any other. */
		usleep((useconds_t)(rand() % 30000));
		kill(victim, SIGKILL);
		waitpid(victim, NULL, 0);
	}
	CHECK("both sessions worked to their end",
	    ended_well(there) & ended_well(back));
	count_folder(account, "INBOX", seen);
	count_folder(account, "Trash", seen);
	for (size_t i = 0; i < MESSAGES; i++) {
		wrong += seen[i] != 1;
		if (seen[i] != 1)
			printf("# message %zu is there %u times\n", i, seen[i]);
	}
	CHECK("each message is in one place", wrong == 0);
	account_close(account);
	return test_result();
}
