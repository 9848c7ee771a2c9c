/* routes_test - what queue(1) and control/smtproutes may name as a next hop. */
#include "net/routes.h"
#include "test.h"

struct sample {
	const char *text;
	const char *host;
	enum route_kind kind;
	uint16_t port;
};

static const struct sample good[] = {
	{ "relay.example", "relay.example", ROUTE_SMTP, 25 },
	{ "relay.example:2525", "relay.example", ROUTE_SMTP, 2525 },
	{ "[192.0.2.1]", "[192.0.2.1]", ROUTE_SMTP, 25 },
	{ "[IPv6:2001:db8::1]:26", "[IPv6:2001:db8::1]", ROUTE_SMTP, 26 },
	{ "smtps:relay.example", "relay.example", ROUTE_SMTPS, 465 },
	{ "lmtp:[127.0.0.1]:2003", "[127.0.0.1]", ROUTE_LMTP, 2003 },
	{ "lmtp:host", "host", ROUTE_LMTP, 24 },
};

static const char *const bad[] = { "", ":25", "smtps:", "host:x", "host:0x19",
	"host:70000", "two words", "a\tb", "a/b", "host:25:26", "[]", "[",
	"a@b", "h\xc3\xb4te", "lmtp:/run/lmtp", "lmtp:unix:/run/lmtp" };

int
main(void)
{
	struct route route;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		const struct sample *sample = &good[i];

		route = (struct route){ .port = 25 };
		CHECK(sample->text,
		    route_parse(span_of(sample->text), &route) &&
			span_equal(route.host, span_of(sample->host)) &&
			route.kind == sample->kind &&
			route.port == sample->port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		route = (struct route){ .port = 25 };
		CHECK(bad[i], !route_parse(span_of(bad[i]), &route));
	}
	return test_result();
}
