/*
 * remoteauth_test - the records between remote-send and remote-auth.
 */

#include "queue/remoteauth.h"
#include "test.h"

static bool
parse(const char *bytes, size_t len, struct remoteauth_request *request)
{
	return remoteauth_parse_request((struct span){ bytes, len }, request);
}

static void
test_requests(void)
{
	const struct remoteauth_request begin = { .kind = REMOTEAUTH_BEGIN,
		.line = 3,
		.mechanisms = span_of("PLAIN LOGIN"),
		.binding = span_of("eA==") };
	struct remoteauth_request got;
	struct buf packet = buf_new(PACKET_MAX);

	remoteauth_add_request(&packet, &begin);
	CHECK("begin", remoteauth_parse_request(buf_span(&packet), &got) &&
			   got.kind == REMOTEAUTH_BEGIN && got.line == 3 &&
			   span_equal(got.mechanisms, begin.mechanisms) &&
			   span_equal(got.binding, begin.binding));
	CHECK("bind", parse("Hsmart\0P587", 12, &got) &&
			  got.kind == REMOTEAUTH_BIND && got.port == 587);
	CHECK("the null path selects",
	    parse("S", 2, &got) && got.kind == REMOTEAUTH_SELECT);
	CHECK("an empty challenge",
	    parse("C", 2, &got) && got.kind == REMOTEAUTH_CHALLENGE);
	CHECK("bind: no host", !parse("H\0P587", 7, &got));
	CHECK("bind: no port", !parse("Hsmart\0P65536", 14, &got));
	CHECK("begin: line 0", !parse("L0\0Mx\0B", 8, &got));
	CHECK("begin: no mechanisms", !parse("L1\0B", 5, &got));
	CHECK("nothing", !parse("", 0, &got));
	buf_free(&packet);
}

static void
test_steps(void)
{
	const struct remoteauth_step step = { .mechanism = span_of("PLAIN"),
		.has_response = true,
		.response = span_of("eA=="),
		.is_proven = true };
	const struct remoteauth_step begins = { .has_response = false };
	struct remoteauth_step got;
	struct buf packet = buf_new(PACKET_MAX);

	remoteauth_add_step(&packet, &step);
	CHECK("step", remoteauth_parse_step(buf_span(&packet), &got) &&
			  span_equal(got.mechanism, step.mechanism) &&
			  got.has_response && got.is_proven &&
			  span_equal(got.response, step.response));
	buf_clear(&packet);
	remoteauth_add_step(&packet, &begins);
	CHECK("one that says nothing is a packet all the same",
	    packet.len > 0 && remoteauth_parse_step(buf_span(&packet), &got) &&
		!got.has_response && !got.is_proven);
	CHECK("no line end within",
	    !remoteauth_parse_step((struct span){ "Ra\r\nRSET", 9 }, &got));
	CHECK("why not",
	    remoteauth_parse_step((struct span){ "Xno such", 9 }, &got) &&
		span_equal(got.why, span_of("no such")));
	CHECK("nothing", !remoteauth_parse_step(span_of(""), &got));
	buf_free(&packet);
}

int
main(void)
{
	struct buf packet = buf_new(PACKET_MAX);
	struct remoteauth_selected selected = { .line = 7, .stamp = 9 };

	test_requests();
	test_steps();
	remoteauth_add_selected(&packet, &selected);
	CHECK("selected",
	    remoteauth_parse_selected(buf_span(&packet), &selected) &&
		selected.line == 7 && selected.stamp == 9 && !selected.is_end);
	buf_clear(&packet);
	selected = (struct remoteauth_selected){ .is_end = true };
	remoteauth_add_selected(&packet, &selected);
	CHECK("none at all",
	    remoteauth_parse_selected(buf_span(&packet), &selected) &&
		selected.line == 0 && selected.is_end);
	buf_free(&packet);
	return test_result();
}
