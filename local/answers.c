#include "local/answers.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/die.h"
#include "base/io.h"

enum {
	ASK_TIMEOUT_MS = 10000
};

void
answers_init(struct answers *answers, int control)
{
	*answers = (struct answers){ .control = control, .session = -1 };
	for (size_t i = 0; i < ANSWERS_MAX; i++) {
		answers->kept[i].address = buf_new(PACKET_MAX);
		answers->kept[i].bytes = buf_new(PACKET_MAX);
	}
}

static bool
find_kept(const struct kept_answer *kept, struct span address,
    struct packet *packet, struct lookup_answer *answer)
{
	if (clock_ms() >= kept->until_ms ||
	    !span_equal(buf_span(&kept->address), address))
		return false;
	packet->len = kept->bytes.len;
	packet->fd_count = 0;
	memcpy(packet->bytes, kept->bytes.data, kept->bytes.len);
	return lookup_parse_answer(packet_span(packet), answer);
}

static void
keep(struct kept_answer *kept, struct span address, const struct packet *packet)
{
	buf_clear(&kept->address);
	buf_add(&kept->address, address);
	buf_clear(&kept->bytes);
	buf_add(&kept->bytes, packet_span(packet));
	kept->until_ms = clock_ms() + ANSWERS_KEEP_MS;
}

void
answers_ask(void *context, struct span address, struct packet *packet,
    struct lookup_answer *answer)
{
	struct answers *answers = context;
	struct kept_answer *kept =
	    &answers->kept[XXH3_64bits(address.ptr, address.len) % ANSWERS_MAX];

	if (address.len > 0 && find_kept(kept, address, packet, answer))
		return;
	if (answers->session == -1)
		answers->session = neighbour_open_session(answers->control);
	if (answers->session == -1 && (errno == EPIPE || errno == ECONNRESET))
		temp_fail("lookup is gone"); /* the chain starts anew */
	lookup_ask(answers->session, address, ASK_TIMEOUT_MS, packet, answer);
	if (answer->kind == LOOKUP_LATER) {
		close(answers->session);
		answers->session = -1;
	} else if (answer->kind == LOOKUP_MAILBOX ||
		   answer->kind == LOOKUP_ALIAS) {
		keep(kept, address, packet);
	}
}
