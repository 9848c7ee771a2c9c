/*
 * surrogate_test - lib/mail/surrogate.c: headers in ASCII, however the bytes
 * are cut (RFC 6856 section 2.1, RFC 6858).
 */

#include "mail/surrogate.h"

#include "test.h"

static const struct {
	const char *what;
	const char *before;
	const char *after;
} messages[] = {
	{ "ASCII stays as it is", "Subject: a\r\n\tb\r\nbroken\r\n\r\nbody\r\n",
	    "Subject: a\r\n\tb\r\nbroken\r\n\r\nbody\r\n" },
	{ "text", "Subject: caf\xc3\xa9 ol\xc3\xa9 x\r\n\r\ncaf\xc3\xa9\r\n",
	    "Subject: =?UTF-8?B?Y2Fmw6kgb2zDqQ==?= x\r\n\r\ncaf\xc3\xa9\r\n" },
	{ "other fields stay", "A: b\r\nX: \xc3\xa9\r\nC:  d\r\n\r\n",
	    "A: b\r\nX: =?UTF-8?B?w6k=?=\r\nC:  d\r\n\r\n" },
	{ "what is no UTF-8", "Subject: caf\xe9\r\n\r\n",
	    "Subject: =?unknown-8bit?B?Y2Fm6Q==?=\r\n\r\n" },
	{ "a name", "From: Zo\xc3\xab <z@example.org>\r\n\r\n",
	    "From: =?UTF-8?B?Wm/Dqw==?= <z@example.org>\r\n\r\n" },
	{ "RFC 6858: an address",
	    "From: Zo\xc3\xab <zo\xc3\xab@example.org>\r\n\r\n",
	    "From: =?UTF-8?B?Wm/Dqw==?=:;\r\n\r\n" },
	{ "without a name", "To: zo\xc3\xab@example.org, b@example.org\r\n\r\n",
	    "To: =?UTF-8?B?em/Dqw==?=:;, <b@example.org>\r\n\r\n" },
	{ "in a group", "Cc: all: zo\xc3\xab@x.org, \"b c\"@x.org;\r\n\r\n",
	    "Cc: \"all\": =?UTF-8?B?em/Dqw==?="
	    " <invalid@internationalized-address.invalid>,\r\n"
	    " <\"b c\"@x.org>;\r\n\r\n" },
	{ "a domain has a form in ASCII",
	    "To: a@b\xc3\xbc"
	    "cher.example\r\n\r\n",
	    "To: <a@xn--bcher-kva.example>\r\n\r\n" },
	{ "RFC 2231: a parameter",
	    "Content-Disposition: attachment; filename=\"na\xc3\xaf"
	    "f 1.txt\"; size=3\r\n\r\n",
	    "Content-Disposition: attachment;"
	    " filename*=utf-8''na%C3%AFf%201.txt;\r\n size=\"3\"\r\n\r\n" },
	{ "a field's name", "S\xc3\xa9: x\r\n\r\n", "S??: x\r\n\r\n" },
	{ "no empty line", "Subject: \xc3\xa9\r\n",
	    "Subject: =?UTF-8?B?w6k=?=\r\n" },
	{ "headers of parts, and of a message in one",
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "\xc3\xa9: no header\r\n--b\r\nX: \xc3\xa9\r\n\r\nX: \xc3\xa9\r\n"
	    "--b\r\nContent-Type: message/rfc822\r\n\r\nX: \xc3\xa9\r\n\r\n"
	    "\xc3\xa9\r\n--b--\r\nX: \xc3\xa9\r\n",
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "\xc3\xa9: no header\r\n--b\r\nX: =?UTF-8?B?w6k=?=\r\n\r\n"
	    "X: \xc3\xa9\r\n"
	    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
	    "X: =?UTF-8?B?w6k=?=\r\n\r\n"
	    "\xc3\xa9\r\n--b--\r\nX: \xc3\xa9\r\n" },
};

/* Two pieces, cut at one place. */
static struct buf
convert(struct span text, size_t cut)
{
	struct surrogate surrogate;
	struct buf out = buf_new(1 << 20);

	surrogate_init(&surrogate);
	surrogate_add(&surrogate, &out, span_slice(text, 0, cut));
	surrogate_add(&surrogate, &out, span_slice(text, cut, text.len));
	surrogate_end(&surrogate, &out);
	surrogate_free(&surrogate);
	return out;
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		struct span text = span_of(messages[i].before);
		bool is_same = true;

		for (size_t cut = 0; cut <= text.len; cut++) {
			struct buf out = convert(text, cut);

			is_same = is_same && span_equal(buf_span(&out),
						 span_of(messages[i].after));
			if (cut == 0 && !is_same)
				printf("# %.*s\n", (int)out.len, out.data);
			buf_free(&out);
		}
		CHECK(messages[i].what, is_same);
	}
	return test_result();
}
