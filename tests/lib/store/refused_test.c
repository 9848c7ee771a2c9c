/*
 * refused_test - what cannot be done, or not all of it: no OK is said, nothing
 * is lost, and the next try is free to succeed.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/store/maildir.h"
#include "scratch.h"
#include "store/account_state.h"
#include "store/folder.h"
#include "test.h"

static const char message[] = "Subject: one\r\n\r\nx\r\n";

/* One message with one keyword, which may be empty: then without. */
static enum account_status
append_one(struct account *account, const char *name, const char *keyword)
{
	struct folder_append *append = NULL;
	struct folder_copied copied = { .uids = NULL };
	struct span keywords = span_of(keyword);

	if (folder_append_begin(&append, account, span_of(name)) != ACCOUNT_OK)
		exit(1);
	folder_append_message(
	    append, 0, &keywords, keywords.len > 0, INT64_MIN);
	folder_append_bytes(append, span_of(message));
	enum account_status status = folder_append_commit(append, &copied);
	free(copied.uids);
	folder_append_free(append);
	return status;
}

static size_t
count_in(struct account *account, const char *name)
{
	struct folder *folder = open_folder(account, name);
	size_t count = folder_count(folder);

	folder_close(folder);
	return count;
}

/* ---- keywords ---- */

/* A folder that has all the keywords that a folder can have. */
static void
fill_keywords(struct account *account, const char *name)
{
	char word[32];

	if (account_create(account, span_of(name), 0) != ACCOUNT_OK)
		exit(1);
	struct folder *folder = open_folder(account, name);
	for (int i = 0; i < FOLDER_KEYWORDS_MAX; i++) {
		snprintf(word, sizeof(word), "word%d", i);
		if (folder_keyword_bit(folder, span_of(word), true) == 0)
			exit(1);
	}
	folder_close(folder);
}

static void
test_keywords(struct account *account)
{
	struct folder_copied copied = { .uids = NULL };
	char too_long[201] = "";
	const size_t first[] = { 0 };

	fill_keywords(account, "Full");
	memset(too_long, 'k', sizeof(too_long) - 1);
	CHECK("a keyword that is too long is not appended without it",
	    append_one(account, "INBOX", too_long) == ACCOUNT_LIMIT &&
		count_in(account, "INBOX") == 0);
	CHECK("nor one that there is no room for",
	    append_one(account, "Full", "one-more") == ACCOUNT_LIMIT &&
		count_in(account, "Full") == 0);
	CHECK("one that is there is",
	    append_one(account, "Full", "WORD7") == ACCOUNT_OK &&
		count_in(account, "Full") == 1);
	CHECK("a message with a keyword",
	    append_one(account, "INBOX", "one-more") == ACCOUNT_OK);
	struct folder *inbox = open_folder(account, "INBOX");
	CHECK("is not moved to where it would lose it",
	    folder_copy(inbox, first, 1, span_of("Full"), true, &copied) ==
		    ACCOUNT_LIMIT &&
		count_in(account, "Full") == 1);
	CHECK("nor copied", folder_copy(inbox, first, 1, span_of("Full"), false,
				&copied) == ACCOUNT_LIMIT &&
				count_in(account, "Full") == 1);
	CHECK("it is where it was, with its keyword",
	    folder_refresh(inbox) == ACCOUNT_OK && folder_count(inbox) == 1 &&
		!folder_message(inbox, 0)->is_expunged &&
		folder_message(inbox, 0)->keywords ==
		    folder_keyword_bit(inbox, span_of("one-more"), false));
	CHECK("and goes where there is room",
	    folder_copy(inbox, first, 1, span_of("Trash"), true, &copied) ==
		    ACCOUNT_OK &&
		count_in(account, "Trash") == 1);
	free(copied.uids);
	folder_close(inbox);
}

/* ---- folders ---- */

/* INBOX and five that a new account has; a link is none. */
static void
test_folders(struct account *account)
{
	uint64_t folders_max = account->settings.folders_max;

	if (symlink("../elsewhere", "m/.link") == -1 ||
	    account_create(account, span_of("a/b/c"), 0) != ACCOUNT_OK)
		exit(1);
	account->settings.folders_max = 8;
	CHECK("the last folder that there may be",
	    account_create(account, span_of("x"), 0) == ACCOUNT_OK);
	CHECK("one too many",
	    account_create(account, span_of("y"), 0) == ACCOUNT_LIMIT &&
		access("m/.y", F_OK) == -1);
	account->settings.folders_max = folders_max;
	if (unlink("m/.link") == -1)
		exit(1);
}

/* ---- what is deleted ---- */

static enum account_status
make_and_delete(struct account *account, const char *name)
{
	if (account_create(account, span_of(name), 0) != ACCOUNT_OK)
		exit(1);
	return account_delete(account, span_of(name));
}

/* One that another program put things into. */
static void
make_strange(struct account *account)
{
	if (account_create(account, span_of("Strange"), 0) != ACCOUNT_OK)
		exit(1);
	if (mkdir("m/.Strange/courierimapkeywords", 0700) == -1 ||
	    mkdir("m/.Strange/courierimapkeywords/deep", 0700) == -1 ||
	    mkdir("elsewhere", 0700) == -1 ||
	    symlink("../../elsewhere", "m/.Strange/link") == -1)
		exit(1);
	put("m/.Strange/courierimapkeywords/deep/:list", "$Label\n");
	put("elsewhere/kept", "kept\n");
}

/* More levels than are removed. */
static void
make_deep(const char *path)
{
	int home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (home == -1 || chdir(path) == -1)
		exit(1);
	for (int i = 0; i < 40; i++)
		if (mkdir("d", 0700) == -1 || chdir("d") == -1)
			exit(1);
	if (fchdir(home) == -1)
		exit(1);
	close(home);
}

static void
test_delete(struct account *account)
{
	make_strange(account);
	CHECK("a folder goes with all that is in it",
	    account_delete(account, span_of("Strange")) == ACCOUNT_OK &&
		access("m/.Strange", F_OK) == -1 &&
		access("m/estafeta-old-folder", F_OK) == -1);
	CHECK("but not what a link leads to",
	    file_is("elsewhere/kept", "kept\n"));
	if (symlink("../elsewhere", "m/.evil") == -1)
		exit(1);
	put("m/.file", "not a folder\n");
	CHECK("a link and a file are no folders",
	    account_delete(account, span_of("evil")) == ACCOUNT_NONEXISTENT &&
		account_delete(account, span_of("file")) ==
		    ACCOUNT_NONEXISTENT &&
		file_is("m/.file", "not a folder\n") &&
		file_is("m/.evil/kept", "kept\n"));
	CHECK("others can be deleted after that",
	    make_and_delete(account, "Usual") == ACCOUNT_OK);
	if (symlink("../elsewhere", "m/estafeta-old-folder") == -1)
		exit(1);
	CHECK("whatever has the name that it is given",
	    make_and_delete(account, "Usual") == ACCOUNT_OK &&
		access("m/estafeta-old-folder", F_OK) == -1 &&
		file_is("elsewhere/kept", "kept\n"));
	if (account_create(account, span_of("Deep"), 0) != ACCOUNT_OK)
		exit(1);
	make_deep("m/.Deep");
	CHECK("one that is too deep loses its name",
	    account_delete(account, span_of("Deep")) == ACCOUNT_OK &&
		access("m/.Deep", F_OK) == -1 &&
		access("m/estafeta-old-folder", F_OK) == 0);
	CHECK("and is in nobody's way",
	    make_and_delete(account, "Usual") == ACCOUNT_OK &&
		access("m/estafeta-old-folder.1", F_OK) == -1);
}

/* ---- flags ---- */

/* Another program, which renames a message right before each try of ours. */
static struct {
	int tries; /* that it is faster than */
	bool has_flag;
	bool is_at_both; /* one that we are done with, when the next comes */
} rival;

/* Instead of the C library's: called by lib/store. */
int
renameat(int from, const char *old, int to, const char *new)
{
	static const char *const names[] = { "m/.Busy/cur/1.a.host:2,",
		"m/.Busy/cur/1.a.host:2,F" };

	if (rival.tries > 0 && strncmp(old, "1.a.host:", 9) == 0) {
		rival.tries--;
		if (rename(names[rival.has_flag], names[!rival.has_flag]) == -1)
			exit(1);
		rival.has_flag = !rival.has_flag;
	}
	if (rival.is_at_both && strncmp(old, "2.b.host:", 9) == 0) {
		rival.is_at_both = false;
		if (rename("m/.Pair/cur/1.a.host:2,S",
			"m/.Pair/cur/1.a.host:2,RS") == -1 ||
		    rename("m/.Pair/cur/2.b.host:2,",
			"m/.Pair/cur/2.b.host:2,F") == -1)
			exit(1);
	}
	return renameat2(from, old, to, new, 0);
}

/* What a change finds changed by another on its way has one MODSEQ, the last.
 */
static void
test_modseq(struct account *account)
{
	const size_t both[] = { 0, 1 };
	struct folder_counts counts;

	if (account_create(account, span_of("Pair"), 0) != ACCOUNT_OK)
		exit(1);
	put("m/.Pair/cur/1.a.host:2,", message);
	put("m/.Pair/cur/2.b.host:2,", message);
	struct folder *folder = open_folder(account, "Pair");
	rival.is_at_both = true;
	CHECK("both are changed, by both",
	    folder_change_flags(folder, both, 2, FLAGS_ADD, MESSAGE_SEEN, 0,
		UINT64_MAX, NULL, NULL) == ACCOUNT_OK &&
		access("m/.Pair/cur/1.a.host:2,RS", F_OK) == 0 &&
		access("m/.Pair/cur/2.b.host:2,FS", F_OK) == 0);
	struct folder *other = open_folder(account, "Pair");
	folder_counts(other, &counts);
	CHECK("the list says so",
	    (folder_message(other, 0)->flags & MESSAGE_ANSWERED) != 0 &&
		(folder_message(other, 1)->flags & MESSAGE_FLAGGED) != 0);
	CHECK("no change is older than what was told on the way",
	    folder_message(other, 0)->modseq == counts.highest_modseq &&
		folder_message(other, 1)->modseq == counts.highest_modseq);
	folder_close(other);
	folder_close(folder);
}

static void
test_flags(struct account *account)
{
	const size_t both[] = { 0, 1 };

	if (account_create(account, span_of("Busy"), 0) != ACCOUNT_OK)
		exit(1);
	put("m/.Busy/cur/1.a.host:2,", message);
	put("m/.Busy/cur/2.b.host:2,", message);
	struct folder *folder = open_folder(account, "Busy");
	if (folder_count(folder) != 2)
		exit(1);
	rival.tries = 1;
	CHECK("what was renamed once is found",
	    folder_change_flags(folder, both, 2, FLAGS_ADD, MESSAGE_ANSWERED, 0,
		UINT64_MAX, NULL, NULL) == ACCOUNT_OK &&
		access("m/.Busy/cur/1.a.host:2,FR", F_OK) == 0 &&
		access("m/.Busy/cur/2.b.host:2,R", F_OK) == 0);
	if (rename("m/.Busy/cur/1.a.host:2,FR", "m/.Busy/cur/1.a.host:2,F") ==
		-1 ||
	    folder_refresh(folder) != ACCOUNT_OK)
		exit(1);
	rival.tries = 2;
	CHECK("flags that could not be set are not said to be",
	    folder_change_flags(folder, both, 2, FLAGS_ADD, MESSAGE_SEEN, 0,
		UINT64_MAX, NULL, NULL) == ACCOUNT_IN_USE &&
		access("m/.Busy/cur/1.a.host:2,F", F_OK) == 0);
	CHECK("the others' are set",
	    access("m/.Busy/cur/2.b.host:2,RS", F_OK) == 0);
	CHECK("the next try is free to succeed",
	    folder_change_flags(folder, both, 2, FLAGS_ADD, MESSAGE_SEEN, 0,
		UINT64_MAX, NULL, NULL) == ACCOUNT_OK &&
		access("m/.Busy/cur/1.a.host:2,FS", F_OK) == 0);
	folder_close(folder);
}

/* ---- the quota ---- */

/* With the message that waits for it. */
static enum account_status
ask_for_second(struct account *account, uint64_t octets)
{
	struct folder_append *append = NULL;

	if (folder_append_begin(&append, account, span_of("INBOX")) !=
		ACCOUNT_OK ||
	    folder_append_message(append, 0, NULL, 0, INT64_MIN) !=
		ACCOUNT_OK ||
	    folder_append_room(append, 600) != ACCOUNT_OK)
		exit(1);
	for (int i = 0; i < 600; i++)
		folder_append_bytes(append, span_of("x"));
	folder_append_message(append, 0, NULL, 0, INT64_MIN);
	enum account_status status = folder_append_room(append, octets);
	CHECK("what is refused is not taken",
	    folder_append_bytes(append, span_of(message)) == status);
	folder_append_free(append);
	return status;
}

static void
test_quota(void)
{
	/* Another account. */
	if (mkdir("quota", 0700) == -1 || chdir("quota") == -1)
		exit(1);
	struct account *account = open_account();
	account->settings.octets_max = 1000;
	account->settings.messages_max = 3;
	CHECK("within the quota", ask_for_second(account, 400) == ACCOUNT_OK);
	CHECK("above it", ask_for_second(account, 401) == ACCOUNT_OVER_QUOTA);
	CHECK("far above it",
	    ask_for_second(account, UINT64_MAX - 600) == ACCOUNT_OVER_QUOTA);
	CHECK("above all numbers",
	    ask_for_second(account, UINT64_MAX) == ACCOUNT_LIMIT);
	CHECK("two that came",
	    append_one(account, "INBOX", "") == ACCOUNT_OK &&
		append_one(account, "INBOX", "") == ACCOUNT_OK);
	CHECK("two more are one too many",
	    ask_for_second(account, 1) == ACCOUNT_OVER_QUOTA);
	account_close(account);
}

int
main(void)
{
	scratch_enter();
	struct account *account = open_account();
	test_folders(account);
	test_keywords(account);
	test_delete(account);
	test_flags(account);
	test_modseq(account);
	account_close(account);
	test_quota();
	return test_result();
}
