/*
 * html_test - HTML as text, and its references; whole and byte by byte.
 */

#include "mail/html_text.h"
#include "test.h"

static const struct {
	const char *label;
	const char *html;
	const char *text;
} cases[] = {
	{ "nothing", "", "" },
	{ "no text", "<p> </p>\n<br>", "" },
	{ "space", " a \n\t b ", "a b\r\n" },
	{ "paragraphs", "<p>a</p><p>b", "a\r\n\r\nb\r\n" },
	{ "blocks", "<div>a</div><div>b</div>", "a\r\nb\r\n" },
	{ "an empty line", "<div>a</div><div><br></div><div>b</div>",
	    "a\r\n\r\nb\r\n" },
	{ "no more than two", "a<br><br><br><br><br>b", "a\r\n\r\n\r\nb\r\n" },
	{ "inline elements break no word", "<b>a</b>b<i>c</i>", "abc\r\n" },
	{ "case", "<P>a</P><DIV>b</DIV>", "a\r\n\r\nb\r\n" },
	{ "a list", "<ul><li>a<li>b</ul>c", "* a\r\n* b\r\n\r\nc\r\n" },
	{ "with paragraphs", "<ul><li><p>a</p></li><li>b</li></ul>",
	    "* a\r\n\r\n* b\r\n" },
	{ "lists in lists", "<ol><li>a<ul><li>b</ul><li>c</ol>",
	    "1. a\r\n  * b\r\n2. c\r\n" },
	{ "a line more of an item", "<ul><li>a<br>b</ul>", "* a\r\n  b\r\n" },
	{ "an item of no list", "<li>a", "* a\r\n" },
	{ "a table", "<table><tr><th>a<td>b</tr><tr><td>c<td>d</table>",
	    "a\tb\r\nc\td\r\n" },
	{ "an empty cell at the start", "<tr><td></td><td>b</td></tr>",
	    "b\r\n" },
	{ "quotes", "a<blockquote>b<blockquote>c</blockquote></blockquote>d",
	    "a\r\n\r\n> b\r\n\r\n> > c\r\n\r\nd\r\n" },
	{ "a quote that is not open ends", "</blockquote>a", "a\r\n" },
	{ "pre", "<pre>a  b\r\n\tc\n</pre>d", "a  b\r\n c\r\n\r\nd\r\n" },
	{ "a rule", "a<hr>b", "a\r\n---\r\nb\r\n" },
	{ "a link", "<a href=\"http://x/?a=1&amp;b\">here</a>.",
	    "here <http://x/?a=1&b>.\r\n" },
	{ "that says where it goes", "<a href='http://x/'>http://x</a>",
	    "http://x\r\n" },
	{ "mailto", "<a href=mailto:a@b>a@b</a> <a href=mailto:a@b>Ann</a>",
	    "a@b Ann <a@b>\r\n" },
	{ "a script is no link", "<a href=\"javascript:x()\">a</a>", "a\r\n" },
	{ "of two addresses the first", "<a href=http://x href=http://y>a</a>",
	    "a <http://x>\r\n" },
	{ "also if it is empty", "<a href='' href=http://y>a</a>", "a\r\n" },
	{ "space is none", "<a href=\"http://x y\">a</a>", "a\r\n" },
	{ "a link of nothing", "<a href=\"http://x\"></a>a", "a\r\n" },
	{ "an image", "<img src=x alt=\"A &amp; B\"><img alt=\"\">",
	    "[A & B]\r\n" },
	{ "references", "&lt;&eacute;&#233;&#xE9;&#XE9;&amp;lt;&hellip;",
	    "<\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9&lt;\xe2\x80\xa6\r\n" },
	{ "of windows-1252", "&#150;&#x80;", "\xe2\x80\x93\xe2\x82\xac\r\n" },
	{ "without their end", "&eacute &#65 &ampx", "\xc3\xa9 A &ampx\r\n" },
	{ "that are none", "& &; &#; &#x; &nosuch; a&b &#0; &#1114112;",
	    "& &; &#; &#x; &nosuch; a&b \xef\xbf\xbd \xef\xbf\xbd\r\n" },
	{ "cut off", "a&eacut", "a&eacut\r\n" },
	{ "before a wide character", "&\xc3\xa9<\xc3\xa9",
	    "&\xc3\xa9<\xc3\xa9\r\n" },
	{ "no tag", "a < b <3 <", "a < b <3 <\r\n" },
	{ "an end tag that is none", "a</>b</ x>c", "abc\r\n" },
	{ "quotes hide an end", "<img alt='a>b' x=\">\">c", "[a>b]c\r\n" },
	{ "attributes of all kinds", "<a x href = http://x y=z/>t</a>",
	    "t <http://x>\r\n" },
	{ "a tag that is not closed", "a<img alt=\"b", "a\r\n" },
	{ "comments", "a<!-- <p> -- > x -->b<!---->c<!-->d<!--x--!>e",
	    "abcde\r\n" },
	{ "of an editor", "<!--[if mso]>x<![endif]-->a<![if !mso]>b<![endif]>",
	    "ab\r\n" },
	{ "declarations", "<!DOCTYPE html><?xml version='1'?>a", "a\r\n" },
	{ "the head", "<head><title>t</title><meta x> </head><body>a",
	    "a\r\n" },
	{ "text ends it", "<head><meta x>x <b>y</b><p>a", "x y\r\n\r\na\r\n" },
	{ "styles and scripts",
	    "<style>p > a {}</style>a<script>if (a </b) '<p>'</SCRIPT >b",
	    "ab\r\n" },
	{ "no-break spaces", "a&nbsp;&nbsp;b &nbsp;", "a  b\r\n" },
	{ "marks of no width", "a&shy;b&#8203;c\xef\xbb\xbf", "abc\r\n" },
	{ "joiners stay", "a&zwj;b",
	    "a\xe2\x80\x8d"
	    "b\r\n" },
	{ "controls go",
	    "a\x01\x7f"
	    "b",
	    "a b\r\n" },
};

static bool
is_text(const char *html, size_t step, const char *want)
{
	struct span rest = span_of(html);
	struct buf out = buf_new(1 << 20);
	struct html_text text;

	html_text_begin(&text);
	while (rest.len > 0) {
		size_t len = step < rest.len ? step : rest.len;

		/* No piece ends within a character. */
		while (len < rest.len && (rest.ptr[len] & 0xc0) == 0x80)
			len++;
		html_text_piece(&text, &out, span_slice(rest, 0, len));
		rest = span_slice(rest, len, rest.len);
	}
	html_text_end(&text, &out);
	bool is_same = span_equal(buf_span(&out), span_of(want));
	if (!is_same)
		printf("# %zu: %.*s\n", step, (int)out.len, out.data);
	buf_free(&out);
	return is_same;
}

/* A document of count times begin, with depth as deep. */
static void
test_depth(void)
{
	static const char *const deep[] = { "<div>", "<ul><li>", "<blockquote>",
		"<pre>", "<table><tr><td>", "<a href=\"http://x\">", "<ol>" };

	for (size_t i = 0; i < sizeof(deep) / sizeof(*deep); i++) {
		struct buf out = buf_new(1 << 20);
		struct html_text text;

		html_text_begin(&text);
		for (size_t k = 0; k < 100000; k++)
			html_text_piece(&text, &out, span_of(deep[i]));
		html_text_piece(&text, &out, span_of("x"));
		html_text_end(&text, &out);
		CHECK(deep[i], !out.overflow && out.len > 0 && out.len < 64 &&
				   memchr(out.data, 'x', out.len) != NULL);
		buf_free(&out);
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK(cases[i].label,
		    is_text(cases[i].html, SIZE_MAX / 2, cases[i].text) &&
			is_text(cases[i].html, 1, cases[i].text) &&
			is_text(cases[i].html, 3, cases[i].text));
	test_depth();
	CHECK("names", html_named_character(span_of("AElig")) == 0xc6 &&
			   html_named_character(span_of("zwnj")) == 0x200c &&
			   html_named_character(span_of("aelig")) == 0xe6 &&
			   html_named_character(span_of("x")) == 0 &&
			   html_named_character(span_of("")) == 0);
	return test_result();
}
