/*
 * sources_test - lines of control/sourceaddress, and which of them counts.
 */

#include "net/sources.h"
#include "test.h"

static const struct {
	const char *line;
	int addresses; /* 1 IPv4, 2 IPv6, 3 both, 0: no such line */
} lines[] = {
	{ "* 192.0.2.1", 1 },
	{ "a.example 2001:db8::1", 2 },
	{ ".a.example 192.0.2.1 2001:db8::1", 3 },
	{ "@a.example\t2001:db8::1  192.0.2.1", 3 },
	{ "* 192.0.2.1 192.0.2.2", 0 },
	{ "* 2001:db8::1 2001:db8::2", 0 },
	{ "* localhost", 0 },
	{ "*", 0 },
	{ "@ 192.0.2.1", 0 },
	{ "joe@a.example 192.0.2.1", 0 },
	{ "", 0 },
};

static size_t
find(const char *sender, const char *domain)
{
	static struct span items[5];

	items[0] = span_of("* 192.0.2.1");
	items[1] = span_of("@.a.example 192.0.2.2");
	items[2] = span_of("@x.a.example 192.0.2.3");
	items[3] = span_of("d.example 192.0.2.4");
	items[4] = span_of(".example 192.0.2.5");
	const struct control_list list = { .items = items, .count = 5 };

	return sources_find(&list, span_of(sender), span_of(domain));
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct source source;
		bool is_good = source_parse(span_of(lines[i].line), &source);

		CHECK(lines[i].line, is_good
					 ? (source.has_ipv4 ? 1 : 0) +
						   (source.has_ipv6 ? 2 : 0) ==
					       lines[i].addresses
					 : lines[i].addresses == 0);
	}
	CHECK("the sender before the destination",
	    find("joe@X.a.example", "d.example") == 3);
	CHECK("all senders below", find("joe@y.a.example", "d.example") == 2);
	CHECK("the destination", find("joe@b.test", "D.example") == 4);
	CHECK("all below it", find("", "e.example") == 5);
	CHECK("the rest", find("", "b.test") == 1);
	const struct control_list none = { .count = 0 };
	CHECK("none", sources_find(&none, span_of("a@b"), span_of("c")) == 0);
	return test_result();
}
