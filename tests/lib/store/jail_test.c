/*
 * jail_test - all of it within the jail that a session has: files below the
 * mailbox, and no other system calls than those of files.
 */

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/sandbox.h"
#include "mail/charset.h"
#include "scratch.h"
#include "store/folder.h"
#include "test.h"

enum {
	NOBODY = 65534
};

static bool
append(struct account *account, const char *text)
{
	struct folder_append *append = NULL;
	struct folder_copied copied = { .uids = NULL };
	const struct span keyword = span_of("kept");
	bool is_good =
	    folder_append_begin(&append, account, span_of("INBOX")) ==
		ACCOUNT_OK &&
	    folder_append_message(
		append, MESSAGE_SEEN, &keyword, 1, INT64_MIN) == ACCOUNT_OK &&
	    folder_append_bytes(append, span_of(text)) == ACCOUNT_OK &&
	    folder_append_commit(append, &copied) == ACCOUNT_OK;

	free(copied.uids);
	folder_append_free(append);
	return is_good;
}

static bool
take_folder(void *context, const struct account_folder *folder)
{
	(void)folder;
	++*(size_t *)context;
	return true;
}

static bool
take_piece(void *context, struct span piece)
{
	*(size_t *)context += piece.len;
	return true;
}

static void
ignore_name(void *context, struct span name)
{
	(void)context;
	(void)name;
}

static bool
read_things(struct folder *folder)
{
	const struct section whole = { .kind = SECTION_WHOLE };
	struct folder_section *section;
	struct span text;
	uint64_t octets;
	int64_t date;
	size_t bytes = 0;
	uint64_t wanted = 1;
	bool is_good =
	    folder_envelope(folder, 0, false, &text) == ACCOUNT_OK &&
	    folder_structure(folder, 0, true, false, &text) == ACCOUNT_OK &&
	    folder_preview(folder, 0, &text) == ACCOUNT_OK &&
	    folder_octets(folder, 0, &octets) == ACCOUNT_OK &&
	    folder_internal_date(folder, 0, &date) == ACCOUNT_OK &&
	    folder_section_open(folder, 0, &whole, &section, &octets) ==
		ACCOUNT_OK;

	if (is_good) {
		is_good = folder_section_read(section, 0, UINT64_MAX,
			      take_piece, &bytes) == ACCOUNT_OK &&
			  bytes == octets;
		folder_section_close(section);
	}
	is_good = is_good &&
		  folder_match(folder, FOLDER_TEXT_BODY, span_of(""),
		      span_of("\xd0\x9f\xd1\x80"), &wanted) == ACCOUNT_OK &&
		  wanted == 1;
	folder_rest(folder);
	return is_good;
}

static bool
change_things(struct account *account, struct folder *folder)
{
	struct folder_copied copied = { .uids = NULL };
	const size_t first[] = { 0 };
	bool is_good =
	    folder_change_flags(folder, first, 1, FLAGS_ADD, MESSAGE_FLAGGED,
		folder_keyword_bit(folder, span_of("new"), true), UINT64_MAX,
		NULL, NULL) == ACCOUNT_OK &&
	    folder_copy(folder, first, 1, span_of("Sent"), false, &copied) ==
		ACCOUNT_OK;

	free(copied.uids);
	copied.uids = NULL;
	is_good = is_good && folder_copy(folder, first, 1, span_of("Trash"),
				 true, &copied) == ACCOUNT_OK;
	free(copied.uids);
	is_good =
	    is_good && append(account, "Subject: x\r\n\r\n") &&
	    folder_refresh(folder) == ACCOUNT_OK &&
	    folder_expunge(folder, (const size_t[]){ 1 }, 1) == ACCOUNT_OK;
	return is_good;
}

static bool
use_account(struct account *account)
{
	struct account_quota quota;
	struct folder_counts counts;
	size_t count = 0;

	return account_create(account, span_of("a/b"), FOLDER_ALL) ==
		   ACCOUNT_OK &&
	       account_rename(account, span_of("a"), span_of("c")) ==
		   ACCOUNT_OK &&
	       account_subscribe(account, span_of("c/b"), true) == ACCOUNT_OK &&
	       account_counts(account, span_of("c/b"), &counts) == ACCOUNT_OK &&
	       account_delete(account, span_of("c/b")) == ACCOUNT_OK &&
	       account_quota(account, &quota) == ACCOUNT_OK &&
	       account_list(account, take_folder, &count) && count > 5 &&
	       account_watch(account, span_of("INBOX"), true) != -1 &&
	       account_watched(account, ignore_name, NULL) &&
	       account_watch(account, span_of("INBOX"), false) != -1;
}

/* The exit code of the child is the number of what failed. */
static int
run(const char *path)
{
	char name[4096];
	struct account *account = NULL;
	struct folder *folder = NULL;

	/* SQLite gives a root's files back to who owned them before. */
	if (geteuid() == 0) {
		if (chown(path, NOBODY, NOBODY) == -1)
			return 8;
		become_user(NOBODY, NOBODY, NULL, 0);
	}
	snprintf(name, sizeof(name), "maildir:%s/m", path);
	if (account_open(&account, name) != ACCOUNT_OK)
		return 1;
	snprintf(name, sizeof(name), "%s/m", path);
	const struct landlock_path mailbox = { name,
		LANDLOCK_READ | LANDLOCK_WRITE };
	if (!sandbox_is_sanitized() && !landlock_restrict(&mailbox, 1, true))
		return 2;
	sandbox_enter(SANDBOX_READ_FILES | SANDBOX_WRITE_FILES |
		      SANDBOX_WATCH_FILES | SANDBOX_THREADS);
	if (!append(account, "Content-Type: text/plain; charset=koi8-r\r\n\r\n"
			     "\xf0\xd2\xc9\r\n"))
		return 3;
	if (folder_open(&folder, account, span_of("INBOX"), false) !=
	    ACCOUNT_OK)
		return 4;
	if (!read_things(folder))
		return 5;
	if (!change_things(account, folder))
		return 6;
	folder_close(folder);
	if (!use_account(account))
		return 7;
	account_close(account);
	return 0;
}

int
main(void)
{
	char index[64];
	int status = -1;

	scratch_enter();
	pid_t pid = fork();
	if (pid == 0)
		_exit(run(scratch_folder));
	waitpid(pid, &status, 0);
	if (status != 0)
		printf("# status %d\n", status);
	CHECK("a session needs no more than its jail allows", status == 0);
	snprintf(index, sizeof(index), "%s/m/estafeta-index", scratch_folder);
	CHECK("and has its index", access(index, R_OK) == 0);
	return test_result();
}
