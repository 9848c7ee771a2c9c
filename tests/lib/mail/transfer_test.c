/*
 * transfer_test - lib/mail/transfer.c: what becomes of each kind of part.
 */

#include "mail/transfer.h"

#include "test.h"

static void
collect(void *context, struct span bytes)
{
	buf_add(context, bytes);
}

/* Feed text line by line; "\r\n" and "\n" end lines. */
static enum transfer_status
run(enum transfer_goal goal, const char *text, struct buf *out)
{
	static struct transfer transfer;
	struct span rest = span_of(text);

	transfer_init(&transfer, goal, collect, out);
	while (span_index(rest, '\n') < rest.len) {
		struct span line = span_cut(&rest, '\n');
		bool has_cr = line.len > 0 && line.ptr[line.len - 1] == '\r';

		line.len -= has_cr;
		transfer_add(
		    &transfer, line, has_cr ? TRANSFER_CRLF : TRANSFER_LF);
	}
	enum transfer_status status = transfer_finish(&transfer, rest);
	transfer_free(&transfer);
	return status;
}

static const struct {
	const char *label;
	enum transfer_goal goal;
	const char *in;
	enum transfer_status status;
	const char *out;
} cases[] = {
	{ "no MIME", TRANSFER_TO_7BIT, "Subject: x\n\n\xe4 = \n", TRANSFER_OK,
	    "Subject: x\nContent-Transfer-Encoding: quoted-printable\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=unknown-8bit\n\n"
	    "=E4 =3D=20\n" },
	{ "declared 8bit", TRANSFER_TO_7BIT,
	    "MIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\nX: y\n\n\xe4",
	    TRANSFER_OK,
	    "MIME-Version: 1.0\nX: y\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n=E4\n" },
	{ "base64 stays", TRANSFER_TO_7BIT,
	    "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\nAAAA\n",
	    TRANSFER_OK,
	    "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\nAAAA\n" },
	{ "base64 that is none", TRANSFER_TO_7BIT,
	    "Content-Transfer-Encoding: base64\n\n\xe4\n", TRANSFER_IMPOSSIBLE,
	    NULL },
	{ "an 8-bit header", TRANSFER_TO_7BIT, "Subject: \xe4\n\n",
	    TRANSFER_HEADER, NULL },
	{ "a multipart", TRANSFER_TO_7BIT,
	    "MIME-Version: 1.0\nContent-Type: multipart/mixed; x=y;\n"
	    "\tboundary=\"a b\"\nContent-Transfer-Encoding: 8bit\n\n"
	    "pre\n--a b\n\n-\xe4\n--a b\t\nContent-Type: multipart/x; "
	    "boundary=a\n\n--a\n--a--\n--a b--\npost\n",
	    TRANSFER_OK,
	    "MIME-Version: 1.0\nContent-Type: multipart/mixed; x=y;\n"
	    "\tboundary=\"a b\"\nContent-Transfer-Encoding: 7bit\n\n"
	    "pre\n--a b\nContent-Transfer-Encoding: quoted-printable\n\n"
	    "=2D=E4\n--a b\t\nContent-Type: multipart/x; boundary=a\n\n"
	    "--a\n--a--\n--a b--\npost\n" },
	{ "an 8-bit preamble", TRANSFER_TO_7BIT,
	    "Content-Type: multipart/x; boundary=a\n\n\xe4\n--a--\n",
	    TRANSFER_IMPOSSIBLE, NULL },
	{ "signed", TRANSFER_TO_7BIT,
	    "Content-Type: multipart/signed; boundary=a\n\n--a\n\n\xe4\n",
	    TRANSFER_IMPOSSIBLE, NULL },
	{ "an embedded message", TRANSFER_TO_7BIT,
	    "MIME-Version: 1.0\nContent-Type: message/rfc822 (it (is))\n"
	    "Content-Transfer-Encoding: 8bit\n\nSubject: in\n\n\xe4\n",
	    TRANSFER_OK,
	    "MIME-Version: 1.0\nContent-Type: message/rfc822 (it (is))\n"
	    "Content-Transfer-Encoding: 7bit\n\nSubject: in\n"
	    "Content-Transfer-Encoding: quoted-printable\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=unknown-8bit\n\n=E4\n" },
	{ "binary", TRANSFER_FROM_BINARY,
	    "Content-Transfer-Encoding: binary\r\n\r\na\r\nb\nc", TRANSFER_OK,
	    "Content-Transfer-Encoding: base64\n\nYQ0KYgpj\n" },
	{ "a bare LF in text", TRANSFER_FROM_BINARY, "X: y\r\n\r\na\nb\r\n",
	    TRANSFER_UNCLEAN, NULL },
	{ "a bare LF before what looks like a delimiter", TRANSFER_FROM_BINARY,
	    "Content-Type: multipart/x; boundary=a\r\n\r\n--a\r\n"
	    "Content-Transfer-Encoding: binary\r\n\r\n\n--a\r\n\r\n--a--",
	    TRANSFER_OK,
	    "Content-Type: multipart/x; boundary=a\n\n--a\n"
	    "Content-Transfer-Encoding: base64\n\nCi0tYQ0K\n--a--\n" },
};

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = buf_new(1 << 20);
		enum transfer_status status =
		    run(cases[i].goal, cases[i].in, &out);

		CHECK(cases[i].label,
		    status == cases[i].status &&
			(cases[i].out == NULL ||
			    span_equal(buf_span(&out), span_of(cases[i].out))));
		buf_free(&out);
	}
}

static void
test_long_lines(void)
{
	struct encoder encoder;
	struct buf out = buf_new(1 << 20);
	struct span rest;

	encoder_init(&encoder);
	for (int i = 0; i < 1000; i++)
		encoder_add_quoted(&encoder, &out, span_of("-- \xc3\xa4"));
	encoder_end_quoted(&encoder, &out);
	rest = buf_span(&out);
	bool is_short = true;
	while (rest.len > 0) {
		struct span line = span_cut(&rest, '\n');

		is_short = is_short && line.len <= ENCODER_LINE &&
			   !span_starts(line, span_of("--"));
	}
	CHECK("quoted lines are short, and no delimiters", is_short);
	buf_free(&out);
}

int
main(void)
{
	test_cases();
	test_long_lines();
	return test_result();
}
