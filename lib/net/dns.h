#ifndef NET_DNS_H
#define NET_DNS_H

/*
 * dns - asking the resolve program where mail for a domain goes; resolve(5).
 *
 * Request  Q "route" or "addresses"; D the domain or host.
 * Answer   S status, then for each address, best first, M: preference, host
 *          and address, separated by spaces.
 */

#include "base/record.h"
#include "queue/neighbour.h"

enum dns_status {
	DNS_OK,
	DNS_NO_NAME, /* no such domain */
	DNS_NULL_MX, /* it receives no mail: RFC 7505 */
	DNS_LOOP,    /* we are its best mail host, but do not serve it */
	DNS_LATER    /* no answer now */
};

struct dns_hop {
	uint64_t preference;
	struct span host;
	struct span address;
};

/*
 * Ask and wait.  *hops then walks the answer in *packet with dns_next_hop.
 * A neighbour that is gone or silent is DNS_LATER.
 */
enum dns_status dns_route(int session, struct span domain, int64_t timeout_ms,
    struct packet *packet, struct span *hops);
enum dns_status dns_addresses(int session, struct span host, int64_t timeout_ms,
    struct packet *packet, struct span *hops);
bool dns_next_hop(struct span *hops, struct dns_hop *hop);

/* The other end. */
bool dns_parse_request(struct span packet, bool *is_route, struct span *domain);
void dns_add_status(struct buf *buf, enum dns_status status);
void dns_add_hop(struct buf *buf, const struct dns_hop *hop);

#endif
