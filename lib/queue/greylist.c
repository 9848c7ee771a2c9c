#include "queue/greylist.h"

#include <xxhash.h>

enum {
	WAIT_MAX = 1 << 30
};

static uint64_t
hash_nocase(struct span text, uint64_t seed)
{
	struct buf lower = buf_new(text.len);

	for (size_t i = 0; i < text.len; i++)
		buf_add_char(&lower, ascii_lower(text.ptr[i]));
	uint64_t hash = XXH3_64bits_withSeed(lower.data, lower.len, seed);
	buf_free(&lower);
	return hash;
}

struct greylist_request
greylist_request_make(
    const unsigned char network[16], struct span sender, struct span recipient)
{
	struct greylist_request request;

	request.network = XXH3_64bits(network, 16);
	request.triplet =
	    hash_nocase(recipient, hash_nocase(sender, request.network));
	return request;
}

uint64_t
greylist_ask(int session, const struct greylist_request *request,
    int64_t timeout_ms, struct packet *packet)
{
	struct buf question = buf_new(PACKET_MAX);
	uint64_t wait_s = 0;

	record_add_number(&question, 'T', request->triplet);
	record_add_number(&question, 'N', request->network);
	bool is_answered = neighbour_ask(
	    session, buf_span(&question), NULL, 0, timeout_ms, packet);
	buf_free(&question);
	if (is_answered) {
		packet_close_fds(packet);
		record_find_number(packet_span(packet), 'W', WAIT_MAX, &wait_s);
	}
	return wait_s;
}

bool
greylist_parse_request(struct span packet, struct greylist_request *request)
{
	return record_find_number(packet, 'T', UINT64_MAX, &request->triplet) &&
	       record_find_number(packet, 'N', UINT64_MAX, &request->network);
}

void
greylist_add_answer(struct buf *buf, uint64_t wait_s)
{
	record_add_number(buf, 'W', wait_s);
}
