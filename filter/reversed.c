#include "filter/reversed.h"

#include <string.h>

bool
reversed_is_ipv4(const unsigned char address[16])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(address, mapped, sizeof(mapped)) == 0;
}

void
reversed_add(
    struct buf *name, const unsigned char address[16], struct span zone)
{
	if (reversed_is_ipv4(address))
		for (int i = 15; i >= 12; i--)
			buf_printf(name, "%u.", address[i]);
	else
		for (int i = 15; i >= 0; i--)
			buf_printf(
			    name, "%x.%x.", address[i] & 0xfU, address[i] >> 4);
	buf_add(name, zone);
}

void
reversed_add_arpa(struct buf *name, const unsigned char address[16])
{
	reversed_add(name, address,
	    span_of(reversed_is_ipv4(address) ? "in-addr.arpa" : "ip6.arpa"));
}
