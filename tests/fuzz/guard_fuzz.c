/*
 * guard_fuzz - a line of control/dnsbl is good or not, and a good one makes
 * names that DNS can ask for; any bytes in HELO are judged; any packet is an
 * answer of resolve or none.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filter/hello.h"
#include "filter/reversed.h"
#include "net/dns.h"
#include "queue/guarding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name(const unsigned char address[16], struct span zone)
{
	struct buf name = buf_new(REVERSED_MAX);

	reversed_add(&name, address, zone);
	if (name.overflow)
		abort();
	for (struct span rest = buf_span(&name); rest.len > 0;)
		if (span_cut(&rest, '.').len == 0)
			abort();
	buf_free(&name);
}

static void
walk_answer(struct span packet)
{
	struct dns_answer answer;
	struct dns_hop hop;
	struct span text;

	if (!dns_parse_answer(packet, &answer))
		return;
	for (struct span hops = answer.hops; dns_next_hop(&hops, &hop);)
		if (hop.preference > UINT16_MAX)
			abort();
	for (struct span hops = answer.hops; dns_next_text(&hops, &text);)
		if (text.len > DNS_TEXT_LEN)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char address[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
	struct span text = { (const char *)data, size };
	const struct hello_facts facts = { .client = address,
		.our_name = span_of("mx.example.org"),
		.our_address = span_of("192.0.2.9") };
	struct dnsbl list;

	hello_judge(text, &facts);
	walk_answer(text);
	if (!dnsbl_parse(text, &list))
		return 0;
	if (list.low > list.high || list.high > UINT8_MAX ||
	    abs(list.weight) > WEIGHT_MAX)
		abort();
	check_name(address, list.zone);
	memset(address, size & 0xff, sizeof(address));
	check_name(address, list.zone);
	return 0;
}
