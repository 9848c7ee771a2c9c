#include "net/proxy.h"

#include <arpa/inet.h>
#include <string.h>

enum {
	V1_MAX = 107,
	V2_FIXED = 16
};

static const char v2_magic[12] = "\r\n\r\n\0\r\nQUIT\n";

static bool
set_address(struct sockaddr_storage *address, int family, struct span text,
    uint64_t port)
{
	char copy[INET6_ADDRSTRLEN];
	struct sockaddr_in ipv4 = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port) };

	if (text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (family == AF_INET) {
		memcpy(address, &ipv4, sizeof(ipv4));
		if (inet_pton(AF_INET, copy, &ipv4.sin_addr) != 1)
			return false;
		memcpy(address, &ipv4, sizeof(ipv4));
		return true;
	}
	if (inet_pton(AF_INET6, copy, &ipv6.sin6_addr) != 1)
		return false;
	memcpy(address, &ipv6, sizeof(ipv6));
	return true;
}

/* "PROXY TCP4 source destination source-port destination-port" CRLF */
static enum proxy_status
parse_text(struct span bytes, struct sockaddr_storage *address, size_t *used)
{
	size_t newline = span_index(bytes, '\n');
	struct span rest = span_slice(bytes, 0, newline);
	uint64_t port;

	if (newline == bytes.len)
		return bytes.len < V1_MAX ? PROXY_SHORT : PROXY_BAD;
	if (newline >= V1_MAX || rest.len == 0 ||
	    rest.ptr[rest.len - 1] != '\r')
		return PROXY_BAD;
	rest.len--;
	*used = newline + 1;
	span_cut(&rest, ' ');
	struct span family = span_cut(&rest, ' ');
	if (span_equal(family, span_of("UNKNOWN")))
		return PROXY_OK;
	struct span source = span_cut(&rest, ' ');
	span_cut(&rest, ' ');
	if (!span_number(span_cut(&rest, ' '), 10, 65535, &port))
		return PROXY_BAD;
	if (span_equal(family, span_of("TCP4")))
		return set_address(address, AF_INET, source, port) ? PROXY_OK
								   : PROXY_BAD;
	if (span_equal(family, span_of("TCP6")))
		return set_address(address, AF_INET6, source, port) ? PROXY_OK
								    : PROXY_BAD;
	return PROXY_BAD;
}

static enum proxy_status
parse_binary(struct span bytes, struct sockaddr_storage *address, size_t *used)
{
	const unsigned char *byte = (const unsigned char *)bytes.ptr;

	if (bytes.len < V2_FIXED)
		return PROXY_SHORT;
	size_t length = (size_t)byte[14] << 8 | byte[15];
	if (byte[12] >> 4 != 2 || length > PROXY_HEADER_MAX - V2_FIXED)
		return PROXY_BAD;
	if (bytes.len < V2_FIXED + length)
		return PROXY_SHORT;
	*used = V2_FIXED + length;
	if ((byte[12] & 15) == 0) /* LOCAL */
		return PROXY_OK;
	if ((byte[12] & 15) != 1)
		return PROXY_BAD;
	if (byte[13] == 0x11 && length >= 12) {
		struct sockaddr_in ipv4 = { .sin_family = AF_INET };

		memcpy(&ipv4.sin_addr, byte + V2_FIXED, 4);
		memcpy(&ipv4.sin_port, byte + V2_FIXED + 8, 2);
		memcpy(address, &ipv4, sizeof(ipv4));
		return PROXY_OK;
	}
	if (byte[13] == 0x21 && length >= 36) {
		struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };

		memcpy(&ipv6.sin6_addr, byte + V2_FIXED, 16);
		memcpy(&ipv6.sin6_port, byte + V2_FIXED + 32, 2);
		memcpy(address, &ipv6, sizeof(ipv6));
		return PROXY_OK;
	}
	return byte[13] == 0 ? PROXY_OK : PROXY_BAD;
}

enum proxy_status
proxy_parse(struct span bytes, struct sockaddr_storage *address, size_t *used)
{
	struct span v1 = span_of("PROXY ");
	struct span v2 = { v2_magic, sizeof(v2_magic) };

	memset(address, 0, sizeof(*address));
	if (span_starts(bytes, v1))
		return parse_text(bytes, address, used);
	if (span_starts(bytes, v2))
		return parse_binary(bytes, address, used);
	bool may_be = span_starts(v1, bytes) || span_starts(v2, bytes);
	return may_be ? PROXY_SHORT : PROXY_BAD;
}
