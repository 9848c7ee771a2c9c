/* threads_test - trees of messages, and what nobody would draw by hand. */

#include "imapd/threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test.h"

enum {
	MANY = 100000,
	ROUNDS = 20000,
	FEW = 40
};

/* "DATE ID REFERENCES SUBJECT", '-' for none, ',' between; "+s" is a reply. */
static const struct {
	const char *label;
	const char *messages[8];
	const char *by_subject;
	const char *by_references;
	const char *by_latest;
} cases[] = {
	{ "none", { NULL }, "", "", "" },
	{ "a chain", { "1 a - s", "2 b a +s", "3 c a,b +s" }, "(1 (2)(3))",
	    "(1 2 3)", "(1 2 3)" },
	{ "siblings by date", { "1 a - s", "3 b a +s", "2 c a +s" },
	    "(1 (3)(2))", "(1 (3)(2))", "(1 (3)(2))" },
	{ "the parent comes last", { "2 b a +s", "1 a - s" }, "(2 1)", "(2 1)",
	    "(2 1)" },
	{ "a dummy with two", { "1 b a x", "2 c a y" }, "(1)(2)", "((1)(2))",
	    "((1)(2))" },
	{ "a dummy with one", { "1 b a x" }, "(1)", "(1)", "(1)" },
	{ "dummies between", { "1 a - x", "2 d a,b,c y" }, "(1)(2)", "(1 2)",
	    "(1 2)" },
	{ "a dummy below one", { "1 c a,b x", "2 d a,b y" }, "(1)(2)",
	    "((1)(2))", "((1)(2))" },
	{ "a loop", { "1 a b x", "2 b a x" }, "(1 2)", "(2 1)", "(2 1)" },
	{ "itself", { "1 a a x" }, "(1)", "(1)", "(1)" },
	{ "one id twice", { "1 a - x", "2 a - y", "3 b a z" }, "(1)(2)(3)",
	    "(1 3)(2)", "(2)(1 3)" },
	{ "no id", { "1 - - x", "2 - - y" }, "(1)(2)", "(1)(2)", "(1)(2)" },
	{ "cut references: the later link holds",
	    { "1 a - x", "2 b a x", "3 d a,c x", "4 c b x" }, "(1 (2)(3)(4))",
	    "(1 2 4 3)", "(1 2 4 3)" },
	{ "subjects: a reply goes below", { "1 a - s", "2 b - +s" }, "(1 2)",
	    "(1 2)", "(1)(2)" },
	{ "subjects: a reply came first", { "1 a - +s", "2 b - s" }, "(1 2)",
	    "(2 1)", "(1)(2)" },
	{ "subjects: a dummy for two", { "1 a - s", "2 b - s", "3 c - s" },
	    "(1 (2)(3))", "((1)(2)(3))", "(1)(2)(3)" },
	{ "subjects: two dummies",
	    { "1 a x s", "2 b x s", "3 c y s", "4 d y s" }, "(1 (2)(3)(4))",
	    "((1)(2)(3)(4))", "((1)(2))((3)(4))" },
	{ "subjects: into a dummy", { "1 a - s", "2 b x s", "3 c x s" },
	    "(1 (2)(3))", "((1)(2)(3))", "(1)((2)(3))" },
	{ "no subject gathers nothing", { "1 a - -", "2 b - -" }, "(1 2)",
	    "(1)(2)", "(1)(2)" },
	{ "the latest thread is last", { "1 a - x", "2 b - y", "3 c a x" },
	    "(1 3)(2)", "(1 3)(2)", "(2)(1 3)" },
};

static void
add(struct threads *threads, const char *line)
{
	struct folder_thread_data data = { .has_sent_date = true };
	struct span rest = span_of(line);
	struct buf references = buf_new(1000);
	uint64_t date = 0;

	span_number(span_cut(&rest, ' '), 10, 1000, &date);
	data.sent_date_s = (int64_t)date;
	data.message_id = span_cut(&rest, ' ');
	struct span ids = span_cut(&rest, ' ');
	while (ids.len > 0 && ids.ptr[0] != '-') {
		buf_add(&references, span_cut(&ids, ','));
		buf_add_char(&references, '\n');
	}
	data.references = buf_span(&references);
	if (data.message_id.ptr[0] == '-')
		data.message_id.len = 0;
	data.is_reply = span_starts(rest, span_of("+"));
	data.base_subject = span_slice(rest, data.is_reply, SIZE_MAX);
	if (span_equal(data.base_subject, span_of("-")))
		data.base_subject.len = 0;
	threads_add(threads, &data);
	buf_free(&references);
}

static void
check_case(size_t which, enum threads_kind kind, const char *wanted)
{
	static const uint32_t numbers[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct threads threads = threads_new(kind);
	struct buf text = buf_new(1000);

	for (size_t i = 0; i < 8 && cases[which].messages[i] != NULL; i++)
		add(&threads, cases[which].messages[i]);
	threads_end(&threads);
	threads_put(&threads, numbers, &text);
	CHECK(cases[which].label, span_equal(buf_span(&text), span_of(wanted)));
	if (!span_equal(buf_span(&text), span_of(wanted)))
		printf(
		    "# kind %d: %s, not %s\n", kind, buf_string(&text), wanted);
	buf_free(&text);
	threads_free(&threads);
}

/* A chain of MANY; step: 1 from the first on, MANY - 1 from the last, else
 * mixed.  Each refers to the one before it only. */
static void
check_chain(const char *label, size_t step)
{
	struct threads threads = threads_new(THREADS_REFERENCES);
	struct buf text = buf_new(SIZE_MAX / 2);
	uint32_t *numbers = calloc(MANY, sizeof(*numbers));
	clock_t start = clock();

	if (numbers == NULL)
		exit(1);
	for (size_t i = 0; i < MANY; i++) {
		size_t n = i * step % MANY;
		char id[32];
		char reference[32];
		int id_len = snprintf(id, sizeof(id), "%zu@x", n);
		int len =
		    snprintf(reference, sizeof(reference), "%zu@x\n", n - 1);
		struct folder_thread_data data = { .sent_date_s = 5,
			.message_id = { id, (size_t)id_len },
			.references = { reference, n > 0 ? (size_t)len : 0 } };

		numbers[i] = (uint32_t)n + 1;
		threads_add(&threads, &data);
	}
	threads_end(&threads);
	threads_put(&threads, numbers, &text);
	CHECK(label, span_starts(buf_span(&text), span_of("(1 2 3 ")) &&
			 span_index(buf_span(&text), ')') == text.len - 1);
	CHECK("in a moment", clock() - start < 5 * CLOCKS_PER_SEC);
	free(numbers);
	buf_free(&text);
	threads_free(&threads);
}

/* The forest, and the same by walking up. */
static void
check_forest(void)
{
	struct forest forest = forest_new();
	uint32_t parents[FEW + 1] = { 0 };
	bool is_good = true;

	srandom(1);
	for (int i = 0; i < FEW; i++)
		forest_add(&forest);
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t a = (uint32_t)random() % FEW + 1;
		uint32_t b = (uint32_t)random() % FEW + 1;
		uint32_t root = a;

		while (parents[root] != 0)
			root = parents[root];
		is_good &= forest_root(&forest, a) == root;
		if (parents[b] != 0 && random() % 3 == 0) {
			forest_cut(&forest, b);
			parents[b] = 0;
		} else if (parents[b] == 0 && root != b) {
			forest_link(&forest, b, a);
			parents[b] = a;
		}
	}
	CHECK("forest", is_good);
	forest_free(&forest);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		check_case(i, THREADS_ORDERED_SUBJECT, cases[i].by_subject);
		check_case(i, THREADS_REFERENCES, cases[i].by_references);
		check_case(i, THREADS_REFS, cases[i].by_latest);
	}
	check_forest();
	check_chain("from the first", 1);
	check_chain("from the last", MANY - 1);
	check_chain("mixed", 61803);
	return test_result();
}
