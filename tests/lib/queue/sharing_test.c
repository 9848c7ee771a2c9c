/* sharing_test - what is a record between a session and login, and what not. */

#include "queue/sharing.h"

#include <unistd.h>

#include "test.h"

enum {
	WAIT_MS = 30000
};

static const struct {
	const char *label;
	enum sharing_kind kind;
	const char *text;
	bool is_good;
} records[] = {
	{ "open", SHARING_OPEN, "joe@example.org", true },
	{ "open with a LF", SHARING_OPEN, "joe\n", false },
	{ "owners", SHARING_OWNERS, "", true },
	{ "publish", SHARING_PUBLISH, "joe\nanyone\n", true },
	{ "publish with a tab", SHARING_PUBLISH, "joe\tbob\n", false },
	{ "publish with a DEL", SHARING_PUBLISH, "joe\x7f\n", false },
	{ "yes", SHARING_YES, "j\xc3\xbcle\n", true },
	{ "read URLs", SHARING_READ_URLS, "joe@example.org", true },
	{ "read URLs with a LF", SHARING_READ_URLS, "joe\n", false },
	{ "submit", SHARING_SUBMIT, "", true },
	{ "spare", SHARING_SPARE, "", true },
	{ "next", SHARING_NEXT, "1000 1000\nmaildir:/m\n192.0.2.7", true },
	{ "count", SHARING_COUNT, "2", true },
	{ "no kind", (enum sharing_kind)0, "", false },
	{ "one kind too many", (enum sharing_kind)(SHARING_COUNT + 1), "",
	    false },
};

static void
check_wire(int ends[2], size_t i)
{
	static struct packet packet;
	struct sharing_record record;

	bool is_sent = sharing_send(
	    ends[0], records[i].kind, span_of(records[i].text), -1);
	int got = sharing_receive(ends[1], &packet, &record, WAIT_MS);
	CHECK(records[i].label,
	    is_sent && got == (records[i].is_good ? 1 : -1) &&
		(got != 1 ||
		    (record.kind == records[i].kind &&
			span_equal(record.text, span_of(records[i].text)))));
}

int
main(void)
{
	static struct packet packet;
	static const char large[SHARING_TEXT_MAX + 1];
	struct sharing_record record;
	int ends[2];

	CHECK("a pair", packet_pair(ends));
	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++)
		check_wire(ends, i);
	CHECK("too large", !sharing_send(ends[0], SHARING_PUBLISH,
			       (struct span){ large, sizeof(large) }, -1));
	CHECK("a descriptor goes with it",
	    sharing_send(ends[0], SHARING_YES, span_of(""), STDOUT_FILENO) &&
		sharing_receive(ends[1], &packet, &record, WAIT_MS) == 1 &&
		packet.fd_count == 1);
	packet_close_fds(&packet);
	CHECK("other bytes",
	    packet_send(ends[0], span_of("LSE1"), NULL, 0) &&
		sharing_receive(ends[1], &packet, &record, WAIT_MS) == -1);
	CHECK("no bytes", !sharing_parse(span_of(""), &record));
	close(ends[0]);
	CHECK("the end",
	    sharing_receive(ends[1], &packet, &record, WAIT_MS) == 0);
	close(ends[1]);
	return test_result();
}
