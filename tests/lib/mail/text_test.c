/*
 * text_test - words, character sets, names, dates and subjects.
 */

#include "mail/charset.h"
#include "mail/date.h"
#include "mail/decoder.h"
#include "mail/threading.h"
#include "mail/utf7.h"
#include "mail/utf8.h"
#include "mail/words.h"
#include "test.h"

typedef void add(struct buf *into, struct span text);

static bool
is(add *function, struct span text, const char *want)
{
	struct buf out = buf_new(1 << 16);

	function(&out, text);
	bool is_same = span_equal(buf_span(&out), span_of(want));
	if (!is_same)
		printf("# %.*s\n", (int)out.len, out.data);
	buf_free(&out);
	return is_same;
}

static const struct {
	const char *label;
	add *function;
	const char *text;
	const char *want;
} texts[] = {
	{ "a word", words_add_decoded,
	    "=?utf-8?Q?caf=C3=A9_x?=", "caf\xc3\xa9 x" },
	{ "space between two words goes", words_add_decoded,
	    "=?iso-8859-1?q?=E9?= =?utf-8?b?w6k=?=", "\xc3\xa9\xc3\xa9" },
	{ "space before other text stays", words_add_decoded,
	    "a =?utf-8?q?b?= c", "a b c" },
	{ "a character cut in two", words_add_decoded,
	    "=?utf-8?q?=C3?=\r\n =?utf-8?q?=A9?=", "\xc3\xa9" },
	{ "a language", words_add_decoded, "=?utf-8*en?q?x?=", "x" },
	{ "no word", words_add_decoded, "=?utf-8?x?y?= =?a",
	    "=?utf-8?x?y?= =?a" },
	{ "control bytes", words_add_decoded,
	    "=?utf-8?q?a=0D=0Ab=00?=", "a  b " },
	{ "an unknown set", words_add_decoded, "=?x-none?q?=E9?=", "\xc3\xa9" },
	{ "raw UTF-8", words_add_decoded, "\xc3\xa9", "\xc3\xa9" },
	{ "raw something", words_add_decoded, "\xe9", "\xc3\xa9" },
	{ "Russian", words_add_decoded, "=?koi8-r?b?8NLJ18XU?=",
	    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82" },
	{ "Turkish", words_add_decoded,
	    "=?ISO-8859-9?q?=FD=80?=", "\xc4\xb1\xe2\x82\xac" },
	{ "no character of its set", words_add_decoded,
	    "=?windows-1252?q?a=81?=", "a\xc2\x81" },
	{ "Chinese", words_add_decoded,
	    "=?gb2312?b?1tDOxA==?=", "\xe4\xb8\xad\xe6\x96\x87" },
	{ "Japanese", words_add_decoded,
	    "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac" },
	{ "to ASCII, two words in one", words_add_ascii,
	    "a \xc3\xa9 \xc3\xa9 b", "a =?UTF-8?B?w6kgw6k=?= b" },
	{ "mailboxes, a name without a space behind it", words_add_mailboxes,
	    "Bob M\xc3\xbcller<bob@example.org>",
	    "Bob =?UTF-8?B?TcO8bGxlcg==?= <bob@example.org>" },
	{ "mailboxes, addresses beyond ASCII", words_add_mailboxes,
	    "j\xc3\xbcrgen@example.org,\"J\xc3\xbc@\"<j\xc3\xbc@example.org>",
	    "j\xc3\xbcrgen@example.org, =?UTF-8?B?IkrDvEAi?= "
	    "<j\xc3\xbc@example.org>" },
	{ "mailboxes, signs in quotes", words_add_mailboxes,
	    "\"a<b,c\\\"@d\" <a@example.org>, <b@example.org>",
	    "\"a<b,c\\\"@d\" <a@example.org>, <b@example.org>" },
	{ "folding", utf8_add_folded,
	    "Stra\xc3\x9f"
	    "e \xc3\xa9\xc3\x89",
	    "STRA\xc3\x9f"
	    "E E\xcc\x81"
	    "E\xcc\x81" },
	{ "clean", utf8_add_clean, "a\xffz\xc3", "a\xef\xbf\xbdz\xef\xbf\xbd" },
};

/* Words that no line has room for, and others. */
static void
test_long_words(void)
{
	struct buf text = buf_new(10000);
	struct buf out = buf_new(20000);
	struct buf back = buf_new(20000);
	size_t longest = 0;

	for (size_t i = 0; i < 5000; i++)
		buf_add_char(&text, 'a');
	words_add_ascii(&out, buf_span(&text));
	CHECK("a long word in ASCII stays",
	    span_equal(buf_span(&out), buf_span(&text)));
	buf_add_string(&text, " \xc3\xa9 b");
	buf_clear(&out);
	words_add_lines(&out, buf_span(&text));
	words_add_decoded(&back, buf_span(&out));
	CHECK("but in lines it is words, which say the same",
	    span_equal(buf_span(&back), buf_span(&text)));
	for (struct span rest = buf_span(&out); rest.len > 0;) {
		size_t len = span_cut(&rest, ' ').len;

		longest = len > longest ? len : longest;
	}
	CHECK("none of them too long", longest <= WORDS_ENCODED_MAX);
	buf_clear(&text);
	buf_clear(&out);
	buf_add_char(&text, '"');
	for (size_t i = 0; i < 1000; i++)
		buf_add_string(&text, "aaaa ");
	words_add_lines(&out, buf_span(&text));
	CHECK("what has spaces stays, in quotes too",
	    span_equal(buf_span(&out), buf_span(&text)));
	buf_free(&text);
	buf_free(&out);
	buf_free(&back);
}

static bool
names_match(const char *text, const char *name, const char *special)
{
	struct buf there = buf_new(1000);
	struct buf back = buf_new(1000);
	bool is_same = utf7_encode(&there, span_of(text), special) &&
		       span_equal(buf_span(&there), span_of(name)) &&
		       utf7_decode(&back, span_of(name), special) &&
		       span_equal(buf_span(&back), span_of(text));

	buf_free(&there);
	buf_free(&back);
	return is_same;
}

static bool
is_no_name(const char *name)
{
	struct buf out = buf_new(1000);
	bool is_name = utf7_decode(&out, span_of(name), "");

	buf_free(&out);
	return !is_name;
}

static void
test_names(void)
{
	CHECK("RFC 3501's example",
	    names_match("~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/"
			"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
		"~peter/mail/&U,BTFw-/&ZeVnLIqe-", ""));
	CHECK("&", names_match("a&b", "a&-b", ""));
	CHECK(
	    "beyond the BMP", names_match("\xf0\x9f\x98\x80", "&2D3eAA-", ""));
	CHECK("a dot", names_match("a.b", "a&AC4-b", "."));
	static const char *const bad[] = { "&", "&Jjo", "&AGE-",
		"&U,BTFw-&ZeVnLIqe-", "\xc3\xa9", "&2D0-", "&!-", "&AAAAAA-" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(bad[i], is_no_name(bad[i]));
}

static bool
date_is(const char *text, int64_t want, int32_t want_zone)
{
	int64_t seconds = 0;
	int32_t zone = 0;

	return date_parse(span_of(text), &seconds, &zone) && seconds == want &&
	       zone == want_zone;
}

static void
test_dates(void)
{
	int64_t seconds;
	int32_t zone;

	CHECK("a date",
	    date_is("Tue, 24 Nov 2026 09:37:17 +0100 (CET)", 1795509437, 3600));
	CHECK("no day, no seconds, a name for a zone",
	    date_is("1 Jan 70 00:00 EST", 18000, -18000));
	CHECK("comments", date_is("(x) 1 (y) Jan 1970 00:00:01", 1, 0));
	CHECK("asctime", date_is("Thu Jan  1 00:00:02 1970", 2, 0));
	CHECK("dashes", date_is("1-Jan-1970 00:00:03 +0000", 3, 0));
	CHECK("none", !date_parse(span_of("yesterday"), &seconds, &zone) &&
			  !date_parse(span_of(""), &seconds, &zone));
}

static bool
base_is(const char *subject, const char *want, bool is_reply)
{
	struct buf out = buf_new(1000);
	bool found = subject_add_base(&out, span_of(subject));
	bool is_same =
	    found == is_reply && span_equal(buf_span(&out), span_of(want));

	if (!is_same)
		printf("# %.*s\n", (int)out.len, out.data);
	buf_free(&out);
	return is_same;
}

static void
test_subjects(void)
{
	CHECK("plain", base_is("Hello  there", "Hello there", false));
	CHECK("Re:", base_is("Re: RE: fwd: Hello", "Hello", true));
	CHECK("blobs", base_is("[list] Re[2]: [x] Hello", "Hello", true));
	CHECK("a blob alone", base_is("[list]", "[list]", false));
	CHECK("(fwd)", base_is("Hello (fwd) (Fwd) ", "Hello", true));
	CHECK("[fwd: ...]", base_is("[Fwd: Re: Hello]", "Hello", true));
	CHECK("no Re", base_is("Real: x", "Real: x", false));
	CHECK("encoded", base_is("=?utf-8?q?Re=3A_x?=", "x", true));
	struct buf ids = buf_new(1000);
	CHECK("message-ids",
	    message_ids_add(&ids,
		span_of("junk <a@b>\n <\"c\"@d> <no> <e@f> <unclosed@g"),
		10) == 3 &&
		span_equal(buf_span(&ids), span_of("a@b\nc@d\ne@f\n")));
	buf_clear(&ids);
	CHECK("too many: the parent stays",
	    message_ids_add(&ids, span_of("<a@b><c@d><e@f><g@h>"), 2) == 2 &&
		span_equal(buf_span(&ids), span_of("a@b\ng@h\n")));
	buf_clear(&ids);
	CHECK("only the first",
	    message_ids_add(&ids, span_of("<a@b><c@d>"), 1) == 1 &&
		span_equal(buf_span(&ids), span_of("a@b\n")));
	buf_free(&ids);
}

static bool
decodes(enum decoder_kind kind, const char *text, const char *want)
{
	bool is_same = true;

	for (size_t step = 1; step < 9 && is_same; step++) {
		struct buf out = buf_new(1000);
		struct decoder decoder;

		decoder_init(&decoder, kind);
		for (size_t i = 0; i < strlen(text); i += step)
			decoder_add(
			    &decoder, &out, span_slice(span_of(text), i, step));
		decoder_end(&decoder, &out);
		is_same = span_equal(buf_span(&out), span_of(want));
		if (!is_same)
			printf("# %zu: %.*s\n", step, (int)out.len, out.data);
		buf_free(&out);
	}
	return is_same;
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		CHECK(
		    texts[i].label, is(texts[i].function,
					span_of(texts[i].text), texts[i].want));
	test_names();
	test_dates();
	test_subjects();
	test_long_words();
	CHECK("base64", decodes(DECODER_BASE64, "aGVs\nbG8=\n", "hello"));
	CHECK(
	    "base64, padded twice", decodes(DECODER_BASE64, "YQ==YmM=", "abc"));
	CHECK("quoted-printable",
	    decodes(DECODER_QUOTED, "a=3Db =\r\nc  \r\nd=\ne=ZZ=4",
		"a=b c\r\nde=ZZ=4"));
	CHECK("lines", decodes(DECODER_LINES, "\na\r\n\r\nb\rc\n\nd \r\r\n=",
			   "\r\na\r\n\r\nb\rc\r\n\r\nd \r\r\n="));
	CHECK("what has lines",
	    decoder_kind_with_lines(span_of("")) == DECODER_LINES &&
		decoder_kind_with_lines(span_of(" 8BIT")) == DECODER_LINES &&
		decoder_kind_with_lines(span_of("binary")) == DECODER_AS_IS &&
		decoder_kind_with_lines(span_of("x")) == DECODER_UNKNOWN);
	return test_result();
}
