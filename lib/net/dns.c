#include "net/dns.h"

static const char *const statuses[] = {
	[DNS_OK] = "ok",
	[DNS_NO_NAME] = "noname",
	[DNS_NULL_MX] = "nullmx",
	[DNS_LOOP] = "loop",
	[DNS_LATER] = "later",
};

static enum dns_status
ask(int session, const char *question, struct span domain, int64_t timeout_ms,
    struct packet *packet, struct span *hops)
{
	struct buf request = buf_new(PACKET_MAX);
	struct span status;

	record_add_string(&request, 'Q', question);
	record_add(&request, 'D', domain);
	bool is_answered = neighbour_ask(
	    session, buf_span(&request), NULL, 0, timeout_ms, packet);
	buf_free(&request);
	if (!is_answered)
		return DNS_LATER;
	packet_close_fds(packet);
	*hops = packet_span(packet);
	if (!record_find(*hops, 'S', &status))
		return DNS_LATER;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		if (span_equal(status, span_of(statuses[i])))
			return (enum dns_status)i;
	return DNS_LATER;
}

enum dns_status
dns_route(int session, struct span domain, int64_t timeout_ms,
    struct packet *packet, struct span *hops)
{
	return ask(session, "route", domain, timeout_ms, packet, hops);
}

enum dns_status
dns_addresses(int session, struct span host, int64_t timeout_ms,
    struct packet *packet, struct span *hops)
{
	return ask(session, "addresses", host, timeout_ms, packet, hops);
}

bool
dns_next_hop(struct span *hops, struct dns_hop *hop)
{
	struct span value;
	char tag;

	while (record_next(hops, &tag, &value)) {
		if (tag != 'M' || !span_number(span_cut(&value, ' '), 10,
				      UINT16_MAX, &hop->preference))
			continue;
		hop->host = span_cut(&value, ' ');
		hop->address = value;
		return true;
	}
	return false;
}

bool
dns_parse_request(struct span packet, bool *is_route, struct span *domain)
{
	struct span question;

	if (!record_find(packet, 'Q', &question) ||
	    !record_find(packet, 'D', domain) || domain->len == 0 ||
	    domain->len > 255)
		return false;
	*is_route = span_equal(question, span_of("route"));
	return *is_route || span_equal(question, span_of("addresses"));
}

void
dns_add_status(struct buf *buf, enum dns_status status)
{
	record_add_string(buf, 'S', statuses[status]);
}

void
dns_add_hop(struct buf *buf, const struct dns_hop *hop)
{
	struct buf text = buf_new(512);

	buf_printf(&text, "%llu ", (unsigned long long)hop->preference);
	buf_add(&text, hop->host);
	buf_add_char(&text, ' ');
	buf_add(&text, hop->address);
	record_add(buf, 'M', buf_span(&text));
	buf_free(&text);
}
