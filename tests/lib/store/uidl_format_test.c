/* uidl_format_test - Dovecot's ways to make unique ids. */

#include "store/uidl_format.h"

#include "test.h"

/* As Dovecot 2.3.19 made them. */
static const struct {
	const char *format;
	const char *uidl; /* NULL: no format */
} cases[] = { { "%08Xu%08Xv", "000000026b0b6c4c" }, { "%v.%u", "1795910732.2" },
	{ "%f", "1.a.host" }, { "%g", "1.a.host" }, { "%u", "2" },
	{ "UID%u-%v", "UID2-1795910732" }, { "%Xu", "2" },
	{ "%Xv", "6b0b6c4c" }, { "%5u", "    2" }, { "%%%u", "%2" }, { "", "" },
	{ "%", NULL }, { "%08", NULL }, { "%08X", NULL }, { "%x", NULL },
	{ "%XXu", NULL }, { "%71u", NULL }, { "%Mf", NULL },
	{ "%{uid}", NULL } };

int
main(void)
{
	const struct uidl_facts facts = { 2, 1795910732, { "1.a.host", 8 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf uidl = buf_new(100);
		bool is_format =
		    uidl_format_add(&uidl, span_of(cases[i].format), &facts);

		CHECK(cases[i].format,
		    cases[i].uidl == NULL
			? !is_format
			: is_format && span_equal(buf_span(&uidl),
					   span_of(cases[i].uidl)));
		buf_free(&uidl);
	}
	CHECK("an id", uidl_is_valid(span_of("!~")));
	CHECK("none", !uidl_is_valid(span_of("")));
	CHECK("a space", !uidl_is_valid(span_of("a b")));
	CHECK("8 bits", !uidl_is_valid(span_of("a\xff")));
	return test_result();
}
