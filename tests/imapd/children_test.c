/* children_test - what lies below what, whatever the order it came in. */

#include "imapd/children.h"

#include "test.h"

static const char *const names[] = { "a/b", "a-/x", "a", "a0", "ab/c/d",
	"INBOX/in", "z", "", "a/b", "\xc3\xa4/\xc3\xb6" };

static const struct {
	const char *parent;
	bool has;
} cases[] = { { "a", true }, { "a-", true }, { "a/b", false }, { "a0", false },
	{ "ab", true }, { "ab/c", true }, { "ab/c/d", false }, { "b", false },
	{ "INBOX", true }, { "inbox", false }, { "z", false },
	{ "\xc3", false }, { "\xc3\xa4", true }, { "zz", false } };

int
main(void)
{
	struct children children = children_new();

	CHECK("of none", !children_has_below(&children, span_of("a")) &&
			     !children_has_name(&children, span_of("a")));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		children_add(&children, span_of(names[i]));
	children_sort(&children);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK(cases[i].parent,
		    children_has_below(&children, span_of(cases[i].parent)) ==
			cases[i].has);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		CHECK(
		    names[i], children_has_name(&children, span_of(names[i])));
	CHECK("not what is above or beside",
	    !children_has_name(&children, span_of("ab")) &&
		!children_has_name(&children, span_of("a/c")) &&
		!children_has_name(&children, span_of("zz")));
	children_free(&children);
	for (int i = 0; i < CHILDREN_BYTES_MAX / 8; i++)
		if (!children_add(&children, span_of("abc/def")))
			return 1;
	CHECK("no room for more", !children_add(&children, span_of("x")));
	children_free(&children);
	return test_result();
}
