#ifndef NET_NETWORK_H
#define NET_NETWORK_H

/*
 * network - addresses, and lists of networks such as control/relayclients.
 *
 * Grammar  an item is an IPv4 or IPv6 address, or ADDRESS/BITS.  An IPv4
 *          address that arrives mapped into IPv6 is treated as IPv4.
 */

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/control.h"

struct network {
	unsigned char bytes[16]; /* IPv4 is mapped: ::ffff:a.b.c.d */
	unsigned bits;           /* of the 128 */
};

struct network_list {
	struct network *items;
	size_t count;
};

/* False unless text is an address or a network in numbers. */
bool network_parse(struct span text, struct network *network);

/* The 16 bytes of a socket's address; false if it is neither IPv4 nor IPv6. */
bool network_of_socket(
    const struct sockaddr_storage *address, unsigned char bytes[16]);

/*
 * The network around a socket's address: its first bits of an IPv4 address, or
 * of an IPv6 one, the rest 0; returned are its bits of the 128.  0, and all of
 * it 0, for what has no address.
 */
unsigned network_around(const struct sockaddr_storage *address,
    unsigned ipv4_bits, unsigned ipv6_bits, unsigned char network[16]);

bool network_has(const struct network *network, const unsigned char bytes[16]);

/*
 * control/nameservers: ADDRESS or ADDRESS@PORT a line.  A broken one ends the
 * program as control_complain does.
 */
struct control_list network_name_servers(void);

/*
 * The networks of a control file, or of fallback (items separated by spaces)
 * without one.  A broken item ends the program as control_complain does.
 */
struct network_list network_list(const char *name, const char *fallback);
bool network_list_has(
    const struct network_list *list, const struct sockaddr_storage *address);

#endif
