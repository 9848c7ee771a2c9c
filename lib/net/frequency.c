#include "net/frequency.h"

#include <string.h>

#include "base/io.h"
#include "net/rate.h"

enum {
	IPV4_NETWORK = 24,
	IPV6_NETWORK = 64,
	IPV4_WIDE = 16,
	IPV6_WIDE = 48
};

void
frequency_init(
    struct frequency *frequency, uint64_t rate_max, uint64_t wide_rate_max)
{
	frequency->rate_max = rate_max;
	frequency->wide_rate_max = wide_rate_max;
	frequency->known = network_list("relayclients", "127.0.0.0/8 ::1");
	frequency->proxies = network_list("proxynets", "");
	frequency->rate = rate_new();
}

static bool
is_known(const struct frequency *frequency, const struct peer *peer)
{
	return strcmp(peer->text, "127.0.0.1") == 0 ||
	       strcmp(peer->text, "::1") == 0 ||
	       network_list_has(&frequency->known, &peer->address) ||
	       network_list_has(&frequency->proxies, &peer->address);
}

const char *
frequency_limit(const struct frequency *frequency, const struct peer *peer)
{
	unsigned char network[16];
	int64_t now = clock_ms();
	unsigned bits =
	    network_around(&peer->address, IPV4_NETWORK, IPV6_NETWORK, network);

	if (bits == 0 || is_known(frequency, peer))
		return NULL;
	if (!rate_take(
		frequency->rate, network, bits, frequency->rate_max, now))
		return "rate";
	bits = network_around(&peer->address, IPV4_WIDE, IPV6_WIDE, network);
	if (!rate_take(
		frequency->rate, network, bits, frequency->wide_rate_max, now))
		return "widerate";
	return NULL;
}
