#include "mail/contenttype.h"

#include "mail/decoder.h"
#include "test.h"

/* A parameter as it was meant; NULL: it is not there. */
static const struct {
	const char *field;
	const char *name;
	const char *value;
} cases[] = {
	{ "text/plain; charset=us-ascii (Plain text)", "charset", "us-ascii" },
	{ "text/plain; charset=us-ascii(Plain text)", "charset", "us-ascii" },
	{ "text/plain; charset=(Plain text)\n us-ascii", "charset",
	    "us-ascii" },
	{ "text/plain; charset=\"us-ascii\" (x;y)", "charset", "us-ascii" },
	{ "text/plain; charset=utf-8\r\n; format=flowed", "charset", "utf-8" },
	{ "text/plain; charset=utf-8; format=flowed", "format", "flowed" },
	{ "text/plain; charset=; format=flowed", "charset", "" },
	{ "text/plain; charset=; format=flowed", "format", "flowed" },
	{ "text/plain; charset=utf-8", "format", NULL },
	{ "a/b; boundary=----=_Part_1", "boundary", "----=_Part_1" },
	{ "a/b; boundary==_abc; type=x", "boundary", "=_abc" },
	{ "a/b; boundary=abc:def", "boundary", "abc:def" },
	{ "a/b; boundary=a/b; type=x", "boundary", "a/b" },
	{ "a/b; boundary=x?y", "boundary", "x?y" },
	{ "a/b; boundary=[x]", "boundary", "[x]" },
	{ "a/b; boundary=a@b", "boundary", "a@b" },
	{ "a/b; boundary=a,b", "boundary", "a,b" },
	{ "a/b; boundary=<ab>", "boundary", "<ab>" },
	{ "a/b; boundary=(a)b", "boundary", "(a)b" },
	{ "a/b; boundary= (it is) \"a b\"", "boundary", "a b" },
	{ "a/b; boundary=ab\n (a comment)", "boundary", "ab" },
	{ "a/b; boundary=ab ; type=x", "boundary", "ab" },
	{ "a/b; boundary=\"a;\\\"b\"", "boundary", "a;\"b" },
	{ "a/b; type=text/html", "type", "text/html" },
	{ "a/b; name=my file (1).pdf", "name", "my file (1).pdf" },
	{ "a/b; Name=my file (1).pdf ; x=y", "name", "my file (1).pdf" },
	{ "attachment; filename=my\r\n file.pdf\r\n; size=3", "filename",
	    "my file.pdf" },
	{ "attachment; filename=(1) a.pdf; size=3", "filename", "(1) a.pdf" },
	{ "attachment; filename=my file.pdf; size=3", "size", "3" },
	{ "attachment; filename==?utf-8?B?w6kucGRm?=", "filename",
	    "=?utf-8?B?w6kucGRm?=" },
	{ "attachment; filename*0=my f; filename*1=ile", "filename*0", "my f" },
	{ "attachment; filename=", "filename", "" },
	{ "attachment; filename= ", "filename", "" },
};

static bool
parameter_is(size_t i)
{
	struct content_type type = { .parameters = span_of(cases[i].field) };
	struct buf value = buf_new(100);
	bool is_there = content_type_parameter(&type, cases[i].name, &value);
	bool is_same = cases[i].value == NULL
			   ? !is_there
			   : is_there && span_equal(buf_span(&value),
					     span_of(cases[i].value));

	if (!is_same)
		printf("# %.*s\n", (int)value.len, value.data);
	buf_free(&value);
	return is_same;
}

static bool
token_is(const char *value, const char *token)
{
	return span_equal(content_token(span_of(value)), span_of(token));
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK(cases[i].field, parameter_is(i));
	CHECK("a token", token_is(" (x) base64; y", "base64"));
	CHECK("in quotes", token_is("(x) \"base64\"", "base64"));
	CHECK("nothing in them", token_is("\"\"", "") && token_is("\"", ""));
	CHECK("an encoding in quotes is that encoding",
	    decoder_kind_of(span_of("\"quoted-printable\"")) == DECODER_QUOTED);
	return test_result();
}
