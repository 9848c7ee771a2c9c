/*
 * xtext_test - lib/mail/xtext.c: RFC 3461 section 4, RFC 6533 section 3.
 */

#include "mail/xtext.h"

#include "test.h"

static const struct {
	const char *text;
	const char *meaning; /* NULL: it is no xtext */
} texts[] = {
	{ "", "" },
	{ "plain", "plain" },
	{ "a+2Bb+3D+20", "a+b= " },
	{ "+", NULL },
	{ "+2", NULL },
	{ "+2b", NULL },
	{ "a b", NULL },
	{ "a=b", NULL },
	{ "\xc3\xa4", NULL },
};

static const struct {
	const char *orcpt;
	bool may_be_utf8;
	const char *ascii; /* as a field; NULL: it is not valid */
	const char *utf8;
} addresses[] = {
	{ "rfc822;a+40b", false, "rfc822; a@b", "rfc822; a@b" },
	{ "rfc822;a+0Ab", false, "rfc822; a?b", "rfc822; a?b" },
	{ "rfc822;+C3+A4", false, "rfc822; ??", "rfc822; \xc3\xa4" },
	{ "utf-8;\\x{E4}@b", false, "utf-8; \\x{E4}@b", "utf-8; \xc3\xa4@b" },
	{ "UTF-8;\xc3\xa4@b", true, "UTF-8; ??@b", "UTF-8; \xc3\xa4@b" },
	{ "utf-8;\xc3\xa4@b", false, NULL, NULL },
	{ "utf-8;\\x{110000}", true, NULL, NULL },
	{ "utf-8;\\x{D800}", true, NULL, NULL },
	{ "utf-8;\\", true, NULL, NULL },
	{ "utf-8;\\x{1F600}", false, "utf-8; \\x{1F600}",
	    "utf-8; \xf0\x9f\x98\x80" },
	{ "rfc822", false, NULL, NULL },
	{ ";a", false, NULL, NULL },
	{ "rfc822;", false, NULL, NULL },
	{ "a<b;c", false, NULL, NULL },
};

static void
test_texts(void)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct span text = span_of(texts[i].text);
		struct buf meaning = buf_new(100);
		struct buf again = buf_new(100);
		bool is_good = xtext_decode(&meaning, text);

		xtext_encode(&again, buf_span(&meaning));
		CHECK(texts[i].text,
		    is_good == (texts[i].meaning != NULL) &&
			xtext_is_valid(text) == is_good &&
			(!is_good || (span_equal(buf_span(&meaning),
					  span_of(texts[i].meaning)) &&
					 span_equal(buf_span(&again), text))));
		buf_free(&meaning);
		buf_free(&again);
	}
}

static bool
is_field(struct span orcpt, bool is_utf8, const char *expected)
{
	struct buf field = buf_new(1000);

	orcpt_add_field(&field, orcpt, is_utf8);
	bool is_same = span_equal(buf_span(&field), span_of(expected));
	buf_free(&field);
	return is_same;
}

static void
test_addresses(void)
{
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct span orcpt = span_of(addresses[i].orcpt);
		bool is_good = orcpt_is_valid(orcpt, addresses[i].may_be_utf8);

		CHECK(addresses[i].orcpt,
		    is_good == (addresses[i].ascii != NULL) &&
			(!is_good ||
			    (is_field(orcpt, false, addresses[i].ascii) &&
				is_field(orcpt, true, addresses[i].utf8))));
	}
}

static void
test_embedded(void)
{
	struct buf field = buf_new(1000);

	xtext_add_embedded(
	    &field, span_of("g\xc3\xa4st+a=\\ b\xff@\xf0\x9f\x93\xa7.example"));
	CHECK("an address in ASCII",
	    span_equal(buf_span(&field),
		span_of("g\\x{E4}st\\x{2B}a\\x{3D}\\x{5C}\\x{20}b?@"
			"\\x{1F4E7}.example")));
	buf_free(&field);
}

static const struct {
	const char *orcpt;
	const char *ascii; /* for a server without SMTPUTF8; NULL: none */
} forms[] = {
	{ "rfc822;a+2Bb@x", "rfc822;a+2Bb@x" },
	{ "utf-8;a+b\\x{E4}@x", "utf-8;a+b\\x{E4}@x" },
	{ "utf-8;a+b\\x{5C}\xc3\xa4@\xf0\x9f\x93\xa7",
	    "utf-8;a\\x{2B}b\\x{5C}\\x{E4}@\\x{1F4E7}" },
	{ "utf-8;\xc3@x", NULL },
	{ "rfc822;\xc3\xa4@x", NULL },
};

static void
test_forms(void)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct buf into = buf_new(1000);
		bool has_one = orcpt_add_ascii(&into, span_of(forms[i].orcpt));

		CHECK(forms[i].orcpt,
		    forms[i].ascii == NULL
			? !has_one && into.len == 0
			: has_one && span_equal(buf_span(&into),
					 span_of(forms[i].ascii)));
		buf_free(&into);
	}
}

int
main(void)
{
	test_forms();
	test_texts();
	test_addresses();
	test_embedded();
	return test_result();
}
