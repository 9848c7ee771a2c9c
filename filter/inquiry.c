#include "filter/inquiry.h"

#include <assert.h>
#include <string.h>

#include "base/io.h"
#include "net/network.h"

void
inquiry_init(struct inquiry *inquiry, int session)
{
	*inquiry = (struct inquiry){ .session = session };
	for (size_t i = 0; i < INQUIRY_MAX; i++)
		inquiry->questions[i].records = buf_new(INQUIRY_ANSWER_MAX);
}

void
inquiry_begin(struct inquiry *inquiry, int64_t timeout_ms)
{
	inquiry->count = inquiry->pending = 0;
	inquiry->deadline_ms = clock_ms() + timeout_ms;
}

size_t
inquiry_ask(
    struct inquiry *inquiry, enum dns_question question, struct span domain)
{
	size_t place = inquiry->count++;
	struct inquiry_question *asked = &inquiry->questions[place];
	const struct dns_request request = { .question = question,
		.domain = domain,
		.number = ++inquiry->last_number };

	assert(place < INQUIRY_MAX);
	asked->number = request.number;
	asked->status = DNS_LATER;
	buf_clear(&asked->records);
	asked->is_answered =
	    inquiry->session == -1 || !dns_send(inquiry->session, &request);
	if (!asked->is_answered)
		inquiry->pending++;
	return place;
}

/* An answer to what is asked no more finds no question. */
static void
take_answer(struct inquiry *inquiry, const struct packet *packet)
{
	struct dns_answer answer;

	if (!dns_parse_answer(packet_span(packet), &answer))
		return;
	for (size_t i = 0; i < inquiry->count; i++) {
		struct inquiry_question *asked = &inquiry->questions[i];

		if (asked->number != answer.number || asked->is_answered)
			continue;
		asked->is_answered = true;
		asked->status = answer.status;
		buf_add(&asked->records,
		    span_slice(answer.hops, 0, INQUIRY_ANSWER_MAX));
		inquiry->pending--;
	}
}

void
inquiry_wait(struct inquiry *inquiry)
{
	static struct packet packet; /* large: untouched pages cost nothing */

	while (inquiry->pending > 0) {
		if (!neighbour_wait(inquiry->session,
			inquiry->deadline_ms - clock_ms(), &packet))
			return;
		packet_close_fds(&packet);
		take_answer(inquiry, &packet);
	}
}

enum dns_status
inquiry_status(const struct inquiry *inquiry, size_t place)
{
	return inquiry->questions[place].status;
}

struct span
inquiry_records(const struct inquiry *inquiry, size_t place)
{
	return buf_span(&inquiry->questions[place].records);
}

bool
inquiry_has_address(const struct inquiry *inquiry, size_t place,
    const unsigned char address[16])
{
	struct span hops = inquiry_records(inquiry, place);
	struct dns_hop hop;
	struct network network;

	while (dns_next_hop(&hops, &hop))
		if (network_parse(hop.address, &network) &&
		    memcmp(network.bytes, address, 16) == 0)
			return true;
	return false;
}
