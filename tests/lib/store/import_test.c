/*
 * import_test - a folder that Dovecot or Courier served keeps its UIDs; more
 * keywords than a name has letters; subscriptions, special use, quota.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "lib/store/maildir.h"
#include "scratch.h"
#include "store/folder.h"
#include "test.h"

static void
make_mail(void)
{
	make_maildir("m");
	put("m/cur/10.a.host:2,Sa", "\n");
	put("m/cur/20.b.host,S=1,W=2:2,", "\n");
	put("m/new/30.c.host", "\n");
	put("m/dovecot-uidlist", "3 V1234567 N99 G0011223344556677\n"
				 "7 S1 W2 Pold-uidl :20.b.host,S=1,W=2\n"
				 "9 :10.a.host\n"
				 "11 :5.gone.host\n");
	put("m/dovecot-keywords", "0 $Label1\n1 two\n");
	put("m/subscriptions", "V\t2\n\nA\tB\nINBOX\n");
	make_maildir("m/.Courier");
	put("m/.Courier/cur/10.a.host:2,", "\n");
	put("m/.Courier/courierimapuiddb", "1 777 6\n5 10.a.host\n");
}

static void
test_dovecot(struct account *account)
{
	struct folder *folder = open_folder(account, "INBOX");
	struct folder_counts counts;
	uint64_t octets = 0;

	folder_counts(folder, &counts);
	CHECK("Dovecot's UIDVALIDITY", counts.uid_validity == 1234567);
	CHECK("its UIDs, in its order",
	    folder_count(folder) == 3 && folder_message(folder, 0)->uid == 7 &&
		folder_message(folder, 1)->uid == 9);
	CHECK("the new one comes after its UIDNEXT",
	    folder_message(folder, 2)->uid == 99 && counts.uid_next == 100);
	CHECK("flags and keywords of the name",
	    (folder_message(folder, 1)->flags & MESSAGE_SEEN) &&
		folder_message(folder, 1)->keywords == 1 &&
		span_equal(folder_keyword(folder, 0), span_of("$Label1")));
	CHECK("the size of the name",
	    folder_octets(folder, 0, &octets) == ACCOUNT_OK && octets == 2);
	folder_close(folder);
	folder = open_folder(account, "Courier");
	folder_counts(folder, &counts);
	CHECK("Courier's", counts.uid_validity == 777 && counts.uid_next == 6 &&
			       folder_message(folder, 0)->uid == 5);
	folder_close(folder);
}

static void
test_keywords(struct account *account)
{
	struct folder *folder = open_folder(account, "INBOX");
	struct folder *other = open_folder(account, "INBOX");
	const size_t first[] = { 0 };
	uint64_t all = 0;
	char name[32];

	for (int i = 2; i < FOLDER_KEYWORDS_MAX; i++) {
		snprintf(name, sizeof(name), "word%d", i);
		all |= folder_keyword_bit(folder, span_of(name), true);
	}
	CHECK("64 keywords", all == ~(uint64_t)3);
	CHECK("no more", folder_keyword_bit(folder, span_of("x"), true) == 0);
	CHECK("in any case",
	    folder_keyword_bit(folder, span_of("WORD2"), false) == 4);
	CHECK("none is made of a space",
	    folder_keyword_bit(folder, span_of("a b"), true) == 0);
	CHECK(
	    "all at once", folder_change_flags(folder, first, 1, FLAGS_REPLACE,
			       0, all, UINT64_MAX, NULL, NULL) == ACCOUNT_OK);
	folder_close(folder);
	CHECK("another session sees them",
	    folder_refresh(other) == ACCOUNT_OK &&
		folder_message(other, 0)->keywords == all &&
		span_equal(folder_keyword(other, 63), span_of("word63")));
	folder_close(other);
	folder = open_folder(account, "INBOX");
	CHECK("so does a new one",
	    folder_message(folder, 0)->keywords == all &&
		span_equal(folder_keyword(folder, 25), span_of("word25")) &&
		span_equal(folder_keyword(folder, 40), span_of("word40")));
	folder_close(folder);
}

static void
test_others(struct account *account)
{
	struct folder *folder = open_folder(account, "INBOX");
	uint64_t modseq = folder_message(folder, 1)->modseq;

	/* mutt, say. */
	if (rename("m/cur/10.a.host:2,Sa", "m/cur/10.a.host:2,FSab") == -1)
		exit(1);
	put("m/cur/40.d.host:2,PR", "\n");
	CHECK("another program's changes are seen",
	    folder_refresh(folder) == ACCOUNT_OK &&
		folder_message(folder, 1)->is_changed &&
		folder_message(folder, 1)->keywords == 3 &&
		folder_message(folder, 1)->modseq > modseq &&
		folder_count(folder) == 4);
	const size_t last[] = { 3 };
	CHECK("a flag that IMAP has not is kept",
	    folder_change_flags(folder, last, 1, FLAGS_REPLACE, MESSAGE_SEEN, 0,
		UINT64_MAX, NULL, NULL) == ACCOUNT_OK &&
		access("m/cur/40.d.host:2,PS", F_OK) == 0);
	if (unlink("m/cur/40.d.host:2,PS") == -1)
		exit(1);
	struct folder_section *section;
	uint64_t octets;
	CHECK("a file that goes is a message that is gone",
	    folder_internal_date(folder, 3, &(int64_t){ 0 }) ==
		    ACCOUNT_NONEXISTENT &&
		folder_message(folder, 3)->is_expunged);
	CHECK(
	    "it stays so", folder_section_open(folder, 3,
			       &(const struct section){ .kind = SECTION_TEXT },
			       &section, &octets) == ACCOUNT_NONEXISTENT);
	folder_close(folder);
}

static bool
count_subscribed(void *context, const struct account_folder *folder)
{
	if (folder->attributes & FOLDER_SUBSCRIBED)
		buf_printf(context, "%.*s %d,", (int)folder->name.len,
		    folder->name.ptr,
		    (folder->attributes & FOLDER_NONEXISTENT) != 0);
	return true;
}

static void
test_account(struct account *account)
{
	struct buf text = buf_new(4096);
	struct account_quota quota;

	account_list(account, count_subscribed, &text);
	CHECK("subscriptions",
	    span_equal(buf_span(&text), span_of("INBOX 0,A/B 1,")));
	CHECK("subscribe",
	    account_subscribe(account, span_of("\xc3\xa4"), true) ==
		    ACCOUNT_OK &&
		account_subscribe(account, span_of("A/B"), false) ==
		    ACCOUNT_OK &&
		file_is("m/subscriptions", "V\t2\n\nINBOX\n&AOQ-\n"));
	CHECK("special use", account_create(account, span_of("Out"),
				 FOLDER_SENT) == ACCOUNT_OK &&
				 account_rename(account, span_of("Out"),
				     span_of("Gone out")) == ACCOUNT_OK &&
				 file_is("m/estafeta-specialuse",
				     "drafts Drafts\nsent Sent\njunk Junk\n"
				     "trash Trash\narchive Archive\n"
				     "sent Gone out\n"));
	CHECK("quota counts", account_quota(account, &quota) == ACCOUNT_OK &&
				  quota.messages == 4 && quota.octets == 4 &&
				  quota.octets_max == 0);
	buf_free(&text);
}

/* Each change is a line; the sum is what is there. */
static void
test_quota(struct account *account)
{
	struct folder_copied copied = { .uids = NULL };
	struct account_quota quota;
	const size_t first[] = { 0 };

	put("m/maildirsize", "0S,0C\n4 4\n");
	struct folder *folder = open_folder(account, "INBOX");
	CHECK("a copy counts",
	    folder_copy(folder, first, 1, span_of("Courier"), false, &copied) ==
		    ACCOUNT_OK &&
		file_is("m/maildirsize", "0S,0C\n4 4\n1 1\n"));
	free(copied.uids);
	CHECK("what is expunged counts",
	    folder_expunge(folder, first, 1) == ACCOUNT_OK &&
		account_quota(account, &quota) == ACCOUNT_OK &&
		quota.messages == 4 && quota.octets == 4);
	folder_close(folder);
	put("m/maildirsize", "garbage");
	CHECK("garbage is counted anew",
	    account_quota(account, &quota) == ACCOUNT_OK &&
		quota.messages == 4 &&
		file_is("m/maildirsize", "0S,0C\n4 4\n"));
}

static void
note_name(void *context, struct span name)
{
	buf_add(context, name);
}

static void
test_watch(struct account *account)
{
	struct buf text = buf_new(4096);
	int fd = account_watch(account, span_of("inbox"), true);

	CHECK("watched", fd != -1);
	put("m/tmp/x", "\n");
	if (rename("m/tmp/x", "m/new/50.x.host") == -1)
		exit(1);
	CHECK("news", account_watched(account, note_name, &text) &&
			  span_equal(buf_span(&text), span_of("INBOX")));
	account_watch(account, span_of("INBOX"), false);
	buf_free(&text);
}

int
main(void)
{
	scratch_enter();
	make_mail();
	struct account *account = open_account();
	test_dovecot(account);
	test_keywords(account);
	test_others(account);
	test_account(account);
	test_quota(account);
	test_watch(account);
	account_close(account);
	return test_result();
}
