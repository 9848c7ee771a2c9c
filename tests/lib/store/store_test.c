/*
 * store_test - Maildir and mbox as POP3 reads them, in a folder of its own.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "scratch.h"
#include "store/store.h"
#include "test.h"

static void
put(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);

	if (fd == -1 || !write_all(fd, span_of(text)))
		exit(1);
	close(fd);
}

static bool
file_is(const char *path, const char *want)
{
	struct buf text = buf_new(1 << 20);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_same = fd != -1 && read_all(fd, &text, 1000) == IO_OK &&
		       span_equal(buf_span(&text), span_of(want));

	if (!is_same)
		printf("# %s is not as it should be\n", path);
	if (fd != -1)
		close(fd);
	buf_free(&text);
	return is_same;
}

static bool
collect(void *context, struct span piece)
{
	buf_add(context, piece);
	return true;
}

/* The message is want, and its size says so. */
static bool
message_is(struct store *store, size_t i, const char *want)
{
	struct buf text = buf_new(1 << 20);
	uint64_t octets = 0;
	bool is_same = store_read(store, i, collect, &text) &&
		       span_equal(buf_span(&text), span_of(want)) &&
		       store_octets(store, i, &octets) && octets == text.len;

	buf_free(&text);
	return is_same;
}

static struct store *
open_store(const char *name)
{
	struct store *store = NULL;

	if (store_open(&store, name, 1000, NULL) != STORE_OK)
		exit(1);
	return store;
}

static void
test_maildir(void)
{
	struct store *other;

	mkdir("m", 0700);
	mkdir("m/new", 0700);
	mkdir("m/cur", 0700);
	put("m/new/2.b.host", "Subject: b\n\nline\n", 0);
	put("m/cur/1.a.host:2,S", "Subject: a\r\n\r\nno end", 0);
	put("m/new/3.c host", "", 0);
	put("m/new/.hidden", "x", 0);
	struct store *store = open_store("maildir:m");
	CHECK("three messages", store_count(store) == 3);
	CHECK("a second session is refused",
	    store_open(&other, "maildir:m", 100, NULL) == STORE_BUSY);
	CHECK("unique-id without flags",
	    strcmp(store_uidl(store, 0), "1.a.host") == 0);
	CHECK(
	    "a blank in a name is hashed", strlen(store_uidl(store, 2)) == 32);
	CHECK("CRLF stays, the last line gets one",
	    message_is(store, 0, "Subject: a\r\n\r\nno end\r\n"));
	CHECK("LF becomes CRLF",
	    message_is(store, 1, "Subject: b\r\n\r\nline\r\n"));
	CHECK("an empty message", message_is(store, 2, ""));
	CHECK("rename", rename("m/new/2.b.host", "m/cur/2.b.host:2,RS") == 0);
	CHECK("a renamed message is found",
	    message_is(store, 1, "Subject: b\r\n\r\nline\r\n"));
	CHECK("renamed again",
	    rename("m/cur/2.b.host:2,RS", "m/cur/2.b.host:2,S") == 0);
	put("m/new/4.d.host", "late\n", 0);
	store_mark(store, 1, true);
	store_mark(store, 0, true);
	store_mark(store, 0, false);
	CHECK("commit", store_commit(store));
	store_close(store);
	CHECK("deleted", access("m/cur/2.b.host:2,S", F_OK) == -1);
	store = open_store("maildir:m");
	CHECK("the others stay, with what came in", store_count(store) == 3);
	CHECK("the same unique-id in a later session",
	    strcmp(store_uidl(store, 0), "1.a.host") == 0);
	unlink("m/new/4.d.host");
	char uidl[80];
	snprintf(uidl, sizeof(uidl), "%s", store_uidl(store, 2));
	uint64_t octets;
	size_t gone = strcmp(uidl, "4.d.host") == 0 ? 2 : 1;
	CHECK("one that is gone",
	    !store_octets(store, gone, &octets) && errno == ENOENT);
	store_mark(store, gone, true);
	CHECK("to delete it is no error", store_commit(store));
	store_close(store);
	store = open_store("maildir:nowhere");
	CHECK("no folder is an empty mailbox", store_count(store) == 0);
	store_close(store);
}

static uint64_t
size_of(struct store *store, size_t i)
{
	uint64_t octets = 0;

	return store_octets(store, i, &octets) ? octets : UINT64_MAX;
}

/* Put another size into the file of sizes: what it says is believed. */
static bool
forge_size(const char *path, const char *from, const char *to)
{
	struct buf text = buf_new(1 << 20);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	bool is_done = fd != -1 && read_all(fd, &text, 1000) == IO_OK;
	const char *all = buf_string(&text);
	const char *at = is_done && all != NULL ? strstr(all, from) : NULL;

	is_done = at != NULL &&
		  pwrite(fd, to, strlen(to), at - all) == (ssize_t)strlen(to);
	if (fd != -1)
		close(fd);
	buf_free(&text);
	return is_done;
}

static void
test_sizes(void)
{
	mkdir("s", 0700);
	mkdir("s/new", 0700);
	mkdir("s/cur", 0700);
	put("s/new/1.a.host", "Subject: a\n\nline\n", 0);
	put("s/cur/2.b,S=4,W=6:2,", "a\nb\n", 0);
	put("s/cur/3.c,S=4,W=9:2,", "a\nbc", 0);
	put("s/cur/4.d,S=5,W=6:2,", "a\nb\n", 0);
	put("s/cur/5.e,W=7:2,", "a\nb\n", 0);
	struct store *store = open_store("maildir:s");
	CHECK("counted", size_of(store, 0) == 20);
	CHECK("as the name says", size_of(store, 1) == 6);
	CHECK("not if the last line is open", size_of(store, 2) == 7);
	CHECK("nor if S is wrong or not there",
	    size_of(store, 3) == 6 && size_of(store, 4) == 6);
	store_close(store);
	CHECK("kept", forge_size("s/.pop3.sizes", "20 17 ", "21 17 "));
	store = open_store("maildir:s");
	CHECK("and believed the next time", size_of(store, 0) == 21);
	store_close(store);
	CHECK("but not of another file",
	    forge_size("s/.pop3.sizes", "21 17 ", "21 16 "));
	store = open_store("maildir:s");
	CHECK("that has another length", size_of(store, 0) == 20);
	store_close(store);
	store = open_store("maildir:s");
	CHECK("what was learned was added", size_of(store, 0) == 20);
	store_close(store);
	put("s/.pop3.sizes", "estafeta sizes 1\nx\n1 2\n\n9 9 9\n", O_TRUNC);
	store = open_store("maildir:s");
	CHECK("rubbish is passed over", size_of(store, 0) == 20);
	store_close(store);
}

static void
test_seen(void)
{
	mkdir("f", 0700);
	mkdir("f/new", 0700);
	mkdir("f/cur", 0700);
	put("f/new/1.a", "a\n", 0);
	put("f/cur/2.b:2,FT", "b\n", 0);
	put("f/cur/3.c:2,RS", "c\n", 0);
	put("f/new/4.d", "d\n", 0);
	put("f/new/5.e", "e\n", 0);
	struct store *store = open_store("maildir:f");
	for (size_t i = 0; i < 4; i++)
		store_mark_seen(store, i);
	store_mark(store, 3, true);
	CHECK("before QUIT nothing moves", access("f/new/1.a", F_OK) == 0);
	CHECK("commit", store_commit(store));
	store_close(store);
	CHECK("new to cur", access("f/cur/1.a:2,S", F_OK) == 0);
	CHECK("the flag in its place", access("f/cur/2.b:2,FST", F_OK) == 0);
	CHECK("one that has it", access("f/cur/3.c:2,RS", F_OK) == 0);
	CHECK("deleted is deleted", access("f/new/4.d", F_OK) == -1 &&
					access("f/cur/4.d:2,S", F_OK) == -1);
	CHECK("not read is new", access("f/new/5.e", F_OK) == 0);
}

static const char first[] = "From a@x Tue Nov 24 11:00:00 2026\n"
			    "Subject: one\nStatus: O\n\n>From here\n"
			    ">>From there\nnot after an empty line:\n"
			    "From nobody\n\n\nend\n\n\n";
static const char first_sent[] = "Subject: one\r\nStatus: O\r\n\r\n"
				 "From here\r\n>From there\r\n"
				 "not after an empty line:\r\nFrom nobody\r\n"
				 "\r\n\r\nend\r\n\r\n";
static const char second[] = "From b@x Tue Nov 24 11:00:00 2026\n"
			     "Subject: two\n\ntwo\n\n";
static const char third[] = "From c@x Tue Nov 24 11:00:00 2026\n"
			    "Subject: three\n\nthree\n\n";

static void
test_mbox(void)
{
	char uidl[3][80];
	struct store *other;

	put("b", first, 0);
	put("b", second, O_APPEND);
	put("b", third, O_APPEND);
	struct store *store = open_store("mbox:b");
	CHECK("three messages", store_count(store) == 3);
	CHECK("a second session is refused",
	    store_open(&other, "mbox:b", 100, NULL) == STORE_BUSY);
	CHECK("unquoted, without the separator",
	    message_is(store, 0, first_sent));
	CHECK("the last",
	    message_is(store, 2, "Subject: three\r\n\r\nthree\r\n"));
	for (size_t i = 0; i < 3; i++)
		snprintf(uidl[i], 80, "%s", store_uidl(store, i));
	put("b", second, O_APPEND);
	CHECK("readable though mail came in", message_is(store, 0, first_sent));
	store_mark(store, 1, true);
	CHECK("commit", store_commit(store));
	store_close(store);
	char *want = NULL;
	if (asprintf(&want, "%s%s%s", first, third, second) == -1)
		exit(1);
	CHECK("one is gone, its late twin stays", file_is("b", want));
	free(want);
	CHECK("no lock is left", access("b.lock", F_OK) == -1);

	store = open_store("mbox:b");
	CHECK(
	    "unique-ids stay", strcmp(store_uidl(store, 0), uidl[0]) == 0 &&
				   strcmp(store_uidl(store, 1), uidl[2]) == 0);
	put("b", third, O_TRUNC);
	CHECK(
	    "rewritten by another: refused", !message_is(store, 0, first_sent));
	store_mark(store, 0, true);
	CHECK("and nothing else is removed",
	    store_commit(store) && file_is("b", third));
	store_mark(store, 1, true);
	CHECK(
	    "found at its new place", store_commit(store) && file_is("b", ""));
	store_close(store);
}

static void
test_odd_mboxes(void)
{
	struct store *store;
	char *big = malloc(300001);

	put("c", "no mbox\n", 0);
	CHECK("text that is no mbox",
	    store_open(&store, "mbox:c", 100, NULL) == STORE_ERROR &&
		errno == EBADMSG);
	put("c", "From a\nStatus: RO\nX: y\n\nz\n", O_TRUNC);
	store = open_store("mbox:c");
	char *uidl = strdup(store_uidl(store, 0));
	store_close(store);
	put("c", "From a\nX: y\n\nz\n\n", O_TRUNC);
	store = open_store("mbox:c");
	CHECK("a reader's Status field does not change the unique-id",
	    uidl != NULL && strcmp(store_uidl(store, 0), uidl) == 0);
	store_close(store);
	free(uidl);
	put("c", "From a", O_TRUNC);
	store = open_store("mbox:c");
	CHECK("a bare From line",
	    store_count(store) == 1 && message_is(store, 0, ""));
	store_close(store);
	if (big == NULL)
		exit(1);
	memset(big, 'x', 300000);
	big[300000] = '\0';
	put("c", "From a\n\n", O_TRUNC);
	put("c", big, O_APPEND);
	put("c", "\n\n", O_APPEND);
	put("c", second, O_APPEND);
	store = open_store("mbox:c");
	uint64_t octets = 0;
	CHECK("a line longer than the buffer",
	    store_count(store) == 2 && store_octets(store, 0, &octets) &&
		octets == 300004);
	store_mark(store, 0, true);
	CHECK("and removed", store_commit(store) && file_is("c", second));
	store_close(store);
	free(big);
	store = open_store("mbox:nowhere");
	CHECK("no file is an empty mailbox", store_count(store) == 0);
	store_close(store);
}

int
main(void)
{
	scratch_enter();
	test_maildir();
	test_sizes();
	test_seen();
	test_mbox();
	test_odd_mboxes();
	return test_result();
}
