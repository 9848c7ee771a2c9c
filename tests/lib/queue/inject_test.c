/* inject_test - what comes late on a session is not taken for a verdict. */

#include "queue/inject.h"

#include <unistd.h>

#include "base/packet.h"

#include "test.h"

/* The message is kept, and before that the service sends what is late. */
static enum inject_verdict
verdict_behind(struct span late)
{
	const struct queue_id id = queue_id_make();
	struct buf answer = buf_new(200);
	struct buf text = buf_new(200);
	int ends[2];

	inject_add_answer(&answer, &id, INJECT_KEPT, "kept");
	CHECK("a session", packet_pair(ends));
	packet_send(ends[1], late, NULL, 0);
	packet_send(ends[1], buf_span(&answer), NULL, 0);
	enum inject_verdict verdict =
	    inject_whole(ends[0], &id, span_of("e"), span_of("m"), 1000, &text);
	close(ends[0]);
	close(ends[1]);
	buf_free(&answer);
	buf_free(&text);
	return verdict;
}

/* A packet that asks for a retry has nothing else: Q is in envelopes, too. */
static void
test_retry(void)
{
	struct buf packet = buf_new(200);
	struct span domain;

	record_add_string(&packet, 'Q', "example.org");
	CHECK("a retry", inject_parse_retry(buf_span(&packet), &domain) &&
			     span_equal(domain, span_of("example.org")));
	record_add_string(&packet, 'T', "joe@example.org");
	CHECK("what goes on behind it is none",
	    !inject_parse_retry(buf_span(&packet), &domain));
	buf_clear(&packet);
	record_add_string(&packet, 'F', "joe@example.org");
	record_add_string(&packet, 'Q', "1");
	CHECK("a Q behind another record is none",
	    !inject_parse_retry(buf_span(&packet), &domain));
	buf_free(&packet);
}

int
main(void)
{
	const struct queue_id other = queue_id_make();
	struct buf answer = buf_new(200);

	inject_add_answer(&answer, &other, INJECT_REFUSED, "too big");
	CHECK("of one that was withdrawn",
	    verdict_behind(buf_span(&answer)) == INJECT_KEPT);
	CHECK("a file that nobody waits for",
	    verdict_behind((struct span){ "W", 2 }) == INJECT_KEPT);
	buf_free(&answer);
	test_retry();
	return test_result();
}
