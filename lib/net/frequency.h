#ifndef NET_FREQUENCY_H
#define NET_FREQUENCY_H

/*
 * frequency - who connects too often: control/NAMErate connections within a
 * minute of one network, /24 of IPv4 or /64 of IPv6, and NAMEwiderate of its
 * /16 or /48.
 *
 * This host itself, control/relayclients and control/proxynets are not counted.
 */

#include "net/network.h"
#include "net/peer.h"

struct frequency {
	uint64_t rate_max; /* 0: any */
	uint64_t wide_rate_max;
	struct network_list known;
	struct network_list proxies; /* balancers, who bring many */
	struct rate *rate;
};

/* With both limits; reads the two lists, and ends the program if it cannot. */
void frequency_init(
    struct frequency *frequency, uint64_t rate_max, uint64_t wide_rate_max);

/*
 * The end of the name of the control file whose limit the peer is over, or
 * NULL.  One that comes too often does not use up what its neighbours may.
 */
const char *frequency_limit(
    const struct frequency *frequency, const struct peer *peer);

#endif
