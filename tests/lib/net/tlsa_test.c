/* tlsa_test - TLSA records: to text, and back. */

#include <string.h>

#include "net/tlsa.h"
#include "test.h"

static const struct {
	const char *text;
	bool is_good;
	size_t len;
} texts[] = {
	{ "3 1 1 00ff", true, 2 },
	{ "255 0 2 ABcd", true, 2 },
	{ "0 0 0 ", true, 0 },
	{ "0 0 0", true, 0 },
	{ "3 1", false, 0 },
	{ "3 1 256 00", false, 0 },
	{ "3 1 1 0", false, 0 },
	{ "3 1 1 0g", false, 0 },
	{ "3 1 1 00 00", false, 0 },
	{ "3 -1 1 00", false, 0 },
	{ "", false, 0 },
};

static void
test_texts(void)
{
	static struct tlsa tlsa;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		bool is_good = tlsa_parse(span_of(texts[i].text), &tlsa);

		CHECK(
		    texts[i].text, is_good == texts[i].is_good &&
				       (!is_good || tlsa.len == texts[i].len));
	}
}

static void
test_wire(void)
{
	static char wire[TLSA_DATA_MAX + 4] = { 3, 1, 2, 0, (char)0xa5 };
	static struct tlsa tlsa;
	struct buf text = buf_new(TLSA_TEXT_MAX);

	CHECK(
	    "a record", tlsa_add_text(&text, (struct span){ wire, 5 }, 100) &&
			    span_equal(buf_span(&text), span_of("3 1 2 00a5")));
	CHECK("and back", tlsa_parse(buf_span(&text), &tlsa) &&
			      tlsa.usage == 3 && tlsa.selector == 1 &&
			      tlsa.matching == 2 && tlsa.len == 2 &&
			      tlsa.data[1] == 0xa5);
	buf_clear(&text);
	CHECK("without the room for it",
	    tlsa_add_text(&text, (struct span){ wire, 5 }, 19) &&
		span_equal(buf_span(&text), span_of("3 1 2 ")));
	buf_clear(&text);
	CHECK("the longest",
	    tlsa_add_text(&text, (struct span){ wire, TLSA_DATA_MAX + 3 },
		TLSA_TEXT_MAX) &&
		tlsa_parse(buf_span(&text), &tlsa) &&
		tlsa.len == TLSA_DATA_MAX);
	buf_clear(&text);
	CHECK("a longer one has no data",
	    tlsa_add_text(&text, (struct span){ wire, sizeof(wire) },
		2 * TLSA_TEXT_MAX) &&
		span_equal(buf_span(&text), span_of("3 1 2 ")));
	buf_clear(&text);
	CHECK("a part of one is none",
	    !tlsa_add_text(&text, (struct span){ wire, 2 }, 100) &&
		text.len == 0);
	buf_free(&text);
}

int
main(void)
{
	test_texts();
	test_wire();
	return test_result();
}
