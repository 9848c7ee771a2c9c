/*
 * holdrules_test - which rule a message fits, and that a thousand of them cost
 * it nothing to speak of.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/holdrules.h"

#include "test.h"

enum {
	RULES = 1000,
	FINDS = 100000,
	FIND_NS_MAX = 5000 /* some 300 here */
};

static char folder[] = "/tmp/holdrules_test.XXXXXX";

static struct holdrules
rules_of(struct span text)
{
	struct holdrules rules;
	int top = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = openat(
	    top, "holdrules", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK("written", fd != -1 && write_all(fd, text));
	close(fd);
	holdrules_read(&rules, top);
	unlinkat(top, "holdrules", 0);
	close(top);
	return rules;
}

static uint64_t
find(const struct holdrules *rules, const char *sender, const char *first,
    const char *second, uint64_t before)
{
	struct buf bytes = buf_new(4096);
	struct envelope envelope;
	const struct recipient recipients[] = { { .address = span_of(first) },
		{ .address = span_of(second) } };

	envelope_add_sender(&bytes, span_of(sender));
	envelope_add_recipient(&bytes, &recipients[0]);
	envelope_add_recipient(&bytes, &recipients[1]);
	envelope_end(&bytes);
	CHECK("envelope",
	    envelope_parse(buf_span(&bytes), &envelope) == ENVELOPE_OK);
	const struct holdrule *rule = holdrules_find(rules, &envelope, before);
	uint64_t number = rule == NULL ? 0 : rule->number;
	buf_free(&bytes);
	return number;
}

static void
test_find(void)
{
	static const char text[] = "1 100 0 joe@a.example *\n"
				   "# a comment\n\n"
				   "2 200 0 *@B.example *\n"
				   "3 300 0 * c.example\n"
				   "4 400 0 <> d.example\n"
				   "5 500 0 *@e.example f.example\n"
				   "6 50 0 * f.example\n";
	static const struct {
		const char *sender;
		const char *recipient;
		uint64_t before;
		uint64_t number;
	} cases[] = { { "joe@a.example", "x@x.example", 1000, 1 },
		{ "JOE@A.EXAMPLE", "x@x.example", 1000, 1 },
		{ "jo@a.example", "x@x.example", 1000, 0 },
		{ "x@b.example", "x@x.example", 1000, 2 },
		{ "x@x.b.example", "x@x.example", 1000, 0 },
		{ "b.example", "x@x.example", 1000, 0 },
		{ "x@x.example", "x@C.example", 1000, 3 },
		{ "x@x.example", "c.example", 1000, 0 },
		{ "", "x@d.example", 1000, 4 }, { "", "x@b.example", 1000, 0 },
		{ "x@x.example", "x@d.example", 1000, 0 },
		{ "x@e.example", "x@f.example", 1000, 6 },
		{ "x@e.example", "x@x.example", 1000, 0 },
		{ "joe@a.example", "x@c.example", 300, 1 },
		{ "joe@a.example", "x@c.example", 100, 0 } };
	struct holdrules rules = rules_of(span_of(text));

	CHECK("six rules", rules.count == 6);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK(cases[i].sender,
		    find(&rules, cases[i].sender, "local", cases[i].recipient,
			cases[i].before) == cases[i].number);
	holdrules_free(&rules);
	rules = rules_of(span_of("9 1 0 * *\n"));
	CHECK("all mail", find(&rules, "", "local", "x", 2) == 9);
	holdrules_free(&rules);
}

static void
test_words(void)
{
	static const char *const bad[] = { "", "a b@x", "*@", "joe*@x", "@",
		"[x]@y\\", "<joe@x>" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(bad[i], !holdrule_is_sender(span_of(bad[i])));
	CHECK("a name", holdrule_is_sender(span_of("www-data")));
	CHECK("a domain", holdrule_is_domain(span_of("a.example")));
	CHECK("no address", !holdrule_is_domain(span_of("x@a.example")));
}

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
test_cost(void)
{
	struct buf text = buf_new(1 << 20);
	struct buf bytes = buf_new(4096);
	const struct recipient recipient = { .address =
						 span_of("x@x.example") };
	struct envelope envelope;
	size_t found = 0;

	for (int i = 1; i <= RULES; i++)
		buf_printf(&text, "%d %d 0 %s%d.example d%d.example\n", i, i,
		    i % 2 == 0 ? "*@s" : "a@s", i, i % 3);
	struct holdrules rules = rules_of(buf_span(&text));
	envelope_add_sender(&bytes, span_of("y@y.example"));
	envelope_add_recipient(&bytes, &recipient);
	envelope_end(&bytes);
	envelope_parse(buf_span(&bytes), &envelope);
	int64_t begun = now_ns();
	for (int i = 0; i < FINDS; i++)
		found += holdrules_find(&rules, &envelope, UINT64_MAX) != NULL;
	int64_t each = (now_ns() - begun) / FINDS;
	printf("# %lld ns a message\n", (long long)each);
	CHECK("a thousand rules cost nothing", each < FIND_NS_MAX);
	CHECK("none fits", found == 0);
	holdrules_free(&rules);
	buf_free(&text);
	buf_free(&bytes);
}

int
main(void)
{
	if (mkdtemp(folder) == NULL)
		return 1;
	test_find();
	test_words();
	test_cost();
	rmdir(folder);
	return test_result();
}
