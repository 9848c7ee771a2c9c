#include "net/sts_ask.h"

#include "base/io.h"

bool
sts_send(int session, const struct sts_request *request)
{
	struct buf packet = buf_new(PACKET_MAX);

	record_add(&packet, 'D', request->domain);
	record_add_number(&packet, 'I', request->number);
	bool is_sent = packet_send(session, buf_span(&packet), NULL, 0);
	buf_free(&packet);
	return is_sent;
}

bool
sts_hear(int session, uint64_t number, int64_t timeout_ms,
    struct packet *packet, struct sts_policy *policy)
{
	int64_t deadline = clock_ms() + timeout_ms;
	uint64_t got = 0;
	struct span text;

	policy->mode = STS_NONE;
	do {
		if (!neighbour_wait(session, deadline - clock_ms(), packet))
			return false;
		packet_close_fds(packet);
		if (!record_find_number(
			packet_span(packet), 'I', UINT32_MAX, &got))
			return false;
	} while (got != number);
	return !record_find(packet_span(packet), 'P', &text) ||
	       sts_parse_policy(text, policy);
}

bool
sts_parse_request(struct span packet, struct sts_request *request)
{
	return record_find(packet, 'D', &request->domain) &&
	       record_find_number(packet, 'I', UINT32_MAX, &request->number);
}

void
sts_add_answer(
    struct buf *buf, uint64_t number, const struct sts_policy *policy)
{
	struct buf text = buf_new(STS_TEXT_MAX);

	record_add_number(buf, 'I', number);
	if (policy != NULL && policy->mode != STS_NONE) {
		sts_add_policy(&text, policy);
		record_add(buf, 'P', buf_span(&text));
	}
	buf_free(&text);
}
