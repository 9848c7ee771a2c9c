/* lookup_test - an answer that comes too late is no other question's. */

#include <unistd.h>

#include "queue/lookup.h"

#include "test.h"

int
main(void)
{
	static struct packet packet;
	const struct lookup_answer alias = { .kind = LOOKUP_ALIAS };
	struct lookup_answer answer;
	struct buf late = buf_new(200);
	int ends[2];

	lookup_add_answer(&late, &alias);
	CHECK("a session", packet_pair(ends));
	packet_send(ends[1], buf_span(&late), NULL, 0);
	lookup_ask(ends[0], span_of("a@here.test"), 1000, &packet, &answer);
	CHECK("an answer in time", answer.kind == LOOKUP_ALIAS);
	lookup_ask(ends[0], span_of("a@here.test"), 0, &packet, &answer);
	CHECK("none in time", answer.kind == LOOKUP_LATER);
	packet_send(ends[1], buf_span(&late), NULL, 0);
	lookup_ask(ends[0], span_of("b@there.test"), 1000, &packet, &answer);
	CHECK("what comes late answers nothing else",
	    answer.kind == LOOKUP_LATER);
	close(ends[0]);
	close(ends[1]);
	buf_free(&late);
	return test_result();
}
