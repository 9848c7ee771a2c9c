/*
 * net_test - networks in numbers, and the PROXY header.
 */

#include <arpa/inet.h>

#include "net/network.h"
#include "net/proxy.h"
#include "test.h"

static struct sockaddr_storage
address(const char *text)
{
	struct sockaddr_storage storage = { .ss_family = AF_INET };
	struct sockaddr_in ipv4 = { .sin_family = AF_INET };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1)
		memcpy(&storage, &ipv4, sizeof(ipv4));
	else if (inet_pton(AF_INET6, text, &ipv6.sin6_addr) == 1)
		memcpy(&storage, &ipv6, sizeof(ipv6));
	return storage;
}

static const struct {
	const char *network;
	const char *address;
	bool has;
} networks[] = {
	{ "127.0.0.0/8", "127.9.9.9", true },
	{ "127.0.0.0/8", "128.0.0.1", false },
	{ "192.0.2.7", "192.0.2.7", true },
	{ "192.0.2.7", "192.0.2.8", false },
	{ "192.0.2.0/25", "192.0.2.127", true },
	{ "192.0.2.0/25", "192.0.2.128", false },
	{ "0.0.0.0/0", "8.8.8.8", true },
	{ "0.0.0.0/0", "2001:db8::1", false },
	{ "2001:db8::/32", "2001:db8:1::1", true },
	{ "2001:db8::/32", "2001:db9::1", false },
	{ "192.0.2.0/24", "::ffff:192.0.2.9", true },
	{ "::1", "::1", true },
};

static void
test_networks(void)
{
	struct network network;
	unsigned char bytes[16];

	for (size_t i = 0; i < sizeof(networks) / sizeof(*networks); i++) {
		struct sockaddr_storage peer = address(networks[i].address);

		CHECK(networks[i].address,
		    network_parse(span_of(networks[i].network), &network) &&
			network_of_socket(&peer, bytes) &&
			network_has(&network, bytes) == networks[i].has);
	}
	CHECK("33 bits", !network_parse(span_of("1.2.3.4/33"), &network));
	CHECK("129 bits", !network_parse(span_of("::/129"), &network));
	CHECK("name", !network_parse(span_of("localhost"), &network));
	CHECK("empty", !network_parse(span_of(""), &network));
	CHECK("no bits", !network_parse(span_of("1.2.3.4/"), &network));
}

static const struct {
	const char *bytes;
	size_t len;
	enum proxy_status status;
	int family;
} headers[] = {
#define HEADER(text) text, sizeof(text) - 1
	{ HEADER("PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\nEHLO"), PROXY_OK,
	    AF_INET },
	{ HEADER("PROXY TCP6 2001:db8::1 ::1 1 25\r\n"), PROXY_OK, AF_INET6 },
	{ HEADER("PROXY UNKNOWN\r\n"), PROXY_OK, AF_UNSPEC },
	{ HEADER("PROXY TCP4 192.0"), PROXY_SHORT, 0 },
	{ HEADER("PRO"), PROXY_SHORT, 0 },
	{ HEADER(""), PROXY_SHORT, 0 },
	{ HEADER("EHLO x\r\n"), PROXY_BAD, 0 },
	{ HEADER("PROXY TCP4 bad 192.0.2.2 1 25\r\n"), PROXY_BAD, 0 },
	{ HEADER("PROXY TCP4 192.0.2.1 192.0.2.2 70000 25\r\n"), PROXY_BAD, 0 },
	{ HEADER("PROXY TCP4 192.0.2.1 192.0.2.2 1 25\n"), PROXY_BAD, 0 },
	{ HEADER("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\0\1\0"
		 "\x19"),
	    PROXY_OK, AF_INET },
	{ HEADER("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"), PROXY_OK, AF_UNSPEC },
	{ HEADER("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0"), PROXY_SHORT, 0 },
	{ HEADER("\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0"), PROXY_BAD, 0 },
	{ HEADER("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\0"), PROXY_BAD, 0 },
	{ HEADER("\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"), PROXY_BAD, 0 },
};

static void
test_headers(void)
{
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		struct sockaddr_storage peer;
		size_t used = 0;
		struct span bytes = { headers[i].bytes, headers[i].len };
		enum proxy_status status = proxy_parse(bytes, &peer, &used);

		CHECK(headers[i].bytes,
		    status == headers[i].status &&
			(status != PROXY_OK ||
			    (peer.ss_family == headers[i].family &&
				used <= bytes.len)));
	}
}

int
main(void)
{
	test_networks();
	test_headers();
	return test_result();
}
