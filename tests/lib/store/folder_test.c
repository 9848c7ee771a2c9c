/*
 * folder_test - accounts and folders as IMAP uses them, in a Maildir of its
 * own.
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

static const struct section whole = { .kind = SECTION_WHOLE };

static bool
section_is(struct folder *folder, size_t i, const struct section *section,
    const char *want)
{
	struct buf text = buf_new(1 << 20);
	struct folder_section *opened;
	uint64_t octets = 0;
	bool is_same = folder_section_open(
			   folder, i, section, &opened, &octets) == ACCOUNT_OK;

	if (is_same) {
		is_same = folder_section_read(opened, 0, UINT64_MAX, collect,
			      &text) == ACCOUNT_OK &&
			  span_equal(buf_span(&text), span_of(want)) &&
			  octets == text.len;
		folder_section_close(opened);
	}
	if (!is_same)
		printf("# %.*s\n", (int)text.len, text.data);
	buf_free(&text);
	return is_same;
}

static bool
list_names(void *context, const struct account_folder *folder)
{
	struct buf *text = context;

	buf_add(text, folder->name);
	buf_printf(text, " %x\n", folder->attributes);
	return true;
}

static bool
list_is(struct account *account, const char *want)
{
	struct buf text = buf_new(1 << 16);
	bool is_same = account_list(account, list_names, &text) &&
		       span_equal(buf_span(&text), span_of(want));

	if (!is_same)
		printf("# list:\n%.*s", (int)text.len, text.data);
	buf_free(&text);
	return is_same;
}

static void
test_account(struct account *account)
{
	CHECK("a new account has its special folders",
	    list_is(account,
		"INBOX 0\nArchive 208\nDrafts 408\nJunk 1008\nSent 2008\n"
		"Trash 4008\n"));
	CHECK("create below what is not there",
	    account_create(account, span_of("A/B.c/\xc3\xa4"), 0) ==
		ACCOUNT_OK);
	CHECK("on disk it has Dovecot's name",
	    access("m/.A.B&AC4-c.&AOQ-/cur", F_OK) == 0);
	CHECK("twice is once",
	    account_create(account, span_of("A/B.c/\xc3\xa4"), 0) ==
		ACCOUNT_EXISTS);
	CHECK("no empty level",
	    account_create(account, span_of("A//b"), 0) == ACCOUNT_INVALID);
	CHECK("no way out",
	    account_create(account, span_of("../../x"), 0) != ACCOUNT_OK ||
		access("x", F_OK) == -1);
	CHECK("INBOX is there",
	    account_create(account, span_of("inbox"), 0) == ACCOUNT_EXISTS);
	CHECK("rename with all below", account_rename(account, span_of("A"),
					   span_of("Z/y")) == ACCOUNT_OK);
	CHECK("renamed", access("m/.Z.y.B&AC4-c.&AOQ-/cur", F_OK) == 0);
	CHECK("delete",
	    account_delete(account, span_of("Z/y/B.c/\xc3\xa4")) == ACCOUNT_OK);
	CHECK("deleted: not there",
	    account_delete(account, span_of("Z")) == ACCOUNT_NONEXISTENT);
}

static void
test_folder(struct account *account)
{
	put_bytes("m/new/1000.a.host",
	    span_of("From: a@b\nSubject: =?utf-8?q?caf=C3=A9?=\n\nhello\n"));
	put_bytes(
	    "m/cur/1001.b.host:2,FS", span_of("Subject: two\r\n\r\nb\r\n"));
	struct folder *folder = open_folder(account, "INBOX");
	struct folder_counts counts;
	struct span text;
	uint64_t wanted = 3;

	folder_counts(folder, &counts);
	CHECK("two messages", folder_count(folder) == 2);
	CHECK(
	    "one recent, one unseen", counts.recent == 1 && counts.unseen == 1);
	CHECK("moved to cur", access("m/cur/1000.a.host:2,", F_OK) == 0);
	CHECK("CRLF", section_is(folder, 0, &whole,
			  "From: a@b\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n"
			  "\r\nhello\r\n"));
	CHECK("CRLF stays",
	    section_is(folder, 1, &whole, "Subject: two\r\n\r\nb\r\n"));
	CHECK("envelope",
	    folder_envelope(folder, 0, false, &text) == ACCOUNT_OK &&
		span_equal(text,
		    span_of("(NIL \"=?utf-8?q?caf=C3=A9?=\" "
			    "((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) "
			    "((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL)")));
	CHECK("structure",
	    folder_structure(folder, 1, true, false, &text) == ACCOUNT_OK &&
		span_equal(text,
		    span_of("(\"text\" \"plain\" (\"charset\" \"us-ascii\") "
			    "NIL NIL \"7bit\" 3 1 NIL NIL NIL NIL)")));
	CHECK("subject search, decoded and folded",
	    folder_match(folder, FOLDER_TEXT_FIELD, span_of("subject"),
		span_of("CAF\xc3\x89"), &wanted) == ACCOUNT_OK &&
		wanted == 1);
	for (int round = 0; round < 2; round++) {
		wanted = 3;
		CHECK("body search",
		    folder_match(folder, FOLDER_TEXT_BODY, span_of(""),
			span_of("HELL"), &wanted) == ACCOUNT_OK &&
			wanted == 1);
		wanted = 3;
		CHECK("what the header has is not the body's",
		    folder_match(folder, FOLDER_TEXT_BODY, span_of(""),
			span_of("two"), &wanted) == ACCOUNT_OK &&
			wanted == 0);
	}
	folder_close(folder);
}

static void
note_uid(void *context, size_t i, uint32_t uid)
{
	(void)i;
	buf_printf(context, "%u ", uid);
}

static void
note_range(void *context, uint32_t first, uint32_t last)
{
	buf_printf(context, "%u:%u ", first, last);
}

static bool
text_is(struct buf *text, const char *want)
{
	bool is_same = span_equal(buf_span(text), span_of(want));

	if (!is_same)
		printf("# %.*s\n", (int)text->len, text->data);
	buf_clear(text);
	return is_same;
}

static void
test_changes(struct account *account)
{
	struct folder *one = open_folder(account, "INBOX");
	struct folder *other = open_folder(account, "INBOX");
	const size_t both[] = { 0, 1 };
	struct folder_counts before;
	struct folder_counts after;
	struct buf text = buf_new(4096);
	uint64_t bit = folder_keyword_bit(one, span_of("$Forwarded"), true);

	folder_counts(one, &before);
	CHECK("a keyword gets a bit", bit == 1);
	CHECK("flags",
	    folder_change_flags(one, both, 2, FLAGS_ADD, MESSAGE_ANSWERED, bit,
		UINT64_MAX, NULL, NULL) == ACCOUNT_OK);
	CHECK("the names say so",
	    access("m/cur/1000.a.host:2,Ra", F_OK) == 0 &&
		access("m/cur/1001.b.host:2,FRSa", F_OK) == 0);
	CHECK("own changes are no news", !folder_message(one, 0)->is_changed);
	CHECK("the other sees them",
	    folder_refresh(other) == ACCOUNT_OK &&
		folder_message(other, 0)->is_changed &&
		folder_message(other, 0)->keywords == bit &&
		(folder_message(other, 1)->flags & MESSAGE_ANSWERED));
	CHECK("and the keyword's name",
	    span_equal(folder_keyword(other, 0), span_of("$Forwarded")));
	folder_counts(other, &after);
	CHECK("modseq rose", after.highest_modseq > before.highest_modseq);
	CHECK("unchanged since: refused",
	    folder_change_flags(one, both, 2, FLAGS_ADD, MESSAGE_FLAGGED, 0,
		before.highest_modseq, NULL, NULL) == ACCOUNT_OK &&
		!(folder_message(one, 0)->flags & MESSAGE_FLAGGED));
	CHECK("expunge", folder_expunge(one, both, 1) == ACCOUNT_OK &&
			     folder_message(one, 0)->is_expunged);
	folder_drop_expunged(one, note_uid, &text);
	CHECK("it had UID 1", text_is(&text, "1 "));
	CHECK(
	    "the other sees it go", folder_refresh(other) == ACCOUNT_OK &&
					folder_message(other, 0)->is_expunged);
	CHECK("and since when",
	    folder_gone_modseq(other) == after.highest_modseq + 1 &&
		folder_gone_modseq(one) == 0);
	CHECK("vanished",
	    folder_vanished(one, after.highest_modseq, note_range, &text) &&
		text_is(&text, "1:1 "));
	folder_close(other);
	folder_close(one);
	buf_free(&text);
}

/* Of the message whose copy with all its flags is the first in Trash. */
static void
test_copy_without(struct account *account, struct folder *sent)
{
	struct folder_copied copied = { .uids = NULL };
	const size_t first[] = { 0 };
	const struct folder_copying copying = { .target = span_of("Trash"),
		.lost_flags = MESSAGE_SEEN | MESSAGE_DELETED,
		.has_no_keywords = true };
	CHECK("copy without flags", folder_copy_without(sent, first, 1,
					&copying, &copied) == ACCOUNT_OK &&
					copied.uids[0] == 2);
	free(copied.uids);
	struct folder *trash = open_folder(account, "Trash");
	CHECK("they are without",
	    folder_count(trash) == 2 &&
		folder_message(trash, 0)->flags & MESSAGE_SEEN &&
		folder_message(trash, 0)->keywords != 0 &&
		!(folder_message(trash, 1)->flags & MESSAGE_SEEN) &&
		folder_message(trash, 1)->keywords == 0);
	folder_close(trash);
}

static void
test_copies(struct account *account)
{
	struct folder_append *append = NULL;
	struct folder_copied copied = { .uids = NULL };
	const struct span keyword = span_of("Label");
	const size_t first[] = { 0 };

	CHECK("append begins", folder_append_begin(&append, account,
				   span_of("Sent")) == ACCOUNT_OK);
	for (int k = 0; k < 2; k++) {
		folder_append_message(append, MESSAGE_SEEN, &keyword, 1, 86400);
		folder_append_bytes(append, span_of("Subject: x\r\n\r\nbody"));
	}
	CHECK("append commits",
	    folder_append_commit(append, &copied) == ACCOUNT_OK &&
		copied.uids[0] == 1 && copied.uids[1] == 2);
	free(copied.uids);
	folder_append_free(append);
	struct folder *sent = open_folder(account, "Sent");
	int64_t date = 0;
	CHECK("there, as it was given",
	    section_is(sent, 1, &whole, "Subject: x\r\n\r\nbody"));
	CHECK("its date", folder_internal_date(sent, 1, &date) == ACCOUNT_OK &&
			      date == 86400);
	CHECK("its flags", (folder_message(sent, 1)->flags & MESSAGE_SEEN) &&
			       folder_message(sent, 1)->keywords == 1);
	CHECK("copy", folder_copy(sent, first, 1, span_of("Trash"), false,
			  &copied) == ACCOUNT_OK &&
			  copied.uids[0] == 1);
	free(copied.uids);
	test_copy_without(account, sent);
	CHECK("copy onto itself", folder_copy(sent, first, 1, span_of("Sent"),
				      false, &copied) == ACCOUNT_OK &&
				      copied.uids[0] == 3);
	free(copied.uids);
	CHECK("it is new there", folder_count(sent) == 2 &&
				     folder_refresh(sent) == ACCOUNT_OK &&
				     folder_count(sent) == 3);
	CHECK("move",
	    folder_copy(sent, first, 1, span_of("Trash"), true, &copied) ==
		    ACCOUNT_OK &&
		copied.uids[0] == 3 && folder_message(sent, 0)->is_expunged);
	free(copied.uids);
	CHECK("move onto itself",
	    folder_copy(sent, (const size_t[]){ 1 }, 1, span_of("Sent"), true,
		&copied) == ACCOUNT_OK &&
		copied.uids[0] == 4);
	free(copied.uids);
	CHECK("no target", folder_copy(sent, first, 1, span_of("None"), false,
			       &copied) == ACCOUNT_NONEXISTENT);
	folder_close(sent);
	struct folder_counts counts;
	CHECK("status",
	    account_counts(account, span_of("Trash"), &counts) == ACCOUNT_OK &&
		counts.messages == 3 && counts.uid_next == 4);
	CHECK("status again",
	    account_counts(account, span_of("Trash"), &counts) == ACCOUNT_OK &&
		counts.messages == 3 && counts.uid_next == 4);
	CHECK("status of Sent",
	    account_counts(account, span_of("Sent"), &counts) == ACCOUNT_OK &&
		counts.messages == 2 && counts.uid_next == 5);
}

int
main(void)
{
	scratch_enter();
	struct account *account = open_account();
	test_account(account);
	test_folder(account);
	test_changes(account);
	test_copies(account);
	account_close(account);
	return test_result();
}
