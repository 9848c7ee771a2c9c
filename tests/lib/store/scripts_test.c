/* scripts_test - an account's scripts, in a Maildir of the test's own. */

#include "store/scripts.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "lib/store/maildir.h"
#include "scratch.h"

enum {
	WRITERS = 4,
	ROUNDS = 25,
	LONG_ONE = 1 << 22, /* of list: "l...", "m..." */
	LONG_OTHER = 1 << 24
};

static const struct scripts_limits limits = { .count = 5, .size = 100 };

#define NAME_199                                                               \
	"01234567890123456789012345678901234567890123456789012345678901234567" \
	"89"                                                                   \
	"01234567890123456789012345678901234567890123456789012345678901234567" \
	"89"                                                                   \
	"01234567890123456789012345678901234567890123456789012345678"

/* Octets: 4 of each character. */
#define NAME_40                                                                \
	"\xf0\x9f\x98\x80\xf0\x9f\x98\x81\xf0\x9f\x98\x82\xf0\x9f\x98"         \
	"\x83\xf0\x9f\x98\x84\xf0\x9f\x98\x85\xf0\x9f\x98\x86\xf0\x9f"         \
	"\x98\x87\xf0\x9f\x98\x88\xf0\x9f\x98\x89"
#define NAME_512                                                               \
	NAME_40 NAME_40 NAME_40 NAME_40 NAME_40 NAME_40 NAME_40 NAME_40        \
	    NAME_40 NAME_40 NAME_40 NAME_40 "0123456789abcdef0123456789abcdef"

static const struct {
	const char *label;
	struct span name;
	bool is_name;
} names[] = {
	{ "a letter", { "a", 1 }, true },
	{ "with spaces", { " a b ", 5 }, true },
	{ "UTF-8", { "\xc3\xa1\xf0\x9f\x98\x80", 6 }, true },
	{ "a dot within", { "a.sieve", 7 }, true },
	{ "a backslash", { "\\\"*", 3 }, true },
	{ "the longest of a file's own", { NAME_199 "x", 200 }, true },
	{ "longer", { NAME_199 "xy", 201 }, true },
	{ "as long as may be", { NAME_512, 512 }, true },
	{ "too long", { NAME_512 "x", 513 }, false },
	{ "long, with a slash", { NAME_199 "/x", 201 }, false },
	{ "empty", { "", 0 }, false },
	{ "a dot first", { ".a", 2 }, false },
	{ "the folder", { ".", 1 }, false },
	{ "its parent", { "..", 2 }, false },
	{ "a slash", { "a/b", 3 }, false },
	{ "NUL", { "a\0b", 3 }, false },
	{ "LF", { "a\nb", 3 }, false },
	{ "U+001F", { "\x1f", 1 }, false },
	{ "U+007F", { "a\x7f", 2 }, false },
	{ "U+0080", { "\xc2\x80", 2 }, false },
	{ "U+009F", { "\xc2\x9f", 2 }, false },
	{ "U+00A0", { "\xc2\xa0", 2 }, true },
	{ "U+2028", { "\xe2\x80\xa8", 3 }, false },
	{ "U+2029", { "\xe2\x80\xa9", 3 }, false },
	{ "no UTF-8", { "\xff", 1 }, false },
	{ "cut off", { "a\xc3", 2 }, false },
	{ "a long form of '/'", { "\xc0\xaf", 2 }, false },
	{ "a surrogate", { "\xed\xa0\x80", 3 }, false },
};

static enum scripts_status
store(int maildir, const char *name, const char *text)
{
	return scripts_put(maildir, &limits, span_of(name), span_of(text));
}

static bool
has(int maildir, const char *name, const char *want)
{
	struct buf text = buf_new(limits.size);
	bool is_same =
	    scripts_read(maildir, span_of(name), &text) == SCRIPTS_OK &&
	    span_equal(buf_span(&text), span_of(want));

	buf_free(&text);
	return is_same;
}

static bool
add_name(void *context, struct span name, bool is_active)
{
	uint64_t *sum = context;

	/* One digit for each: the names of these tests are a, b, c ... */
	*sum |= (uint64_t)(is_active ? 2 : 1) << 2 * (name.ptr[0] - 'a');
	return true;
}

/* "a", "b" active: 1 + 2 * 4. */
static uint64_t
list(int maildir)
{
	uint64_t sum = 0;

	return scripts_list(maildir, add_name, &sum) ? sum : UINT64_MAX;
}

static bool
stop(void *context, struct span name, bool is_active)
{
	(void)name, (void)is_active;
	++*(unsigned *)context;
	return false;
}

static void
test_nothing(int maildir)
{
	struct buf text = buf_new(100);
	struct span name = span_of("a");

	CHECK("no folder: none", list(maildir) == 0);
	CHECK("none is read",
	    scripts_read(maildir, name, &text) == SCRIPTS_NONEXISTENT);
	CHECK("none is active",
	    scripts_active(maildir, &text) == SCRIPTS_NONEXISTENT);
	CHECK(
	    "none goes", scripts_delete(maildir, name) == SCRIPTS_NONEXISTENT);
	CHECK("none is renamed",
	    scripts_rename(maildir, name, span_of("b")) == SCRIPTS_NONEXISTENT);
	CHECK("none becomes active",
	    scripts_set_active(maildir, name) == SCRIPTS_NONEXISTENT);
	CHECK("RFC 5804 section 2.8: none is no error",
	    scripts_set_active(maildir, span_of("")) == SCRIPTS_OK);
	CHECK("there is space",
	    scripts_have_space(maildir, &limits, name, 100) == SCRIPTS_OK);
	CHECK("and no folder was made", access("m/sieve", F_OK) == -1);
	buf_free(&text);
}

static void
test_life(int maildir)
{
	struct buf name = buf_new(SCRIPTS_NAME_MAX);
	unsigned count = 0;

	CHECK("put", store(maildir, "a", "keep;\r\n") == SCRIPTS_OK &&
			 file_is("m/sieve/a.sieve", "keep;\r\n"));
	CHECK("put again", store(maildir, "a", "stop;") == SCRIPTS_OK &&
			       has(maildir, "a", "stop;"));
	CHECK("a second one", store(maildir, "b", "") == SCRIPTS_OK);
	CHECK("listed, none active", list(maildir) == 1 + 4);
	CHECK("active",
	    scripts_set_active(maildir, span_of("b")) == SCRIPTS_OK &&
		file_is("m/sieve/active", "b\n") && list(maildir) == 1 + 8);
	CHECK("read again", scripts_active(maildir, &name) == SCRIPTS_OK &&
				span_equal(buf_span(&name), span_of("b")));
	CHECK("the active one does not go",
	    scripts_delete(maildir, span_of("b")) == SCRIPTS_ACTIVE &&
		has(maildir, "b", ""));
	CHECK("not to a name that is taken",
	    scripts_rename(maildir, span_of("b"), span_of("a")) ==
		    SCRIPTS_EXISTS &&
		scripts_rename(maildir, span_of("b"), span_of("b")) ==
		    SCRIPTS_EXISTS);
	CHECK("renamed it stays active",
	    scripts_rename(maildir, span_of("b"), span_of("c")) == SCRIPTS_OK &&
		list(maildir) == 1 + 2 * 16);
	CHECK("renamed, and not active",
	    scripts_rename(maildir, span_of("a"), span_of("b")) == SCRIPTS_OK &&
		list(maildir) == 4 + 2 * 16 && has(maildir, "b", "stop;"));
	CHECK("none is active",
	    scripts_set_active(maildir, span_of("")) == SCRIPTS_OK &&
		list(maildir) == 4 + 16 &&
		access("m/sieve/active", F_OK) == -1);
	CHECK("one goes", scripts_delete(maildir, span_of("c")) == SCRIPTS_OK &&
			      list(maildir) == 4);
	CHECK("the walk ends when told to",
	    !scripts_list(maildir, stop, &count) && count == 1);
	buf_free(&name);
}

static void
test_limits(int maildir)
{
	struct buf large = buf_new(200);

	while (large.len < limits.size)
		buf_add_char(&large, '#');
	CHECK("as large as may be", scripts_put(maildir, &limits, span_of("a"),
					buf_span(&large)) == SCRIPTS_OK);
	buf_add_char(&large, '#');
	CHECK("larger", scripts_put(maildir, &limits, span_of("a"),
			    buf_span(&large)) == SCRIPTS_LIMIT);
	CHECK("asked before: the size",
	    scripts_have_space(maildir, &limits, span_of("a"), 101) ==
		SCRIPTS_LIMIT);
	for (char c = 'c'; c < 'f'; c++)
		CHECK("one more",
		    store(maildir, (char[]){ c, '\0' }, "") == SCRIPTS_OK);
	CHECK("too many",
	    store(maildir, "f", "") == SCRIPTS_LIMIT && list(maildir) == 0x155);
	CHECK("asked before: the count", scripts_have_space(maildir, &limits,
					     span_of("f"), 1) == SCRIPTS_LIMIT);
	CHECK("one of them may be replaced",
	    scripts_have_space(maildir, &limits, span_of("a"), 1) ==
		    SCRIPTS_OK &&
		store(maildir, "a", "x") == SCRIPTS_OK);
	large.max = 3;
	buf_clear(&large);
	put("m/sieve/a.sieve", "four");
	CHECK("one that is larger than may be read is not read in part",
	    scripts_read(maildir, span_of("a"), &large) == SCRIPTS_LIMIT);
	buf_free(&large);
}

/* The first name's file: its SHA-256. */
static const char file[] = "m/sieve/160b5c09f14e5b02eb9fa76869f2076d"
			   "5085e5004f2ea23c842165ffd1eea939.sieve.long";

/* Names of more than 200 octets, whose files are called by a digest. */
static void
test_long_names(int maildir)
{
	const char *one = "l" NAME_199 "y";
	const char *other = "m" NAME_199 "y";
	struct buf name = buf_new(SCRIPTS_NAME_MAX);

	for (char c = 'a'; c < 'f'; c++)
		scripts_delete(maildir, span_of((char[]){ c, '\0' }));
	CHECK("put",
	    store(maildir, one, "keep;\n") == SCRIPTS_OK &&
		file_is(file, "# estafeta-name 1 l" NAME_199 "y\nkeep;\n"));
	CHECK("read without its first line", has(maildir, one, "keep;\n"));
	CHECK("put again", store(maildir, one, "stop;") == SCRIPTS_OK &&
			       has(maildir, one, "stop;"));
	CHECK("listed, and active",
	    list(maildir) == LONG_ONE &&
		scripts_set_active(maildir, span_of(one)) == SCRIPTS_OK &&
		list(maildir) == (uint64_t)2 * LONG_ONE &&
		scripts_active(maildir, &name) == SCRIPTS_OK &&
		span_equal(buf_span(&name), span_of(one)));
	CHECK("the active one does not go",
	    scripts_delete(maildir, span_of(one)) == SCRIPTS_ACTIVE);
	CHECK("renamed it stays active",
	    scripts_rename(maildir, span_of(one), span_of(other)) ==
		    SCRIPTS_OK &&
		list(maildir) == (uint64_t)2 * LONG_OTHER &&
		has(maildir, other, "stop;") && access(file, F_OK) == -1);
	CHECK("to a short one",
	    scripts_rename(maildir, span_of(other), span_of("a")) ==
		    SCRIPTS_OK &&
		list(maildir) == 2 && file_is("m/sieve/a.sieve", "stop;"));
	CHECK("and back",
	    scripts_rename(maildir, span_of("a"), span_of(one)) == SCRIPTS_OK &&
		list(maildir) == (uint64_t)2 * LONG_ONE &&
		has(maildir, one, "stop;") &&
		access("m/sieve/a.sieve", F_OK) == -1);
	CHECK("not to a name that is taken",
	    store(maildir, other, "") == SCRIPTS_OK &&
		scripts_rename(maildir, span_of(one), span_of(other)) ==
		    SCRIPTS_EXISTS &&
		scripts_rename(maildir, span_of(one), span_of(one)) ==
		    SCRIPTS_EXISTS &&
		store(maildir, "a", "") == SCRIPTS_OK &&
		scripts_rename(maildir, span_of(one), span_of("a")) ==
		    SCRIPTS_EXISTS &&
		scripts_delete(maildir, span_of("a")) == SCRIPTS_OK);
	CHECK(
	    "one goes", scripts_delete(maildir, span_of(other)) == SCRIPTS_OK &&
			    list(maildir) == (uint64_t)2 * LONG_ONE);
	buf_free(&name);
}

static void
test_strange_long_names(int maildir)
{
	const char *one = "l" NAME_199 "y";
	const char *other = "m" NAME_199 "y";

	for (char c = 'a'; c < 'e'; c++)
		store(maildir, (char[]){ c, '\0' }, "");
	CHECK(
	    "they count, too", store(maildir, "f", "") == SCRIPTS_LIMIT &&
				   store(maildir, other, "") == SCRIPTS_LIMIT &&
				   store(maildir, one, "") == SCRIPTS_OK);
	CHECK("what is called by another name's digest is none",
	    rename(file, "m/sieve/0.sieve.long") == 0 &&
		!has(maildir, one, "") && list(maildir) == 0x55);
	put(file, "# estafeta-name 1 a\n");
	put("m/sieve/.sieve.long", "");
	CHECK("nor one of a short name",
	    list(maildir) == 0x55 && !has(maildir, one, "") &&
		mkfifo("m/sieve/1.sieve.long", 0600) == 0 &&
		mkdir("m/sieve/2.sieve.long", 0700) == 0 &&
		list(maildir) == 0x55);
	put("m/sieve/" NAME_199 "xy.sieve", "");
	CHECK("nor a short name's file that is too long",
	    list(maildir) == 0x55 && !has(maildir, NAME_199 "xy", ""));
	CHECK("the longest can be active",
	    scripts_delete(maildir, span_of("a")) == SCRIPTS_OK &&
		store(maildir, NAME_512, "") == SCRIPTS_OK &&
		scripts_set_active(maildir, span_of(NAME_512)) == SCRIPTS_OK &&
		scripts_delete(maildir, span_of(NAME_512)) == SCRIPTS_ACTIVE &&
		scripts_rename(maildir, span_of(NAME_512), span_of("a")) ==
		    SCRIPTS_OK);
	CHECK("none is left",
	    scripts_set_active(maildir, span_of("")) == SCRIPTS_OK &&
		store(maildir, "e", "") == SCRIPTS_OK);
}

/* What a user, or another program, may leave there. */
static void
test_strange_files(int maildir)
{
	struct buf text = buf_new(100);

	put("outside", "keep;");
	CHECK("links are made",
	    unlink("m/sieve/e.sieve") == 0 && unlink("m/sieve/d.sieve") == 0 &&
		symlink("../../outside", "m/sieve/d.sieve") == 0 &&
		mkfifo("m/sieve/e.sieve", 0600) == 0 &&
		mkdir("m/sieve/f.sieve", 0700) == 0);
	put("m/sieve/.g.sieve", "");
	put("m/sieve/.sieve", "");
	put("m/sieve/a\nb.sieve", "");
	put("m/sieve/g.siev", "");
	CHECK("none is listed", list(maildir) == 0x15);
	CHECK("nor read",
	    scripts_read(maildir, span_of("d"), &text) == SCRIPTS_NONEXISTENT &&
		scripts_read(maildir, span_of("e"), &text) ==
		    SCRIPTS_NONEXISTENT &&
		scripts_read(maildir, span_of("f"), &text) ==
		    SCRIPTS_NONEXISTENT &&
		text.len == 0);
	CHECK("nor made active, nor removed, nor renamed",
	    scripts_set_active(maildir, span_of("d")) == SCRIPTS_NONEXISTENT &&
		scripts_delete(maildir, span_of("d")) == SCRIPTS_NONEXISTENT &&
		scripts_rename(maildir, span_of("d"), span_of("g")) ==
		    SCRIPTS_NONEXISTENT);
	CHECK("what is written takes the link's place",
	    store(maildir, "d", "stop;") == SCRIPTS_OK &&
		file_is("outside", "keep;") && has(maildir, "d", "stop;"));
	put("m/sieve/active", "a\nb\n");
	CHECK("two lines are no name",
	    scripts_active(maildir, &text) == SCRIPTS_ERROR &&
		errno == EBADMSG && list(maildir) == UINT64_MAX &&
		scripts_delete(maildir, span_of("a")) == SCRIPTS_ERROR);
	put("m/sieve/active", "../a\n");
	CHECK("nor is a path",
	    scripts_active(maildir, &text) == SCRIPTS_ERROR && text.len == 0);
	CHECK("it is mended by the next one",
	    scripts_set_active(maildir, span_of("a")) == SCRIPTS_OK &&
		list(maildir) == 0x56);
	put("m/sieve/active", "");
	CHECK("an empty one is none",
	    scripts_active(maildir, &text) == SCRIPTS_NONEXISTENT);
	put("m/sieve/active", "a");
	CHECK("without a line's end",
	    scripts_active(maildir, &text) == SCRIPTS_OK);
	buf_free(&text);
}

/* A power cut left the second name, or the first one too. */
static void
test_half_a_rename(int maildir)
{
	CHECK("begun", link("m/sieve/a.sieve", "m/sieve/b2.sieve") == 0);
	CHECK("ended by the same", scripts_rename(maildir, span_of("a"),
				       span_of("b2")) == SCRIPTS_OK &&
				       access("m/sieve/a.sieve", F_OK) == -1 &&
				       file_is("m/sieve/active", "b2\n"));
	CHECK("begun", link("m/sieve/b2.sieve", "m/sieve/a.sieve") == 0);
	CHECK("ended by the same", scripts_rename(maildir, span_of("a"),
				       span_of("b2")) == SCRIPTS_OK &&
				       access("m/sieve/a.sieve", F_OK) == -1);
}

static void
write_often(int maildir, char letter)
{
	char text[81];

	memset(text, letter, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < ROUNDS; i++)
		if (store(maildir, "c", text) != SCRIPTS_OK)
			_exit(1);
	_exit(0);
}

static void
test_writers(int maildir)
{
	struct buf text = buf_new(100);
	unsigned broken = 0;
	unsigned failed = 0;

	for (int i = 0; i < WRITERS; i++)
		if (fork() == 0)
			write_often(maildir, (char)('A' + i));
	for (int i = 0; i < 1000; i++) {
		buf_clear(&text);
		if (scripts_read(maildir, span_of("c"), &text) != SCRIPTS_OK ||
		    (text.len != 0 && text.len != 80) ||
		    (text.len > 0 && text.data[0] != text.data[79]))
			broken++;
	}
	for (int status = 0; wait(&status) > 0;)
		failed += status != 0;
	CHECK("several write, one reads: always a whole one", broken == 0);
	CHECK("and none fails", failed == 0);
	buf_free(&text);
}

static void
test_folder(int maildir)
{
	CHECK("the folder is a link",
	    rename("m/sieve", "elsewhere") == 0 &&
		symlink("../elsewhere", "m/sieve") == 0);
	CHECK("it is not followed", store(maildir, "a", "") == SCRIPTS_ERROR &&
					list(maildir) == UINT64_MAX &&
					scripts_have_space(maildir, &limits,
					    span_of("a"), 1) == SCRIPTS_ERROR);
}

int
main(void)
{
	scratch_enter();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		CHECK(names[i].label,
		    scripts_is_name(names[i].name) == names[i].is_name);
	}
	make_maildir("m");
	int maildir = open("m", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_nothing(maildir);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!names[i].is_name)
			CHECK(names[i].label,
			    scripts_put(maildir, &limits, names[i].name,
				span_of("")) == SCRIPTS_INVALID);
	CHECK("nothing of it is there", access("m/sieve", F_OK) == -1);
	test_life(maildir);
	test_limits(maildir);
	test_long_names(maildir);
	test_strange_long_names(maildir);
	test_strange_files(maildir);
	test_half_a_rename(maildir);
	test_writers(maildir);
	test_folder(maildir);
	close(maildir);
	return test_result();
}
