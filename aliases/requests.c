#include "aliases/requests.h"

#include "queue/neighbour.h"

bool
requests_answer(
    struct directory *directory, struct span request, struct buf *reply)
{
	struct lookup_answer answer;
	struct span address;

	buf_clear(reply);
	if (!record_find(request, 'A', &address))
		return false;
	answer_find(directory, address, &answer);
	lookup_add_answer(reply, &answer);
	if (reply->overflow) {
		buf_clear(reply);
		lookup_add_answer(
		    reply, &(struct lookup_answer){ .kind = LOOKUP_LATER,
			       .text = span_of("the answer is too long") });
	}
	return true;
}

bool
requests_handle(
    void *context, int session, struct packet *packet, uint64_t before)
{
	static struct buf reply;
	bool is_control = session == NEIGHBOUR_SELF;

	(void)before;
	reply.max = PACKET_MAX;
	if (!requests_answer(context, packet_span(packet), &reply)) {
		if (!is_control)
			return false;
		lookup_add_answer(&reply,
		    &(struct lookup_answer){ .kind = LOOKUP_LATER,
			.text = span_of("that is no request of lookup(5)") });
	}
	/* A client that reads no answers loses its session, not our time. */
	return packet_send(session, buf_span(&reply), NULL, 0) || is_control;
}
