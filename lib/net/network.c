#include "net/network.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"

enum {
	BITS = 128,
	MAPPED_BITS = 96
};

static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
	0xff };

static bool
parse_address(struct span text, unsigned char bytes[16], unsigned *base)
{
	char copy[INET6_ADDRSTRLEN];

	if (text.len == 0 || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	*base = 0;
	if (inet_pton(AF_INET6, copy, bytes) == 1)
		return true;
	*base = MAPPED_BITS;
	memcpy(bytes, mapped, sizeof(mapped));
	return inet_pton(AF_INET, copy, bytes + sizeof(mapped)) == 1;
}

bool
network_parse(struct span text, struct network *network)
{
	unsigned base;
	uint64_t bits;
	struct span rest = text;
	struct span address = span_cut(&rest, '/');

	if (!parse_address(address, network->bytes, &base))
		return false;
	network->bits = BITS;
	if (address.len == text.len)
		return true;
	if (!span_number(rest, 10, BITS - base, &bits))
		return false;
	network->bits = base + (unsigned)bits;
	return true;
}

bool
network_of_socket(
    const struct sockaddr_storage *address, unsigned char bytes[16])
{
	if (address->ss_family == AF_INET6) {
		struct sockaddr_in6 ipv6;

		memcpy(&ipv6, address, sizeof(ipv6));
		memcpy(bytes, &ipv6.sin6_addr, 16);
		return true;
	}
	if (address->ss_family == AF_INET) {
		struct sockaddr_in ipv4;

		memcpy(&ipv4, address, sizeof(ipv4));
		memcpy(bytes, mapped, sizeof(mapped));
		memcpy(bytes + sizeof(mapped), &ipv4.sin_addr, 4);
		return true;
	}
	return false;
}

/* Both lengths are whole bytes. */
unsigned
network_around(const struct sockaddr_storage *address, unsigned ipv4_bits,
    unsigned ipv6_bits, unsigned char network[16])
{
	unsigned bits = ipv6_bits;

	memset(network, 0, 16);
	if (!network_of_socket(address, network))
		return 0;
	if (memcmp(network, mapped, sizeof(mapped)) == 0)
		bits = MAPPED_BITS + ipv4_bits;
	memset(network + bits / 8, 0, 16 - bits / 8);
	return bits;
}

bool
network_has(const struct network *network, const unsigned char bytes[16])
{
	unsigned whole = network->bits / 8;
	unsigned rest = network->bits % 8;

	if (memcmp(network->bytes, bytes, whole) != 0)
		return false;
	if (rest == 0)
		return true;
	unsigned mask = (0xffU << (8 - rest)) & 0xff;
	return (network->bytes[whole] & mask) == (bytes[whole] & mask);
}

static void
add(struct network_list *list, const struct network *network)
{
	list->items =
	    reallocarray(list->items, list->count + 1, sizeof(*list->items));
	if (list->items == NULL)
		temp_fail("out of memory");
	list->items[list->count++] = *network;
}

struct network_list
network_list(const char *name, const char *fallback)
{
	struct control_list texts = control_list(name);
	struct network_list list = { NULL, 0 };
	struct network network;

	for (size_t i = 0; i < texts.count; i++) {
		if (!network_parse(texts.items[i], &network))
			control_complain(name, texts.lines[i],
			    "not an address or ADDRESS/BITS: mend it");
		add(&list, &network);
	}
	struct span rest = span_of(texts.count == 0 ? fallback : "");
	while (rest.len > 0)
		if (network_parse(span_cut(&rest, ' '), &network))
			add(&list, &network);
	control_list_free(&texts);
	return list;
}

struct control_list
network_name_servers(void)
{
	struct control_list servers = control_list("nameservers");
	struct network network;
	uint64_t port;

	for (size_t i = 0; i < servers.count; i++) {
		struct span rest = servers.items[i];
		struct span address = span_cut(&rest, '@');

		if (!network_parse(address, &network) ||
		    span_index(address, '/') < address.len ||
		    (address.len < servers.items[i].len &&
			!span_number(rest, 10, UINT16_MAX, &port)))
			control_complain("nameservers", servers.lines[i],
			    "write the address of a name server");
	}
	return servers;
}

bool
network_list_has(
    const struct network_list *list, const struct sockaddr_storage *address)
{
	unsigned char bytes[16];

	if (!network_of_socket(address, bytes))
		return false;
	for (size_t i = 0; i < list->count; i++)
		if (network_has(&list->items[i], bytes))
			return true;
	return false;
}
