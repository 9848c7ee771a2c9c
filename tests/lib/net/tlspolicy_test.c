/*
 * tlspolicy_test - lines of control/tlspolicy, and which of them counts.
 */

#include "net/tlspolicy.h"
#include "test.h"

#define HEX "00112233445566778899aabbccddeeff"
#define TWO HEX HEX

static const struct {
	const char *line;
	int level; /* -1: no such line */
} lines[] = {
	{ "a.example none", TLS_LEVEL_NONE },
	{ ".a.example  may", TLS_LEVEL_MAY },
	{ "*\tencrypt", TLS_LEVEL_ENCRYPT },
	{ "a.example dane", TLS_LEVEL_DANE },
	{ "a.example verify", TLS_LEVEL_VERIFY },
	{ "a.example verify mx.b.example .c.example", TLS_LEVEL_VERIFY },
	{ "a.example fingerprint " TWO, TLS_LEVEL_FINGERPRINT },
	{ "a.example fingerprint " TWO " " TWO, TLS_LEVEL_FINGERPRINT },
	{ "a.example fingerprint 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:"
	  "FF:" HEX,
	    TLS_LEVEL_FINGERPRINT },
	{ "a.example", -1 },
	{ "a.example maybe", -1 },
	{ "a.example encrypt more", -1 },
	{ "a.example dane more", -1 },
	{ "a.example verify bad/name", -1 },
	{ "a.example fingerprint", -1 },
	{ "a.example fingerprint " HEX, -1 },
	{ "a.example fingerprint " TWO "0", -1 },
	{ "a.example fingerprint :" TWO, -1 },
	{ "a@example none", -1 },
	{ ". none", -1 },
	{ "", -1 },
};

static void
test_lines(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct tls_policy policy;
		struct span pattern;
		bool is_good =
		    tlspolicy_parse(span_of(lines[i].line), &pattern, &policy);

		CHECK(lines[i].line, is_good
					 ? (int)policy.level == lines[i].level
					 : lines[i].level == -1);
	}
}

static enum tls_level
level_for(const char *domain, const char *host)
{
	static struct span items[5];

	items[0] = span_of("* encrypt");
	items[1] = span_of("a.example verify");
	items[2] = span_of(".example may");
	items[3] = span_of("mx.host.test none");
	items[4] = span_of(".b.example fingerprint " TWO);
	const struct control_list list = { .items = items, .count = 5 };

	return tlspolicy_find(&list, span_of(domain), span_of(host)).level;
}

int
main(void)
{
	test_lines();
	CHECK("the domain", level_for("A.example", "x") == TLS_LEVEL_VERIFY);
	CHECK("all below", level_for("c.example", "x") == TLS_LEVEL_MAY);
	CHECK("the longest",
	    level_for("c.b.example", "x") == TLS_LEVEL_FINGERPRINT);
	CHECK(
	    "the host", level_for("d.test", "MX.host.test") == TLS_LEVEL_NONE);
	CHECK("the domain before the host",
	    level_for("a.example", "mx.host.test") == TLS_LEVEL_VERIFY);
	CHECK("the rest", level_for("d.test", "e.test") == TLS_LEVEL_ENCRYPT);
	const struct control_list none = { .count = 0 };
	CHECK("may, without a file",
	    tlspolicy_find(&none, span_of("a"), span_of("b")).level ==
		TLS_LEVEL_MAY);
	const struct tls_policy pinned = { .level = TLS_LEVEL_FINGERPRINT,
		.words = span_of(TWO) };
	unsigned char digest[32];
	for (unsigned i = 0; i < 32; i++)
		digest[i] = (unsigned char)((i % 16) * 0x11);
	CHECK("that digest", tlspolicy_has_digest(&pinned, digest));
	digest[31]++;
	CHECK("no other", !tlspolicy_has_digest(&pinned, digest));
	return test_result();
}
