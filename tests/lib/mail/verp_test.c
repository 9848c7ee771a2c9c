/*
 * verp_test - lib/mail/verp.c.
 */

#include "mail/verp.h"

#include "test.h"

static const struct {
	const char *sender;
	const char *delimiters;
	const char *recipient;
	const char *expected;
} cases[] = {
	{ "list@a.example", "+=", "joe@b.example",
	    "list+joe=b.example@a.example" },
	{ "list@a.example", "-=", "joe+x@b.example",
	    "list-joe+x=b.example@a.example" },
	{ "list@a.example", "+=", "joe", "list+joe@a.example" },
	{ "list", "+=", "joe@b.example", "list+joe=b.example" },
	{ "", "+=", "joe@b.example", "" },
	{ "list@a.example", "+=", "\"a @\\\"b\"@b.example",
	    "\"list+a @\\\"b=b.example\"@a.example" },
	{ "\"my list\"@a.example", "+=", "joe@b.example",
	    "\"my list+joe=b.example\"@a.example" },
	{ "list@a.example", "+=", "joe@[192.0.2.7]",
	    "\"list+joe=[192.0.2.7]\"@a.example" },
	{ "list@[192.0.2.1]", "+=", "joe@b.example",
	    "list+joe=b.example@[192.0.2.1]" },
	{ "list@a.example", "+=", "\xc3\xa4@b.example",
	    "list+\xc3\xa4=b.example@a.example" },
};

static void
test_senders(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span sender = span_of(cases[i].sender);
		struct span recipient = span_of(cases[i].recipient);
		struct buf got = buf_new(1000);

		verp_add(&got, sender, span_of(cases[i].delimiters), recipient);
		CHECK(cases[i].expected,
		    span_equal(buf_span(&got), span_of(cases[i].expected)) &&
			got.len <= verp_length_max(sender, recipient));
		buf_free(&got);
	}
}

static void
test_delimiters(void)
{
	static const char *const good[] = { "+=", "-=", "==", "+-" };
	static const char *const bad[] = { "", "+", "+=+", "a=", "+ ", "@=" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK(good[i], verp_is_delimiters(span_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(bad[i], !verp_is_delimiters(span_of(bad[i])));
}

int
main(void)
{
	test_senders();
	test_delimiters();
	return test_result();
}
