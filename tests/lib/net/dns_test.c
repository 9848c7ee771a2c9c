/* dns_test - an answer of resolve that comes too late is no other domain's. */

#include <unistd.h>

#include "net/dns.h"

#include "test.h"

/* As resolve answers that question: its one mail host is 127.0.0.NUMBER. */
static void
answer(int session, uint64_t number)
{
	struct buf packet = buf_new(PACKET_MAX);
	char address[32];

	snprintf(address, sizeof(address), "127.0.0.%llu",
	    (unsigned long long)number);
	dns_add_status(&packet, DNS_OK);
	dns_add_number(&packet, number);
	dns_add_hop(&packet, &(struct dns_hop){ .host = span_of("mx.test"),
				 .address = span_of(address) });
	CHECK("resolve answers",
	    packet_send(session, buf_span(&packet), NULL, 0));
	buf_free(&packet);
}

static uint64_t
number_asked(int session, const char *domain)
{
	static struct packet packet;
	struct dns_request request;

	CHECK("resolve is asked",
	    packet_receive(session, &packet) == 1 &&
		dns_parse_request(packet_span(&packet), &request) &&
		span_equal(request.domain, span_of(domain)));
	return request.number;
}

static bool
leads_to(struct span hops, const char *address)
{
	struct dns_hop hop;

	return dns_next_hop(&hops, &hop) &&
	       span_equal(hop.address, span_of(address));
}

static void
test_secure_names(void)
{
	struct buf packet = buf_new(PACKET_MAX);
	struct span records;
	struct span text;
	struct dns_hop hop;

	dns_add_hop(&packet, &(struct dns_hop){ .host = span_of("a.test"),
				 .address = span_of("2001:db8::1"),
				 .secure = span_of("b.test") });
	dns_add_hop(&packet, &(struct dns_hop){ .host = span_of("c.test"),
				 .address = span_of("192.0.2.1") });
	records = buf_span(&packet);
	CHECK("a host with a secure name",
	    dns_next_hop(&records, &hop) &&
		span_equal(hop.address, span_of("2001:db8::1")) &&
		span_equal(hop.secure, span_of("b.test")));
	CHECK(
	    "one without", dns_next_hop(&records, &hop) &&
			       span_equal(hop.address, span_of("192.0.2.1")) &&
			       hop.secure.len == 0);
	CHECK("no alias", dns_alias(buf_span(&packet)).len == 0);
	dns_add_alias(&packet, span_of("d.test"));
	dns_add_tlsa(&packet, span_of("3 1 1 00"));
	records = buf_span(&packet);
	CHECK("an alias", span_equal(dns_alias(records), span_of("d.test")));
	CHECK("a TLSA record", dns_next_tlsa(&records, &text) &&
				   span_equal(text, span_of("3 1 1 00")) &&
				   !dns_next_tlsa(&records, &text));
	buf_free(&packet);
}

int
main(void)
{
	static struct packet packet;
	struct span hops;
	int ends[2];

	test_secure_names();
	CHECK("a session", packet_pair(ends));
	CHECK("no answer in time", dns_route(ends[0], span_of("a.test"), 0,
				       &packet, &hops) == DNS_LATER);
	uint64_t first = number_asked(ends[1], "a.test");
	answer(ends[1], first);
	CHECK("it comes while the next is asked, which it does not answer",
	    dns_route(ends[0], span_of("b.test"), 100, &packet, &hops) ==
		DNS_LATER);
	uint64_t second = number_asked(ends[1], "b.test");
	answer(ends[1], second);
	answer(ends[1], second + 1);
	CHECK("the third has its own, after one that came late",
	    dns_route(ends[0], span_of("c.test"), 1000, &packet, &hops) ==
		    DNS_OK &&
		leads_to(hops, "127.0.0.3"));
	CHECK("each has its number",
	    first != second && number_asked(ends[1], "c.test") == second + 1);
	close(ends[0]);
	close(ends[1]);
	return test_result();
}
