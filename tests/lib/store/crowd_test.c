/*
 * crowd_test - sessions and a deliverer at one folder, some killed at any
 * moment, the index removed or overwritten meanwhile: nothing that was
 * acknowledged is lost, no UID names two messages.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "lib/store/maildir.h"
#include "scratch.h"
#include "store/folder.h"
#include "test.h"

enum {
	ROUNDS = 40,
	DELIVERED = 400,
	APPENDS_MAX = 100000,
	UIDS_MAX = 200000
};

/* What the sessions acknowledged; shared, so that a kill loses none of it. */
struct ledger {
	volatile unsigned appended;          /* whole batches */
	volatile uint32_t uids[APPENDS_MAX]; /* of appended messages */
	volatile bool flagged[UIDS_MAX];     /* by UID */
};

/* Two messages, all or nothing; the same content has the same number. */
static void
append_two(struct account *account, struct ledger *ledger, unsigned number)
{
	struct folder_append *append = NULL;
	struct folder_copied copied;
	struct buf text = buf_new(4096);

	buf_printf(&text, "Subject: append %u\r\n\r\nbody\r\n", number);
	if (folder_append_begin(&append, account, span_of("INBOX")) !=
	    ACCOUNT_OK)
		exit(1);
	for (int k = 0; k < 2; k++) {
		folder_append_message(append, 0, NULL, 0, INT64_MIN);
		folder_append_bytes(append, buf_span(&text));
	}
	if (folder_append_commit(append, &copied) == ACCOUNT_OK &&
	    ledger->appended + 2 < APPENDS_MAX) {
		ledger->uids[ledger->appended] = copied.uids[0];
		ledger->uids[ledger->appended + 1] = copied.uids[1];
		ledger->appended += 2;
		free(copied.uids);
	}
	folder_append_free(append);
	buf_free(&text);
}

static void
flag_some(struct folder *folder, struct ledger *ledger, unsigned number)
{
	size_t indexes[4];
	size_t count = 0;

	for (size_t i = number % 7; i < folder_count(folder) && count < 4;
	     i += 7)
		if (!folder_message(folder, i)->is_expunged)
			indexes[count++] = i;
	if (folder_change_flags(folder, indexes, count, FLAGS_ADD,
		MESSAGE_FLAGGED, 0, UINT64_MAX, NULL, NULL) != ACCOUNT_OK)
		return;
	for (size_t k = 0; k < count; k++) {
		const struct folder_message *message =
		    folder_message(folder, indexes[k]);

		if (!message->is_expunged && message->uid < UIDS_MAX)
			ledger->flagged[message->uid] = true;
	}
}

/* Work until killed, or until asked to end. */
static void
session(struct ledger *ledger, unsigned number, unsigned rounds)
{
	struct account *account = open_account();
	struct folder *folder = NULL;
	struct span text;

	if (folder_open(&folder, account, span_of("INBOX"), false) !=
	    ACCOUNT_OK)
		exit(1);
	for (unsigned i = 0; i < rounds; i++) {
		append_two(account, ledger, number * 1000000 + i);
		if (folder_refresh(folder) != ACCOUNT_OK)
			exit(2);
		folder_drop_expunged(folder, NULL, NULL);
		flag_some(folder, ledger, i);
		if (folder_count(folder) > 0)
			folder_envelope(
			    folder, i % folder_count(folder), false, &text);
		folder_rest(folder);
	}
	folder_close(folder);
	account_close(account);
}

/* As a delivery does it: written in tmp/, renamed into new/. */
static void
deliver_all(void)
{
	char name[256];
	char target[256];

	for (int i = 0; i < DELIVERED; i++) {
		snprintf(name, sizeof(name), "m/tmp/%d.d%d.host", 1000 + i, i);
		snprintf(
		    target, sizeof(target), "m/new/%d.d%d.host", 1000 + i, i);
		int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd == -1 ||
		    !write_all(fd, span_of("Subject: delivered\n\nx\n")))
			exit(1);
		close(fd);
		if (rename(name, target) == -1)
			exit(1);
	}
}

static void
spoil_index(unsigned i)
{
	if (i % 5 == 0) {
		int fd = open("m/estafeta-view", O_RDWR | O_CLOEXEC);

		if (fd != -1 && pwrite(fd, "XXXX", 4, 1000) == 4)
			close(fd);
	}
	if (i % 3 == 0) {
		unlink("m/estafeta-index");
	} else if (i % 3 == 1) {
		int fd = open(
		    "m/estafeta-index", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		if (fd != -1 && !write_all(fd, span_of("garbage garbage")))
			exit(1);
		close(fd);
	}
}

static pid_t
start(struct ledger *ledger, unsigned number, unsigned rounds)
{
	pid_t pid = fork();

	if (pid == 0) {
		session(ledger, number, rounds);
		_exit(0);
	}
	return pid;
}

/* What a fresh look at the folder says. */
static void
check(struct ledger *ledgers, size_t count)
{
	struct account *account = open_account();
	struct folder *folder = NULL;
	size_t delivered = 0;
	size_t lost = 0;
	size_t unflagged = 0;
	uint32_t last = 0;
	bool is_rising = true;

	if (folder_open(&folder, account, span_of("INBOX"), false) !=
	    ACCOUNT_OK)
		exit(1);
	for (size_t i = 0; i < folder_count(folder); i++) {
		const struct folder_message *message =
		    folder_message(folder, i);
		struct span text;

		is_rising &= message->uid > last;
		last = message->uid;
		if (folder_envelope(folder, i, false, &text) == ACCOUNT_OK &&
		    memmem(text.ptr, text.len, "delivered", 9) != NULL)
			delivered++;
		for (size_t k = 0; k < count; k++)
			unflagged += message->uid < UIDS_MAX &&
				     ledgers[k].flagged[message->uid] &&
				     !(message->flags & MESSAGE_FLAGGED);
	}
	for (size_t k = 0; k < count; k++)
		for (unsigned i = 0; i < ledgers[k].appended; i++) {
			size_t at = folder_find(folder, ledgers[k].uids[i]);

			lost += at == folder_count(folder) ||
				folder_message(folder, at)->uid !=
				    ledgers[k].uids[i];
		}
	printf("# %zu messages, %zu delivered, %u and %u appended\n",
	    folder_count(folder), delivered, ledgers[0].appended,
	    ledgers[1].appended);
	CHECK("UIDs rise", is_rising);
	CHECK("each delivery is there once", delivered == DELIVERED);
	CHECK("no appended message is lost, each has its UID", lost == 0);
	CHECK("no acknowledged flag is lost", unflagged == 0);
	CHECK("appends came in twos",
	    (folder_count(folder) - delivered) % 2 == 0);
	folder_close(folder);
	account_close(account);
}

/* UIDs and the order of MODSEQ do not depend on the index. */
static void
check_loss(void)
{
	struct account *account = open_account();
	struct folder *folder = NULL;
	struct folder_counts before;
	struct folder_counts after;

	folder_open(&folder, account, span_of("INBOX"), true);
	folder_counts(folder, &before);
	uint64_t modseq = folder_message(folder, 3)->modseq;
	folder_close(folder);
	unlink("m/estafeta-index");
	folder_open(&folder, account, span_of("INBOX"), true);
	folder_counts(folder, &after);
	CHECK("without the index all is as it was",
	    memcmp(&before, &after, sizeof(after)) == 0 &&
		folder_message(folder, 3)->modseq == modseq);
	folder_close(folder);
	account_close(account);
}

/* A list that is nonsense is one that is not there. */
static void
check_garbage(void)
{
	struct account *account = open_account();
	struct folder *folder = NULL;
	struct folder_counts before;
	struct folder_counts after;

	account_counts(account, span_of("INBOX"), &before);
	int fd =
	    open("m/estafeta-uidlist", O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1 || !write_all(fd, span_of("\0\0garbage\n+ 1 1\n")))
		exit(1);
	close(fd);
	CHECK("a folder with a list of garbage opens",
	    folder_open(&folder, account, span_of("INBOX"), false) ==
		ACCOUNT_OK);
	folder_counts(folder, &after);
	CHECK("with all messages and another UIDVALIDITY",
	    after.messages == before.messages &&
		after.uid_validity > before.uid_validity);
	folder_close(folder);
	account_close(account);
}

int
main(void)
{
	struct ledger *ledgers = mmap(NULL, 2 * sizeof(*ledgers),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (ledgers == MAP_FAILED)
		return 1;
	scratch_enter();
	account_close(open_account());
	pid_t deliverer = fork();
	if (deliverer == 0) {
		deliver_all();
		_exit(0);
	}
	srand(1);
	bool is_good = true;
	pid_t steady = start(&ledgers[0], 1, ROUNDS);
	for (unsigned i = 0; i < ROUNDS; i++) {
		pid_t victim = start(&ledgers[1], 2 + i, 1000);
		int status = 0;

		/* Not a wait for something: a moment like any other. */
		usleep((useconds_t)(rand() % 40000));
		kill(victim, SIGKILL);
		waitpid(victim, &status, 0);
		is_good &= WIFSIGNALED(status) != 0;
		spoil_index(i);
	}
	int status = 1;
	waitpid(steady, &status, 0);
	CHECK("the session that lived worked to its end",
	    WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CHECK("the others were killed at work", is_good);
	waitpid(deliverer, &status, 0);
	check(ledgers, 2);
	check_loss();
	check_garbage();
	munmap(ledgers, 2 * sizeof(*ledgers));
	return test_result();
}
