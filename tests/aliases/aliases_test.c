/*
 * aliases_test - entries, continuation, comments, and where errors are.
 */

#include "aliases/aliases.h"
#include "aliases/passwd.h"
#include "test.h"

static const struct {
	const char *text;
	enum aliases_status status;
	unsigned line;
	const char *name;
	const char *target;
} cases[] = {
	{ "a: b\n", ALIASES_OK, 1, "a", "b" },
	{ "Post.Master :  Joe,ann@example.org", ALIASES_OK, 1, "post.master",
	    "Joe, ann@example.org" },
	{ "# one\n\na: b,\n # not a comment of its own?\n", ALIASES_ERROR, 3,
	    "", "" },
	{ "a: b,\n# in between\n\n   c\n\td\nx: y", ALIASES_ERROR, 1, "", "" },
	{ "a: b,\n# in between\n\n   c,\n\td\nx: y", ALIASES_OK, 1, "a",
	    "b, c, d" },
	{ "\"Joe Doe\": joe", ALIASES_OK, 1, "joe doe", "joe" },
	{ "a: \"|x: y\", :include:/l", ALIASES_OK, 1, "a",
	    "\"|x: y\", :include:/l" },
	{ "a: b\r\n", ALIASES_OK, 1, "a", "b" },
	{ "", ALIASES_END, 0, "", "" },
	{ "\n#\n \n", ALIASES_END, 0, "", "" },
	{ "\n\nno colon\n", ALIASES_ERROR, 3, "", "" },
	{ ": b\n", ALIASES_ERROR, 1, "", "" },
	{ "a:\n", ALIASES_ERROR, 1, "", "" },
	{ "a@b: c\n", ALIASES_ERROR, 1, "", "" },
	{ "a b: c\n", ALIASES_ERROR, 1, "", "" },
	{ "a: \"b\n", ALIASES_ERROR, 1, "", "" },
	{ " a: b\n", ALIASES_OK, 1, "a", "b" },
};

static const struct {
	const char *line;
	bool is_user;
	uint64_t uid;
} users[] = {
	{ "joe:x:1001:100:Joe:/home/joe:/bin/sh", true, 1001 },
	{ "joe:x:1001:100::/home/joe", true, 1001 },
	{ "joe:x:-1:100::/home/joe:", false, 0 },
	{ "joe:x::100::/home/joe:", false, 0 },
	{ "joe:x:1:2::home:", false, 0 },
	{ ":x:1:2::/home:", false, 0 },
	{ "+::::::", false, 0 },
	{ "joe:x:99999999999:2::/h:", false, 0 },
	{ "", false, 0 },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct aliases_reader reader;
		struct aliases_entry entry;
		const char *mend;

		aliases_open(&reader, span_of(cases[i].text));
		enum aliases_status status =
		    aliases_next(&reader, &entry, &mend);
		CHECK(cases[i].text,
		    status == cases[i].status &&
			(status == ALIASES_END ||
			    entry.line == cases[i].line) &&
			(status != ALIASES_OK ||
			    (span_equal(entry.name, span_of(cases[i].name)) &&
				span_equal(
				    entry.target, span_of(cases[i].target)))));
		aliases_close(&reader);
	}
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		struct user user;

		CHECK(users[i].line,
		    passwd_parse(span_of(users[i].line), &user) ==
			    users[i].is_user &&
			(!users[i].is_user || user.uid == users[i].uid));
	}
	return test_result();
}
