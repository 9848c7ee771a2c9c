/*
 * smtpauth_test - lines of control/smtpauth, and whose they are.
 */

#include "net/smtpauth.h"
#include "test.h"

static const struct {
	const char *line;
	const char *host; /* NULL: no such line */
	unsigned port;
	const char *password;
} lines[] = {
	{ "smart.example * joe secret", "smart.example", 0, "secret" },
	{ "smart.example:587 @a.example joe two words ", "smart.example", 587,
	    "two words" },
	{ "[192.0.2.1] a@b.example joe x", "[192.0.2.1]", 0, "x" },
	{ "[2001:db8::1]:465\t*  joe \t x#y", "[2001:db8::1]", 465, "x#y" },
	{ "s.example * joe base64:IGEgIyI=", "s.example", 0, " a #\"" },
	{ "s.example * joe base64:x", NULL, 0, NULL },
	{ "s.example * joe base64:", NULL, 0, NULL },
	{ "s.example * joe", NULL, 0, NULL },
	{ "s.example joe joe x", NULL, 0, NULL },
	{ "s.example @ joe x", NULL, 0, NULL },
	{ "s.example:0 * joe x", NULL, 0, NULL },
	{ "s.example:65536 * joe x", NULL, 0, NULL },
	{ "s.example: * joe x", NULL, 0, NULL },
	{ "[192.0.2.1 * joe x", NULL, 0, NULL },
	{ "[192.0.2.1]x * joe x", NULL, 0, NULL },
	{ ":25 * joe x", NULL, 0, NULL },
	{ "", NULL, 0, NULL },
};

static void
test_lines(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct smtpauth smtpauth;
		struct buf password = buf_new(SMTPAUTH_WORD_MAX);
		bool is_good =
		    smtpauth_parse(span_of(lines[i].line), &smtpauth);

		if (is_good)
			smtpauth_password(&smtpauth, &password);
		CHECK(lines[i].line,
		    is_good == (lines[i].host != NULL) &&
			(!is_good || (span_equal(smtpauth.host,
					  span_of(lines[i].host)) &&
					 smtpauth.port == lines[i].port &&
					 span_equal(buf_span(&password),
					     span_of(lines[i].password)))));
		buf_free(&password);
	}
}

static size_t
find(const char *host, unsigned port, const char *sender, bool *is_for_host)
{
	static struct span items[5];

	items[0] = span_of("smart.example * all x");
	items[1] = span_of("smart.example @a.example a x");
	items[2] = span_of("smart.example ann@a.example ann x");
	items[3] = span_of("smart.example ann@a.example again x");
	items[4] = span_of("other.example:587 @a.example o x");
	const struct control_list list = { .items = items, .count = 5 };

	return smtpauth_find(
	    &list, span_of(host), (uint16_t)port, span_of(sender), is_for_host);
}

int
main(void)
{
	bool is_for_host;

	test_lines();
	CHECK("the address, the first of two",
	    find("Smart.example", 25, "Ann@A.example", &is_for_host) == 3);
	CHECK("its domain",
	    find("smart.example", 25, "b@a.example", &is_for_host) == 2);
	CHECK("all others",
	    find("smart.example", 25, "b@c.example", &is_for_host) == 1);
	CHECK("the null path",
	    find("smart.example", 25, "", &is_for_host) == 1 && is_for_host);
	CHECK("another host's: not",
	    find("x.example", 25, "ann@a.example", &is_for_host) == 0 &&
		!is_for_host);
	CHECK("another port: not",
	    find("other.example", 25, "ann@a.example", &is_for_host) == 0 &&
		!is_for_host);
	CHECK("another sender: not",
	    find("other.example", 587, "b@c.example", &is_for_host) == 0 &&
		is_for_host);
	return test_result();
}
