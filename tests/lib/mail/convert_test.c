/*
 * convert_test - conversions of text, of character sets and of headers.
 */

#include <string.h>

#include "mail/convert.h"
#include "mail/header_convert.h"
#include "test.h"

/* ---- character sets ---- */

static const struct {
	const char *label;
	const char *charset;
	const char *replacement; /* or NULL */
	const char *text;
	const char *want; /* NULL: it is lossy */
} sets[] = {
	{ "UTF-8", "UTF-8", NULL, "\xc3\xa9\xe2\x82\xac",
	    "\xc3\xa9\xe2\x82\xac" },
	{ "ASCII", "us-ascii", NULL, "abc", "abc" },
	{ "not of ASCII", "us-ascii", NULL, "\xc3\xa9", NULL },
	{ "replaced", "us-ascii", "?", "a\xc3\xa9\xe2\x82\xacz", "a??z" },
	{ "by more than one", "us-ascii", "[x]", "\xc3\xa9", "[x]" },
	{ "by nothing", "us-ascii", "", "a\xc3\xa9", "a" },
	{ "by what is wide", "iso-8859-1", "\xbf", "\xe2\x82\xac", NULL },
	{ "Latin 1", "iso-8859-1", NULL, "\xc3\xa9\xc3\xbf", "\xe9\xff" },
	{ "has no euro", "iso-8859-1", NULL, "\xe2\x82\xac", NULL },
	{ "but controls", "iso-8859-1", NULL, "\xc2\x80", "\x80" },
	{ "windows-1252 has", "windows-1252", NULL, "\xe2\x82\xac", "\x80" },
	{ "Latin 9, too", "iso-8859-15", NULL, "\xe2\x82\xac", "\xa4" },
	{ "Latin 2", "iso-8859-2", NULL, "\xc5\x82", "\xb3" },
	{ "Turkish", "iso-8859-9", NULL, "\xc4\xb1", "\xfd" },
	{ "Cyrillic", "koi8-r", NULL, "\xd0\x9f", "\xf0" },
	{ "Greek", "ISO-8859-7", "?", "\xce\xb1\xd0\x9f", "\xe1?" },
	{ "Thai", "tis-620", NULL, "\xe0\xb8\x81", "\xa1" },
};

static bool
writes(const char *charset, const char *replacement, const char *text,
    const char *want)
{
	struct charset_writer writer;
	struct buf out = buf_new(1000);
	bool is_good = charset_writer_init(&writer, span_of(charset));

	if (is_good && replacement != NULL &&
	    !charset_writer_replace(&writer, span_of(replacement)))
		is_good = want == NULL;
	charset_writer_add(&writer, &out, span_of(text));
	is_good = is_good && writer.is_lossy == (want == NULL) &&
		  (want == NULL || span_equal(buf_span(&out), span_of(want)));
	buf_free(&out);
	return is_good;
}

static void
test_sets(void)
{
	struct charset_writer writer;
	char name[16];

	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		CHECK(
		    sets[i].label, writes(sets[i].charset, sets[i].replacement,
				       sets[i].text, sets[i].want));
	CHECK("not to be written",
	    !charset_writer_init(&writer, span_of("iso-2022-jp")) &&
		!charset_writer_init(&writer, span_of("")) &&
		!charset_writer_init(&writer, span_of("utf-16")));
	charset_writer_init(&writer, span_of("us-ascii"));
	CHECK("a replacement that it has not",
	    !charset_writer_replace(&writer, span_of("\xc3\xa9")) &&
		!writer.is_lossy && !writer.has_replacement);
	CHECK("that is no UTF-8",
	    !charset_writer_replace(&writer, span_of("\xff")));
	memset(name, 'x', sizeof(name));
	struct buf text = buf_new(100);
	for (int i = 0; i < 5; i++)
		buf_add(&text, (struct span){ name, sizeof(name) });
	CHECK("that is too long",
	    !charset_writer_replace(&writer, buf_span(&text)));
	buf_free(&text);
}

/* ---- text ---- */

static const struct {
	const char *label;
	enum convert_kind kind;
	enum decoder_kind encoding;
	const char *source_charset;
	const char *charset;
	const char *text;
	const char *want;
} texts[] = {
	{ "line ends", CONVERT_CHARSET, DECODER_AS_IS, "utf-8", "utf-8",
	    "a\nb\r\nc\rd", "a\r\nb\r\nc\rd" },
	{ "Latin 2 to UTF-8", CONVERT_CHARSET, DECODER_AS_IS, "iso-8859-2",
	    "utf-8", "\xb3\xf3", "\xc5\x82\xc3\xb3" },
	{ "quoted-printable", CONVERT_CHARSET, DECODER_QUOTED, "koi8-r",
	    "windows-1251", "=F0=D2=\nx\n", "\xcf\xf0x\r\n" },
	{ "base64", CONVERT_CHARSET, DECODER_BASE64, "utf-8", "iso-8859-1",
	    "w6kK", "\xe9\r\n" },
	{ "Japanese to UTF-8", CONVERT_CHARSET, DECODER_AS_IS, "iso-2022-jp",
	    "utf-8", "\x1b$B$\"\x1b(B", "\xe3\x81\x82" },
	{ "HTML", CONVERT_FROM_HTML, DECODER_AS_IS, "iso-8859-1", "utf-8",
	    "<p>caf\xe9</p>\n<p>&eacute;</p>",
	    "caf\xc3\xa9\r\n\r\n\xc3\xa9\r\n" },
	{ "to HTML", CONVERT_TO_HTML, DECODER_AS_IS, "utf-8", "us-ascii",
	    "<b> & \"\xc3\xa9\" \x01\n",
	    "<!DOCTYPE html>\r\n<html><head><meta charset=\"us-ascii\">"
	    "</head><body>\r\n<pre style=\"white-space: pre-wrap\">\r\n"
	    "&lt;b&gt; &amp; &quot;&#233;&quot; &#65533;\r\n"
	    "</pre></body></html>\r\n" },
};

static bool
converts(size_t i, size_t step)
{
	struct bodytext_part part = { .encoding = texts[i].encoding };
	struct charset_writer writer;
	struct convert_text text;
	struct buf out = buf_new(10000);
	struct span rest = span_of(texts[i].text);

	part.charset_len = strlen(texts[i].source_charset);
	memcpy(part.charset, texts[i].source_charset, part.charset_len);
	charset_writer_init(&writer, span_of(texts[i].charset));
	text.kind = texts[i].kind;
	text.part = &part;
	text.writer = &writer;
	text.charset = span_of(texts[i].charset);
	convert_text_begin(&text, &out);
	for (; rest.len > 0; rest = span_slice(rest, step, rest.len))
		convert_text_piece(&text, &out, span_slice(rest, 0, step));
	convert_text_end(&text, &out);
	bool is_same = !writer.is_lossy &&
		       span_equal(buf_span(&out), span_of(texts[i].want));
	if (!is_same)
		printf("# %zu: %.*s\n", step, (int)out.len, out.data);
	buf_free(&out);
	return is_same;
}

/* However often a byte of the source is many of the text. */
static void
test_growth(void)
{
	static const char *const grown[] = { "\"", "\x01", "<br>a", "\na",
		"&#8364;",
		"\xa0"
		"a",
		"<li>a", "<p>a", "<a href='http://0123456789'>a" };

	for (size_t i = 0; i < 2 * sizeof(grown) / sizeof(*grown); i++) {
		bool is_html = i % 2 == 0;
		struct bodytext_part part = { .charset = "iso-8859-1",
			.charset_len = 10 };
		struct charset_writer writer;
		struct convert_text text;
		struct buf source = buf_new(1 << 20);
		struct buf out = buf_new(64 << 20);

		for (int k = 0; is_html && k < 20; k++)
			buf_add_string(&source, "<blockquote><ol><pre>");
		while (source.len < 200000)
			buf_add_string(&source, grown[i / 2]);
		buf_add_char(&source, 'x');
		charset_writer_init(&writer, span_of("utf-8"));
		text.kind = is_html ? CONVERT_FROM_HTML : CONVERT_TO_HTML;
		text.part = &part;
		text.writer = &writer;
		text.charset = span_of("utf-8");
		convert_text_begin(&text, &out);
		convert_text_piece(&text, &out, buf_span(&source));
		convert_text_end(&text, &out);
		CHECK(grown[i / 2], !out.overflow && out.len > 0);
		buf_free(&source);
		buf_free(&out);
	}
}

/* ---- which there are ---- */

static bool
finds(const char *from, const char *to, uint64_t preferred, const char *want)
{
	const struct conversion *found = conversion_find(span_of(from),
	    to == NULL ? (struct span){ NULL, 0 } : span_of(to), preferred);

	return want == NULL ? found == NULL
			    : found != NULL && strcmp(found->to, want) == 0;
}

static void
test_table(void)
{
	CHECK("by name", finds("TEXT/html", "Text/Plain", 0, "text/plain"));
	CHECK("none", finds("image/gif", "image/jpeg", 0, NULL) &&
			  finds("text/css", "text/plain", 0, NULL));
	CHECK("by default", finds("text/html", NULL, 0, "text/plain"));
	CHECK("as preferred", finds("text/html", NULL, 8, "text/html") &&
				  finds("text/html", NULL, 2, "text/plain"));
	CHECK("none by default", finds("image/gif", NULL, 0, NULL));
	static const char *const types[] = { "a/b", "text/x.y-z+w",
		"1/!#$&.+-^_" };
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		CHECK(types[i], conversion_is_type(span_of(types[i])));
	static const char *const bad[] = { "", "a", "a/", "/b", "a/b/c", "a/*",
		"*", "a b/c", "a/b;c", "a/\xc3\xa9" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(bad[i], !conversion_is_type(span_of(bad[i])));
	CHECK("NUL", !conversion_is_type((struct span){ "a/b\0", 4 }));
}

/* ---- headers ---- */

static const struct {
	const char *label;
	const char *charset;
	const char *header;
	const char *want;
} headers[] = {
	{ "RFC 5259 section 6", "UTF-8",
	    "Date: x\r\nSubject: =?KOI8-R?Q?why_encode_this?=\r\n\r\n",
	    "Date: x\r\nSubject: =?UTF-8?Q?why_encode_this?=\r\n\r\n" },
	{ "base64 stays so", "utf-8", "S: =?koi8-r?b?8NLJ18XU?=\r\n",
	    "S: =?utf-8?B?0J/RgNC40LLQtdGC?=\r\n" },
	{ "to one byte", "iso-8859-1", "S: a =?utf-8?q?caf=C3=A9?= b\r\n",
	    "S: a =?iso-8859-1?Q?caf=E9?= b\r\n" },
	{ "folds stay", "utf-8", "S: a\r\n =?iso-8859-1?q?=E9?=\r\n b\r\n",
	    "S: a\r\n =?utf-8?Q?=C3=A9?=\r\n b\r\n" },
	{ "a character cut in two", "utf-8",
	    "S: =?utf-8?q?=C3?=\r\n =?utf-8?q?=A9?=\r\n",
	    "S: =?utf-8?Q?=C3=A9?=\r\n" },
	{ "what is not known stays", "utf-8",
	    "S: =?x-none?q?=E9?= =?utf-8?x?y?= =?a\r\n",
	    "S: =?x-none?q?=E9?= =?utf-8?x?y?= =?a\r\n" },
	{ "beside one that is", "utf-8",
	    "S: =?iso-8859-1?q?=E9?= =?x-none?q?=E9?=\r\n",
	    "S: =?utf-8?Q?=C3=A9?=\r\n =?x-none?q?=E9?=\r\n" },
	{ "no line is too long", "utf-8",
	    "Subject: =?koi8-r?q?=F0=D2=C9=D7=C5=D4=F0=D2=C9=D7=C5=D4?=\r\n",
	    "Subject: =?utf-8?Q?=D0=9F=D1=80=D0=B8=D0=B2=D0=B5=D1=82"
	    "=D0=9F=D1=80=D0=B8?=\r\n"
	    " =?utf-8?Q?=D0=B2=D0=B5=D1=82?=\r\n" },
	{ "a word of nothing leaves no empty line", "utf-8",
	    "S: a\r\n =?koi8-r?q?\?=\r\n b\r\n",
	    "S: a\r\n =?utf-8?Q?\?=\r\n b\r\n" },
	{ "behind another", "utf-8",
	    "S: =?koi8-r?q?=F0?= =?iso-8859-1?q?\?=\r\n",
	    "S: =?utf-8?Q?=D0=9F?=\r\n =?utf-8?Q?\?=\r\n" },
	{ "what is no field stays", "utf-8",
	    "S: a\r\n=?koi8-r?q?\?=\r\n=?koi8-r?q?\?=: b\r\n",
	    "S: a\r\n=?koi8-r?q?\?=\r\n=?koi8-r?q?\?=: b\r\n" },
	{ "raw bytes stay", "us-ascii", "S: caf\xc3\xa9\r\n",
	    "S: caf\xc3\xa9\r\n" },
	{ "RFC 2231", "iso-8859-1",
	    "Content-Type: text/plain; charset=utf-8;\r\n"
	    " foo*0*=utf-8'fr'tr%c3%a9;\r\n foo*1*(very)=%20s_m%c3;\r\n"
	    " foo*2*=(nasty)%a9chant\r\n",
	    "Content-Type: text/plain;\r\n charset=utf-8;\r\n"
	    " foo*=iso-8859-1'fr'tr%E9%20s_m%E9chant\r\n" },
	{ "in lines", "utf-8",
	    "Content-Disposition: attachment;\r\n filename*=iso-8859-1''"
	    "%e9%e9%e9%e9%e9%e9%e9%e9%e9%e9%e9%e9%e9%e9%e9%e9\r\n",
	    "Content-Disposition: attachment;\r\n filename*0*=utf-8''"
	    "%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9;\r\n"
	    " filename*1*=%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9\r\n" },
	{ "later sections first", "utf-8",
	    "Content-Type: a/b; n*1*=%E9; x=y; n*0*=iso-8859-1''a\r\n",
	    "Content-Type: a/b;\r\n n*=utf-8''a%C3%A9;\r\n x=y\r\n" },
	{ "a set that is not known", "utf-8",
	    "Content-Type: a/b; n*=x-none''%e9; x=y\r\n",
	    "Content-Type: a/b; n*=x-none''%e9; x=y\r\n" },
	{ "a section that is missing", "utf-8",
	    "Content-Type: a/b; n*0*=utf-8''%e9; n*2*=y\r\n",
	    "Content-Type: a/b; n*0*=utf-8''%e9; n*2*=y\r\n" },
	{ "two firsts", "utf-8",
	    "Content-Type: a/b; n*0*=utf-8''a; n*0*=utf-8''b; n*1=c\r\n",
	    "Content-Type: a/b; n*0*=utf-8''a; n*0*=utf-8''b; n*1=c\r\n" },
	{ "no set at all", "utf-8", "Content-Type: a/b; n*0=x; n*1*=%e9\r\n",
	    "Content-Type: a/b; n*0=x; n*1*=%e9\r\n" },
	{ "without extended ones it stays", "utf-8",
	    "Content-Type: a/b;x=y (c); n*0=a;\tn*1=b\r\n",
	    "Content-Type: a/b;x=y (c); n*0=a;\tn*1=b\r\n" },
	{ "others are quoted", "utf-8",
	    "Content-Type: a/b; n*=utf-8''x; m=\"a b\"\r\n",
	    "Content-Type: a/b;\r\n n*=utf-8''x;\r\n m=\"a b\"\r\n" },
	{ "a comment with a semicolon", "utf-8",
	    "Content-Type: text/plain (a;b); n*=utf-8''x\r\n",
	    "Content-Type: text/plain;\r\n n*=utf-8''x\r\n" },
	{ "also of no type", "utf-8",
	    "Content-Disposition: attachment (a;b); n*=utf-8''x\r\n",
	    "Content-Disposition: attachment;\r\n n*=utf-8''x\r\n" },
	{ "no value but parameters", "utf-8",
	    "Content-Disposition: (a); n*=koi8-r''%F0\r\n",
	    "Content-Disposition: (a); n*=koi8-r''%F0\r\n" },
	{ "a language that is none", "utf-8",
	    "Content-Type: a/b; n*=\"koi8-r'en;x=y;z='%F0\"\r\n",
	    "Content-Type: a/b; n*=\"koi8-r'en;x=y;z='%F0\"\r\n" },
	{ "a word in one", "utf-8",
	    "Content-Type: a/b; n*=utf-8''x; m=\"=?koi8-r?q?=F0?=\"\r\n",
	    "Content-Type: a/b;\r\n n*=utf-8''x;\r\n"
	    " m=\"=?utf-8?Q?=D0=9F?=\"\r\n" },
};

static bool
header_converts(size_t i)
{
	struct charset_writer writer;
	struct buf out = buf_new(10000);

	charset_writer_init(&writer, span_of(headers[i].charset));
	header_add_converted(&out, span_of(headers[i].header), &writer,
	    span_of(headers[i].charset));
	bool is_same = !writer.is_lossy &&
		       span_equal(buf_span(&out), span_of(headers[i].want));
	if (!is_same)
		printf("# %.*s\n", (int)out.len, out.data);
	buf_free(&out);
	return is_same;
}

/* A word of a parameter whose every character becomes many. */
static void
test_long_replacement(void)
{
	enum {
		CHARACTERS = 500,
		LONG = 60
	};
	struct charset_writer writer;
	struct buf header = buf_new(10000);
	struct buf out = buf_new(1 << 20);
	char replacement[LONG + 1] = "";

	memset(replacement, 'x', LONG);
	charset_writer_init(&writer, span_of("us-ascii"));
	CHECK("a replacement may be long",
	    charset_writer_replace(&writer, span_of(replacement)));
	buf_add_string(
	    &header, "Content-Type: a/b; n*=utf-8''x; m=\"=?utf-8?q?");
	for (int i = 0; i < CHARACTERS; i++)
		buf_add_string(&header, "\xc3\xa9");
	buf_add_string(&header, "?=\"\r\n");
	header_add_converted(
	    &out, buf_span(&header), &writer, span_of("us-ascii"));
	size_t count = 0;
	for (size_t i = 0; i < out.len; i++)
		count += out.data[i] == 'x';
	CHECK("nothing of a parameter that grows is lost",
	    !out.overflow && count == CHARACTERS * LONG + 1);
	buf_free(&header);
	buf_free(&out);
}

int
main(void)
{
	test_sets();
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		CHECK(texts[i].label,
		    converts(i, 1) && converts(i, 2) && converts(i, 1000));
	test_growth();
	test_table();
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		CHECK(headers[i].label, header_converts(i));
	test_long_replacement();
	return test_result();
}
