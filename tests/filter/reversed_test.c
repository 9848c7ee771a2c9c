#include "filter/reversed.h"

#include "filter/hello.h"
#include "net/network.h"
#include "test.h"

static const struct reversed_case {
	const char *address;
	const char *name;
} reversed_cases[] = {
	{ "192.0.2.7", "7.2.0.192.in-addr.arpa" },
	{ "::ffff:192.0.2.7", "7.2.0.192.in-addr.arpa" },
	{ "255.254.0.1", "1.0.254.255.in-addr.arpa" },
	{ "2001:db8:1:2:3:4:567:89ab",
	    "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2."
	    "ip6.arpa" },
};

static void
test_reversed(void)
{
	for (size_t i = 0;
	     i < sizeof(reversed_cases) / sizeof(reversed_cases[0]); i++) {
		const struct reversed_case *it = &reversed_cases[i];
		struct buf name = buf_new(REVERSED_MAX);
		struct network network;

		CHECK(
		    it->address, network_parse(span_of(it->address), &network));
		reversed_add_arpa(&name, network.bytes);
		CHECK(it->name, span_equal(buf_span(&name), span_of(it->name)));
		buf_free(&name);
	}
}

static const struct hello_case {
	const char *name;
	enum hello hello;
} hello_cases[] = {
	{ "client.example", HELLO_NAME },
	{ "client.example.", HELLO_NAME },
	{ "xn--a.example", HELLO_NAME },
	{ "a_b.example", HELLO_NAME },
	{ "localhost", HELLO_NO_FQDN },
	{ "192.0.2.7", HELLO_NO_FQDN },
	{ "a..example", HELLO_NO_FQDN },
	{ ".example", HELLO_NO_FQDN },
	{ "example..", HELLO_NO_FQDN },
	{ "", HELLO_NO_FQDN },
	{ "client.exam!ple", HELLO_NO_FQDN },
	{ "mx.example.org", HELLO_OWN },
	{ "MX.Example.ORG.", HELLO_OWN },
	{ "[192.0.2.7]", HELLO_LITERAL },
	{ "[IPv6:::ffff:192.0.2.7]", HELLO_LITERAL },
	{ "[192.0.2.8]", HELLO_OTHER_LITERAL },
	{ "[192.0.2.7/32]", HELLO_OTHER_LITERAL },
	{ "[", HELLO_OTHER_LITERAL },
	{ "[]", HELLO_OTHER_LITERAL },
	{ "[192.0.2.7", HELLO_OTHER_LITERAL },
	{ "[192.0.2.1]", HELLO_OWN },
};

static void
test_hello(void)
{
	struct network client;

	network_parse(span_of("192.0.2.7"), &client);
	const struct hello_facts facts = { .client = client.bytes,
		.our_name = span_of("mx.example.org"),
		.our_address = span_of("192.0.2.1") };
	for (size_t i = 0; i < sizeof(hello_cases) / sizeof(hello_cases[0]);
	     i++)
		CHECK(hello_cases[i].name,
		    hello_judge(span_of(hello_cases[i].name), &facts) ==
			hello_cases[i].hello);
}

int
main(void)
{
	test_reversed();
	test_hello();
	return test_result();
}
