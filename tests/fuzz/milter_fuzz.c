/*
 * milter_fuzz - a milter may say anything, from its first word to a message's
 * end: what comes of it is a verdict, and edits that smtpd takes.
 */

#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "filter/facts.h"
#include "filter/milter.h"
#include "queue/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char message[] = "Subject: x\nTo: y\n\tz\n\nbody\n";

static void
check_edits(int session)
{
	static struct packet packet;
	struct filter_answer answer;

	while (packet_receive(session, &packet) == 1) {
		if (!filter_parse_answer(
			(struct span){ packet.bytes, packet.len }, &answer))
			abort();
		packet_close_fds(&packet);
	}
}

static void
show(struct milter *milter, const struct facts *facts,
    struct milter_verdict *verdict)
{
	int ends[2];
	int sessions[2];

	if (pipe(ends) == -1 || !packet_pair(sessions))
		abort();
	fd_set_nonblocking(sessions[0]);
	fd_set_nonblocking(sessions[1]);
	write_all(ends[1], (struct span){ message, sizeof(message) - 1 });
	close(ends[1]);
	if (!milter_message(milter, sessions[0], ends[0], facts, verdict)) {
		struct buf bytes = buf_new(PACKET_MAX);
		const struct filter_answer answer = { .verdict =
							  verdict->verdict,
			.text = buf_span(&verdict->text) };
		struct filter_answer parsed;

		filter_add_answer(&bytes, &answer);
		if (!filter_parse_answer(buf_span(&bytes), &parsed))
			abort();
		buf_free(&bytes);
	}
	check_edits(sessions[1]);
	close(ends[0]);
	close(sessions[0]);
	close(sessions[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct milter milter;
	static struct facts facts;
	static const struct milter_settings settings = { .timeout_ms = 5,
		.timeout_message_ms = 5 };
	static const struct milter_setting setting;
	struct milter_verdict verdict = { .text = buf_new(FILTER_REPLY_MAX) };
	int ends[2];

	if (size > 60000 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == -1)
		return 0;
	if (facts.host.max == 0)
		facts_init(&facts);
	facts.size = sizeof(message) - 1;
	if (size > 0 && send(ends[1], data, size, 0) == -1)
		abort();
	shutdown(ends[1], SHUT_WR);
	milter_begin(&milter, &settings, &setting, ends[0]);
	for (unsigned stage = FILTER_CONNECT; stage < FILTER_MESSAGE; stage++)
		milter_step(
		    &milter, (enum filter_stage)stage, &facts, &verdict);
	show(&milter, &facts, &verdict);
	milter_free(&milter);
	buf_free(&verdict.text);
	close(ends[1]);
	return 0;
}
