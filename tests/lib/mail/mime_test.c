/*
 * mime_test - the parts of good and bad messages, and what IMAP says of them.
 */

#include <stdlib.h>

#include "mail/bodytext.h"
#include "mail/structure.h"
#include "test.h"

struct rendering {
	struct mime mime;
	struct structure structure;
};

static void
take_header(void *context, uint32_t part, struct span header)
{
	struct rendering *rendering = context;

	structure_take_header(
	    &rendering->structure, &rendering->mime, part, header);
}

/* Fed in pieces of step bytes. */
static void
render(struct buf *into, struct span message, size_t step, bool is_extended,
    bool is_utf8)
{
	struct rendering rendering;

	structure_init(&rendering.structure, is_extended, is_utf8);
	mime_init(&rendering.mime, take_header, &rendering);
	for (size_t at = 0; at < message.len; at += step)
		mime_add(&rendering.mime, span_slice(message, at, step));
	mime_finish(&rendering.mime);
	structure_add(&rendering.structure, &rendering.mime, into);
	mime_free(&rendering.mime);
	structure_free(&rendering.structure);
}

static bool
body_is(const char *message, const char *want)
{
	struct buf text = buf_new(1 << 20);
	bool is_same = true;

	for (size_t step = 1; step < 400 && is_same; step += 7) {
		buf_clear(&text);
		render(&text, span_of(message), step, false, false);
		is_same = span_equal(buf_span(&text), span_of(want));
		if (!is_same)
			printf("# step %zu: %.*s\n", step, (int)text.len,
			    text.data);
	}
	buf_free(&text);
	return is_same;
}

static const struct {
	const char *label;
	const char *message;
	const char *body;
} cases[] = {
	{ "plain, LF", "Subject: x\n\nab\ncd\n",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 8 "
	    "2)" },
	{ "plain, CRLF", "Subject: x\r\n\r\nab\r\ncd\r\n",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 8 "
	    "2)" },
	{ "no body", "Subject: x\n",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 "
	    "0)" },
	{ "nothing", "",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 "
	    "0)" },
	{ "an open last line", "\n\nx",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 "
	    "1)" },
	{ "two parts",
	    "Content-Type: multipart/mixed; boundary=b\n\nprologue\n--b\n\n"
	    "one\n--b\nContent-Type: image/png; name=\"a b\"\n"
	    "Content-Transfer-Encoding: base64\n\nAAAA\n--b--\nepilogue\n",
	    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
	    "3 "
	    "0)(\"image\" \"png\" (\"name\" \"a b\") NIL NIL \"base64\" 4) "
	    "\"mixed\")" },
	{ "no closing delimiter, an outer one",
	    "Content-Type: multipart/mixed; boundary=out\n\n--out\n"
	    "Content-Type: multipart/alternative; boundary=in\n\n--in\n\n"
	    "one\n--out\n\ntwo\n--out--\n",
	    "(((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
	    "3 0) \"alternative\")(\"text\" \"plain\" (\"charset\" "
	    "\"us-ascii\") NIL NIL \"7bit\" 3 0) \"mixed\")" },
	{ "an opening delimiter at the end",
	    "Content-Type: multipart/alternative; boundary=b\n\n--b\n"
	    "Content-Type: text/html\n\none\n--b\n",
	    "((\"text\" \"html\" NIL NIL NIL \"7bit\" 3 0) "
	    "\"alternative\")" },
	{ "and without a line end",
	    "Content-Type: multipart/alternative; boundary=b\n\n--b\n"
	    "Content-Type: text/html\n\none\n--b",
	    "((\"text\" \"html\" NIL NIL NIL \"7bit\" 3 0) "
	    "\"alternative\")" },
	{ "one before an outer delimiter",
	    "Content-Type: multipart/mixed; boundary=out\n\n--out\n"
	    "Content-Type: multipart/alternative; boundary=in\n\n--in\n\n"
	    "one\n--in\n--out\n\ntwo\n--out--\n",
	    "(((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
	    "3 0) \"alternative\")(\"text\" \"plain\" (\"charset\" "
	    "\"us-ascii\") NIL NIL \"7bit\" 3 0) \"mixed\")" },
	{ "nothing but one",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n",
	    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
	    "0 0) \"mixed\")" },
	{ "no delimiter at all",
	    "Content-Type: multipart/mixed; boundary=b\n\nhi\n",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 4 "
	    "1)" },
	{ "no boundary", "Content-Type: multipart/mixed\n\nhi\n",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 4 "
	    "1)" },
	{ "a boundary with spaces, and spaces behind it",
	    "Content-Type: multipart/mixed; boundary=\"a b \"\n\n--a b  \n\n"
	    "x\n--a b-- \n",
	    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
	    "1 "
	    "0) \"mixed\")" },
	{ "one boundary begins as the other",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	    "Content-Type: multipart/mixed; boundary=b-1\n\n--b-1\n\nx\n"
	    "--b-1--\n--b--\n",
	    "(((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
	    "1 0) \"mixed\") \"mixed\")" },
	{ "a part without an empty line",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	    "Content-Type: text/html\n--b--\n",
	    "((\"text\" \"html\" NIL NIL NIL \"7bit\" 0 0) \"mixed\")" },
	{ "an empty part",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b--\n",
	    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
	    "0 "
	    "0) \"mixed\")" },
	{ "a message in it",
	    "Content-Type: message/rfc822\n\nSubject: in\n\nx\n",
	    "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 18 (NIL \"in\" NIL "
	    "NIL NIL NIL NIL NIL NIL NIL) (\"text\" \"plain\" (\"charset\" "
	    "\"us-ascii\") NIL NIL \"7bit\" 3 1) 3)" },
	{ "an encoded message is data",
	    "Content-Type: message/rfc822\n"
	    "Content-Transfer-Encoding: base64\n\nU3ViamVjdDogeAo=\n",
	    "(\"application\" \"octet-stream\" NIL NIL NIL \"base64\" 18)" },
	{ "a digest",
	    "Content-Type: multipart/digest; boundary=b\n\n--b\n\n"
	    "Subject: in\n\nx\n--b--\n",
	    "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 16 (NIL \"in\" NIL "
	    "NIL NIL NIL NIL NIL NIL NIL) (\"text\" \"plain\" (\"charset\" "
	    "\"us-ascii\") NIL NIL \"7bit\" 1 0) 2) \"digest\")" },
	{ "raw bytes never leak",
	    "Content-Type: text/plain; name=\"\xe9t\xe9\"\n"
	    "Content-Description: caf\xc3\xa9 \"x\"\n\n\n",
	    "(\"text\" \"plain\" (\"name\" \"=?unknown-8bit?B?6XTp?=\") NIL "
	    "\"=?UTF-8?B?Y2Fmw6k=?= \\\"x\\\"\" \"7bit\" 2 1)" },
	{ "bare CR, and a CR before the end", "A: b\r\n\r\na\rb\r",
	    "(\"text\" \"plain\" (\"charset\" "
	    "\"us-ascii\") NIL NIL \"7bit\" 4 0)" },
};

static void
test_depth(void)
{
	struct buf message = buf_new(1 << 24);
	struct buf text = buf_new(1 << 24);

	for (int i = 0; i < 10000; i++)
		buf_printf(&message,
		    "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i,
		    i);
	render(&text, buf_span(&message), 1000, true, false);
	CHECK("10,000 multiparts in each other end somewhere",
	    text.len > 0 && text.len < (1 << 20) && !text.overflow);
	buf_clear(&message);
	buf_clear(&text);
	buf_add_string(
	    &message, "Content-Type: multipart/mixed; boundary=b\n\n");
	for (int i = 0; i < 20000; i++)
		buf_add_string(&message, "--b\n\n");
	render(&text, buf_span(&message), 1000, true, false);
	CHECK("20,000 parts are fewer", text.len > 0 && !text.overflow);
	buf_clear(&message);
	buf_clear(&text);
	buf_add_string(&message, "Subject: ");
	for (int i = 0; i < 1000000; i++)
		buf_add_string(&message, "long ");
	render(&text, buf_span(&message), 65536, true, false);
	CHECK("a header of 5 MB", text.len > 0 && !text.overflow);
	buf_free(&message);
	buf_free(&text);
}

static void
test_find(void)
{
	static const char message[] =
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n"
	    "Content-Type: message/rfc822\n\n"
	    "Content-Type: multipart/mixed; boundary=c\n\n--c\n\ndeep\n--c--\n"
	    "--b--\n";
	struct mime mime;

	mime_init(&mime, NULL, NULL);
	mime_add(&mime, span_of(message));
	mime_finish(&mime);
	CHECK("the message", mime_find(&mime, NULL, 0) == 0);
	CHECK("1", mime_find(&mime, (const uint32_t[]){ 1 }, 1) == 1);
	uint32_t deep = mime_find(&mime, (const uint32_t[]){ 2, 1 }, 2);
	CHECK("2.1", deep != MIME_NONE &&
			 mime.parts[deep].body.raw + sizeof("deep") - 1 ==
			     mime.parts[deep].end.raw);
	CHECK("0, 3, 1.1 and 2.2 are not there",
	    mime_find(&mime, (const uint32_t[]){ 0 }, 1) == MIME_NONE &&
		mime_find(&mime, (const uint32_t[]){ 3 }, 1) == MIME_NONE &&
		mime_find(&mime, (const uint32_t[]){ 1, 1 }, 2) == MIME_NONE &&
		mime_find(&mime, (const uint32_t[]){ 2, 2 }, 2) == MIME_NONE);
	mime_free(&mime);
}

static bool
envelope_is(const char *header, bool is_utf8, const char *want)
{
	struct buf text = buf_new(1 << 20);

	structure_add_envelope(&text, span_of(header), is_utf8);
	bool is_same = span_equal(buf_span(&text), span_of(want));
	if (!is_same)
		printf("# %.*s\n", (int)text.len, text.data);
	buf_free(&text);
	return is_same;
}

static void
test_envelopes(void)
{
	CHECK("names, groups, routes, comments",
	    envelope_is("From: \"A. \\\"B\\\"\" <a@b>\nTo: g: c@d, E F <e@f>;, "
			"<@x,@y:u@z>, j@k (Jo)\nCc: bare\n",
		false,
		"(NIL NIL ((\"A. \\\"B\\\"\" NIL \"a\" \"b\")) "
		"((\"A. \\\"B\\\"\" NIL \"a\" \"b\")) "
		"((\"A. \\\"B\\\"\" NIL \"a\" \"b\")) "
		"((NIL NIL \"g\" NIL)(NIL NIL \"c\" \"d\")(\"E F\" NIL \"e\" "
		"\"f\")(NIL NIL NIL NIL)(NIL \"@x,@y\" \"u\" \"z\")(\"Jo\" NIL "
		"\"j\" \"k\")) ((NIL NIL \"bare\" \"MISSING_DOMAIN\")) NIL NIL "
		"NIL)"));
	CHECK("an empty group", envelope_is("To: undisclosed:;\n", false,
				    "(NIL NIL NIL NIL NIL ((NIL NIL "
				    "\"undisclosed\" NIL)(NIL NIL NIL NIL)) "
				    "NIL NIL NIL NIL)"));
	CHECK("raw UTF-8 for who reads it",
	    envelope_is("Subject: \xc3\xa9 \xff\n", true,
		"(NIL \"\xc3\xa9 \xef\xbf\xbd\" NIL NIL NIL NIL NIL NIL NIL "
		"NIL)"));
	CHECK(
	    "folds", envelope_is("Subject: a\n b\nMessage-ID:\n <x@y>\n", false,
			 "(NIL \"a b\" NIL NIL NIL NIL NIL NIL NIL "
			 "\"<x@y>\")"));
	CHECK("a domain beyond ASCII",
	    envelope_is("From: u@m\xc3\xbcnchen.example\nSender: s@t\n"
			"Reply-To: r@t\n",
		false,
		"(NIL NIL ((NIL NIL \"u\" \"xn--mnchen-3ya.example\")) ((NIL "
		"NIL \"s\" \"t\")) ((NIL NIL \"r\" \"t\")) NIL NIL NIL NIL "
		"NIL)"));
}

static bool
preview_is(const char *text, bool is_html, const char *want)
{
	struct buf out = buf_new(4096);

	bodytext_add_preview(&out, span_of(text), is_html, 12);
	bool is_same = span_equal(buf_span(&out), span_of(want));
	if (!is_same)
		printf("# %.*s\n", (int)out.len, out.data);
	buf_free(&out);
	return is_same;
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK(cases[i].label, body_is(cases[i].message, cases[i].body));
	test_depth();
	test_find();
	test_envelopes();
	CHECK("preview: quotes and space go",
	    preview_is(
		"> old\n\n  new \r\n text and more", false, "new text and"));
	CHECK("preview of HTML",
	    preview_is("<style>x{}</style><p>a&amp;b&#233;</p><!-- c -->d",
		true, "a&b\xc3\xa9 d"));
	return test_result();
}
