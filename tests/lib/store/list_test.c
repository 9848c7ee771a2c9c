/*
 * list_test - the uid list under those who read it: what went stays known when
 * it is written anew, and nobody takes half of a change for all of it.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/store/maildir.h"
#include "scratch.h"
#include "store/folder.h"
#include "store/folder_state.h"

static void
note_range(void *context, uint32_t first, uint32_t last)
{
	buf_printf(context, "%u-%u ", first, last);
}

static void
test_history(struct account *account)
{
	struct folder *folder = open_folder(account, "INBOX");
	const size_t gone = 1;
	struct folder_counts counts;
	struct buf text = buf_new(1024);

	folder_counts(folder, &counts);
	CHECK("one goes", folder_expunge(folder, &gone, 1) == ACCOUNT_OK);
	for (int i = 0; i < 2; i++) {
		folder_lock(folder);
		CHECK("the list is written anew", folder_list_rewrite(folder));
		folder_unlock(folder);
	}
	folder_close(folder);
	folder = open_folder(account, "INBOX");
	CHECK("what went is known (RFC 7162 section 3.2.5)",
	    folder_vanished(folder, counts.highest_modseq, note_range, &text) &&
		span_equal(buf_span(&text), span_of("2-2 ")));
	buf_free(&text);
	folder_close(folder);
}

/* How often does a process have that file open? */
static unsigned
count_open(pid_t pid, const char *name)
{
	char path[64];
	char link[4096];
	const struct dirent *entry;
	unsigned count = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *list = opendir(path);
	if (list == NULL)
		return 0;
	while ((entry = readdir(list)) != NULL) {
		ssize_t len =
		    readlinkat(dirfd(list), entry->d_name, link, sizeof(link));
		size_t want = strlen(name);

		count += len >= (ssize_t)want &&
			 memcmp(link + (size_t)len - want, name, want) == 0;
	}
	closedir(list);
	return count;
}

/* Keyword 26, of which a file's name says nothing. */
static bool
has_keyword(const struct folder *folder, size_t i)
{
	return (folder_message(folder, i)->keywords >> 26 & 1) != 0;
}

/* 0: all of the change was seen, with its MODSEQ; 1: some of it. */
static int
read_it(struct folder *folder)
{
	if (folder_refresh(folder) != ACCOUNT_OK)
		return 2;
	return has_keyword(folder, 0) && has_keyword(folder, 1) ? 0 : 1;
}

static void
write_line(int list, uint32_t uid, uint64_t modseq)
{
	struct buf line = buf_new(1024);

	buf_printf(
	    &line, "= %u %llu - 4000000\n", uid, (unsigned long long)modseq);
	write_all(list, buf_span(&line));
	buf_free(&line);
}

/* Another program stands between two lines of one change. */
static void
test_half(struct account *account)
{
	/* Long at rest: the list alone tells all. */
	const struct timespec old[2] = { { .tv_sec = 1700000000 },
		{ .tv_sec = 1700000000 } };
	CHECK("cur/ and new/ are old",
	    utimensat(AT_FDCWD, "m/cur", old, 0) == 0 &&
		utimensat(AT_FDCWD, "m/new", old, 0) == 0);
	struct folder *folder = open_folder(account, "INBOX");
	struct folder_counts counts;
	int lock = open("m/estafeta-lock", O_RDWR | O_CLOEXEC);
	int list = open("m/estafeta-uidlist", O_WRONLY | O_APPEND | O_CLOEXEC);
	int status = -1;

	folder_counts(folder, &counts);
	CHECK("locked", flock(lock, LOCK_EX) == 0);
	write_line(list, 1, counts.highest_modseq + 1);
	pid_t child = fork();
	if (child == 0)
		_exit(read_it(folder));
	/* It waits for the lock, with ours and its own, or ended too early. */
	siginfo_t ended = { .si_pid = 0 };
	while (ended.si_pid == 0 && count_open(child, "estafeta-lock") < 2)
		if (waitid(P_PID, (id_t)child, &ended,
			WEXITED | WNOHANG | WNOWAIT) == -1)
			break;
	write_line(list, 3, counts.highest_modseq + 1);
	flock(lock, LOCK_UN);
	close(lock);
	CHECK("a reader sees all of it",
	    waitpid(child, &status, 0) == child && status == 0);
	close(list);
	folder_close(folder);
}

/* A list that was written before it said which messages nobody was told of. */
static void
test_old_state(void)
{
	struct uidlist_line line;

	CHECK("a state without what is untold",
	    uidlist_parse(span_of("T 1 2 3 4 5 6 7 8 9 10 ."), &line) &&
		line.state.modseq == 10 && line.state.untold_from == 0 &&
		line.state.untold == 0);
	CHECK("one with it",
	    uidlist_parse(span_of("T 1 2 3 4 5 6 7 8 9 10 11 12 ."), &line) &&
		line.state.untold_from == 11 && line.state.untold == 12);
	CHECK("one that was cut off",
	    !uidlist_parse(span_of("T 1 2 3 4 5 6 7 8 9 10 11 ."), &line));
}

int
main(void)
{
	scratch_enter();
	make_maildir("m");
	put("m/cur/1.a.h:2,", "Subject: 1\n\n1\n");
	put("m/cur/2.b.h:2,", "Subject: 2\n\n2\n");
	put("m/cur/3.c.h:2,", "Subject: 3\n\n3\n");
	struct account *account = open_account();
	test_history(account);
	test_old_state();
	test_half(account);
	account_close(account);
	return test_result();
}
