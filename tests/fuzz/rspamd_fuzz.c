/*
 * rspamd_fuzz - a scanner's answer may be anything: it is read and gives edits
 * that smtpd takes, or it is none.  The input is an HTTP answer, and a body.
 */

#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter/http.h"
#include "filter/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take(void *context, const struct filter_answer *edit)
{
	struct buf packet = buf_new(PACKET_MAX);
	struct filter_answer parsed;

	(void)context;
	filter_add_answer(&packet, edit);
	if (packet.overflow || !filter_parse_answer(buf_span(&packet), &parsed))
		abort();
	buf_free(&packet);
}

static void
scan(struct span answer)
{
	struct scan found = scan_new();

	scan_parse(answer, &found, take, NULL);
	if (found.message.len > FILTER_REPLY_MAX ||
	    found.subject.len > FILTER_VALUE_MAX)
		abort();
	scan_free(&found);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reader in;
	static bool is_prepared;
	struct buf body = buf_new(SCAN_ANSWER_MAX);
	int ends[2];

	if (!is_prepared)
		scan_prepare();
	is_prepared = true;
	if (size == 0 || size > 60000 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == -1)
		return 0;
	if (send(ends[1], data, size, 0) == -1)
		abort();
	shutdown(ends[1], SHUT_WR);
	reader_init(&in, ends[0], 1000);
	if (http_read_answer(&in, &body) == 200)
		scan(buf_span(&body));
	scan((struct span){ (const char *)data, size });
	buf_free(&body);
	close(ends[0]);
	close(ends[1]);
	return 0;
}
