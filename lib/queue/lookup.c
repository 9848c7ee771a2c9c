#include "queue/lookup.h"

static const char *const kinds[] = {
	[LOOKUP_MAILBOX] = "mailbox",
	[LOOKUP_ALIAS] = "alias",
	[LOOKUP_REMOTE] = "remote",
	[LOOKUP_RELAY] = "relay",
	[LOOKUP_UNKNOWN] = "unknown",
	[LOOKUP_LATER] = "later",
};

/* The span of an answer that a tag names; NULL for another tag. */
static struct span *
field(struct lookup_answer *answer, char tag)
{
	switch (tag) {
	case 'N':
		return &answer->account;
	case 'H':
		return &answer->home;
	case 'M':
		return &answer->mailbox;
	case 'X':
		return &answer->extension;
	case 'T':
		return &answer->target;
	case 'O':
		return &answer->owner;
	case 'E':
		return &answer->text;
	default:
		return NULL;
	}
}

static bool
parse_kind(struct span bytes, enum lookup_kind *kind)
{
	struct span name;

	if (!record_find(bytes, 'K', &name))
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (span_equal(name, span_of(kinds[i]))) {
			*kind = (enum lookup_kind)i;
			return true;
		}
	}
	return false;
}

bool
lookup_parse_answer(struct span bytes, struct lookup_answer *answer)
{
	struct span value;
	char tag;

	*answer = (struct lookup_answer){ .kind = LOOKUP_LATER };
	if (!parse_kind(bytes, &answer->kind))
		return false;
	for (struct span rest = bytes; record_next(&rest, &tag, &value);) {
		struct span *span = field(answer, tag);

		if (span != NULL)
			*span = value;
	}
	return answer->kind != LOOKUP_MAILBOX ||
	       (record_find_number(bytes, 'U', UINT32_MAX, &answer->uid) &&
		   record_find_number(bytes, 'G', UINT32_MAX, &answer->gid));
}

void
lookup_add_answer(struct buf *buf, const struct lookup_answer *answer)
{
	static const char tags[] = "NHMXTOE";
	struct lookup_answer copy = *answer;

	record_add_string(buf, 'K', kinds[answer->kind]);
	if (answer->kind == LOOKUP_MAILBOX) {
		record_add_number(buf, 'U', answer->uid);
		record_add_number(buf, 'G', answer->gid);
	}
	for (size_t i = 0; i < sizeof(tags) - 1; i++) {
		const struct span *value = field(&copy, tags[i]);

		if (value->len > 0)
			record_add(buf, tags[i], *value);
	}
}

void
lookup_ask(int session, struct span address, int64_t timeout_ms,
    struct packet *packet, struct lookup_answer *answer)
{
	struct buf request = buf_new(PACKET_MAX);

	record_add(&request, 'A', address);
	bool is_answered = neighbour_ask(
	    session, buf_span(&request), NULL, 0, timeout_ms, packet);
	buf_free(&request);
	if (is_answered) {
		packet_close_fds(packet);
		if (lookup_parse_answer(packet_span(packet), answer))
			return;
	}
	*answer = (struct lookup_answer){ .kind = LOOKUP_LATER,
		.text = span_of("the address tables do not answer") };
}
