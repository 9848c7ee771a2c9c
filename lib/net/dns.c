#include "net/dns.h"

#include "base/io.h"

static const char *const statuses[] = {
	[DNS_OK] = "ok",
	[DNS_NO_NAME] = "noname",
	[DNS_NULL_MX] = "nullmx",
	[DNS_LOOP] = "loop",
	[DNS_LATER] = "later",
};

static const char *const questions[] = {
	[DNS_ROUTE] = "route",
	[DNS_ADDRESSES] = "addresses",
	[DNS_NAMES] = "names",
	[DNS_TEXT] = "text",
	[DNS_TLSA] = "tlsa",
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

bool
dns_send(int session, const struct dns_request *request)
{
	struct buf packet = buf_new(PACKET_MAX);

	record_add_string(&packet, 'Q', questions[request->question]);
	record_add(&packet, 'D', request->domain);
	dns_add_number(&packet, request->number);
	bool is_sent = packet_send(session, buf_span(&packet), NULL, 0);
	buf_free(&packet);
	return is_sent;
}

bool
dns_parse_answer(struct span packet, struct dns_answer *answer)
{
	struct span status;

	*answer = (struct dns_answer){ .status = DNS_LATER, .hops = packet };
	record_find_number(packet, 'I', UINT32_MAX, &answer->number);
	if (!record_find(packet, 'S', &status))
		return false;
	for (size_t i = 0; i < COUNT(statuses); i++) {
		if (!span_equal(status, span_of(statuses[i])))
			continue;
		answer->status = (enum dns_status)i;
		return true;
	}
	return false;
}

/* An answer that comes late, to an earlier question, is not this one's. */
static enum dns_status
ask(int session, enum dns_question question, struct span domain,
    int64_t timeout_ms, struct packet *packet, struct span *hops)
{
	static uint32_t asked;
	const struct dns_request request = {
		.question = question, .domain = domain, .number = ++asked
	};
	int64_t deadline = clock_ms() + timeout_ms;
	struct dns_answer answer;

	if (!dns_send(session, &request))
		return DNS_LATER;
	do {
		if (!neighbour_wait(session, deadline - clock_ms(), packet))
			return DNS_LATER;
		packet_close_fds(packet);
		dns_parse_answer(packet_span(packet), &answer);
	} while (answer.number != request.number);
	*hops = answer.hops;
	return answer.status;
}

enum dns_status
dns_route(int session, struct span domain, int64_t timeout_ms,
    struct packet *packet, struct span *hops)
{
	return ask(session, DNS_ROUTE, domain, timeout_ms, packet, hops);
}

enum dns_status
dns_addresses(int session, struct span host, int64_t timeout_ms,
    struct packet *packet, struct span *hops)
{
	return ask(session, DNS_ADDRESSES, host, timeout_ms, packet, hops);
}

enum dns_status
dns_tlsa(int session, struct span name, int64_t timeout_ms,
    struct packet *packet, struct span *records)
{
	return ask(session, DNS_TLSA, name, timeout_ms, packet, records);
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
		hop->address = span_cut(&value, ' ');
		hop->secure = value;
		return true;
	}
	return false;
}

struct span
dns_alias(struct span hops)
{
	struct span alias = { "", 0 };

	record_find(hops, 'C', &alias);
	return alias;
}

bool
dns_next_tlsa(struct span *records, struct span *text)
{
	char tag;

	while (record_next(records, &tag, text))
		if (tag == 'R')
			return true;
	return false;
}

bool
dns_next_text(struct span *hops, struct span *text)
{
	char tag;

	while (record_next(hops, &tag, text))
		if (tag == 'T' && text->len <= DNS_TEXT_LEN)
			return true;
	return false;
}

bool
dns_parse_request(struct span packet, struct dns_request *request)
{
	struct span question;

	*request = (struct dns_request){ .number = 0 };
	record_find_number(packet, 'I', UINT32_MAX, &request->number);
	if (!record_find(packet, 'Q', &question) ||
	    !record_find(packet, 'D', &request->domain) ||
	    request->domain.len == 0 || request->domain.len > 255)
		return false;
	for (size_t i = 0; i < COUNT(questions); i++) {
		if (!span_equal(question, span_of(questions[i])))
			continue;
		request->question = (enum dns_question)i;
		return true;
	}
	return false;
}

void
dns_add_number(struct buf *buf, uint64_t number)
{
	if (number != 0)
		record_add_number(buf, 'I', number);
}

/* What is not visible, and could upset a reply, is shown as '?'. */
void
dns_add_text(struct buf *buf, struct span text)
{
	struct buf clean = buf_new(DNS_TEXT_LEN);

	for (size_t i = 0; i < text.len && clean.len < DNS_TEXT_LEN; i++)
		buf_add_char(&clean, text.ptr[i] >= ' ' && text.ptr[i] <= '~'
					 ? text.ptr[i]
					 : '?');
	record_add(buf, 'T', buf_span(&clean));
	buf_free(&clean);
}

void
dns_add_alias(struct buf *buf, struct span alias)
{
	if (alias.len > 0)
		record_add(buf, 'C', alias);
}

void
dns_add_tlsa(struct buf *buf, struct span text)
{
	record_add(buf, 'R', text);
}

void
dns_add_status(struct buf *buf, enum dns_status status)
{
	record_add_string(buf, 'S', statuses[status]);
}

void
dns_add_hop(struct buf *buf, const struct dns_hop *hop)
{
	struct buf text = buf_new(1024);

	buf_printf(&text, "%llu ", (unsigned long long)hop->preference);
	buf_add(&text, hop->host);
	buf_add_char(&text, ' ');
	buf_add(&text, hop->address);
	if (hop->secure.len > 0) {
		buf_add_char(&text, ' ');
		buf_add(&text, hop->secure);
	}
	record_add(buf, 'M', buf_span(&text));
	buf_free(&text);
}
