/*
 * edit_test - lib/mail/edit.c: fields added, inserted, changed, deleted.
 */

#include "mail/edit.h"

#include "test.h"

static const char fields[] = "A: 1\nB: 2\n\tfolded\nA: 3\nC: 4\na: 5\n";

enum what {
	ADD,
	INSERT,
	CHANGE,
	DELETE
};

static const struct {
	const char *before;
	enum what what;
	size_t index;
	const char *name;
	const char *after;
} edits[] = {
	{ fields, ADD, 0, "X",
	    "A: 1\nB: 2\n\tfolded\nA: 3\nC: 4\na: 5\nX: v\n" },
	{ "", ADD, 0, "X", "X: v\n" },
	{ fields, INSERT, 0, "X",
	    "X: v\nA: 1\nB: 2\n\tfolded\nA: 3\nC: 4\na: 5\n" },
	{ fields, INSERT, 1, "X",
	    "X: v\nA: 1\nB: 2\n\tfolded\nA: 3\nC: 4\na: 5\n" },
	{ fields, INSERT, 3, "X",
	    "A: 1\nB: 2\n\tfolded\nX: v\nA: 3\nC: 4\na: 5\n" },
	{ fields, INSERT, 6, "X",
	    "A: 1\nB: 2\n\tfolded\nA: 3\nC: 4\na: 5\nX: v\n" },
	{ "", INSERT, 7, "X", "X: v\n" },
	{ fields, CHANGE, 2, "a", "A: 1\nB: 2\n\tfolded\na: v\nC: 4\na: 5\n" },
	{ fields, CHANGE, 1, "B", "A: 1\nB: v\nA: 3\nC: 4\na: 5\n" },
	{ fields, CHANGE, 4, "A",
	    "A: 1\nB: 2\n\tfolded\nA: 3\nC: 4\na: 5\nA: v\n" },
	{ fields, DELETE, 0, "A", "B: 2\n\tfolded\nC: 4\n" },
	{ fields, DELETE, 3, "A", "A: 1\nB: 2\n\tfolded\nA: 3\nC: 4\n" },
	{ fields, DELETE, 1, "B", "A: 1\nA: 3\nC: 4\na: 5\n" },
	{ fields, DELETE, 2, "B", fields },
	{ fields, DELETE, 0, "X", fields },
	{ "A: 1\n", DELETE, 0, "A", "" },
	{ "", DELETE, 0, "A", "" },
};

int
main(void)
{
	struct buf header = buf_new(200);

	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct span name = span_of(edits[i].name);
		size_t index = edits[i].index;

		buf_clear(&header);
		buf_add_string(&header, edits[i].before);
		if (edits[i].what == ADD)
			edit_add(&header, name, span_of(" v"));
		else if (edits[i].what == INSERT)
			edit_insert(&header, index, name, span_of(" v"));
		else if (edits[i].what == CHANGE)
			edit_change(&header, index, name, span_of(" v"));
		else
			edit_delete(&header, index, name);
		CHECK(edits[i].after,
		    span_equal(buf_span(&header), span_of(edits[i].after)));
	}
	buf_free(&header);
	header = buf_new(12);
	buf_add_string(&header, fields);
	buf_clear(&header);
	buf_add_string(&header, "A: 1\n");
	edit_add(&header, span_of("Long"), span_of(" value"));
	CHECK("what does not fit changes nothing",
	    header.overflow &&
		span_equal(buf_span(&header), span_of("A: 1\n")));
	buf_free(&header);
	return test_result();
}
