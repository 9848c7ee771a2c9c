/*
 * providers_test - the lines of control/odmrfetch.
 */

#include "net/providers.h"
#include "test.h"

static void
test_good(void)
{
	static const struct {
		const char *line;
		const char *host;
		uint16_t port;
		enum route_kind kind;
		const char *domains;
	} good[] = {
		{ "mx.example", "mx.example", 366, ROUTE_SMTP, "" },
		{ "mx.example:2525  a.example", "mx.example", 2525, ROUTE_SMTP,
		    "a.example" },
		{ "[192.0.2.1] a.example,b.example", "[192.0.2.1]", 366,
		    ROUTE_SMTP, "a.example,b.example" },
		{ "[2001:db8::1]:77", "[2001:db8::1]", 77, ROUTE_SMTP, "" },
		{ "smtps:mx.example a", "mx.example", 465, ROUTE_SMTPS, "a" },
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct provider provider;

		CHECK(good[i].line,
		    provider_parse(span_of(good[i].line), &provider) &&
			span_equal(
			    provider.route.host, span_of(good[i].host)) &&
			provider.route.port == good[i].port &&
			provider.route.kind == good[i].kind &&
			span_equal(provider.domains, span_of(good[i].domains)));
	}
}

static void
test_bad(void)
{
	static const char *const bad[] = { "", ":366", "lmtp:mx.example",
		"mx.example:", "mx.example:x", "mx.example a.example b.example",
		"mx.example a.example,", "mx.example ,a.example",
		"mx.example a,,b", "mx.example joe@a.example",
		"mx.example \xc3\xbc.example" };
	struct provider provider;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(bad[i], !provider_parse(span_of(bad[i]), &provider));
}

int
main(void)
{
	test_good();
	test_bad();
	return test_result();
}
