#include "imapd/handlers.h"
#include "imapd/output.h"

/*
 * UIDBATCHES, RFC 10022: ranges of UIDs that have so many messages each, from
 * the highest UID down to 1, without a gap between them.
 */

enum {
	SIZE_MIN = 500,   /* of one batch */
	SPAN_MAX = 100000 /* messages of all batches that a range asks for */
};

struct batches {
	uint64_t size;
	uint64_t first; /* counted from the highest UIDs */
	uint64_t last;
};

static bool
parse_batches(struct batches *batches, struct parse *parse)
{
	batches->first = 1;
	batches->last = UINT64_MAX;
	if (!parse_space(parse) ||
	    !parse_number(parse, UINT32_MAX, &batches->size) ||
	    batches->size == 0)
		return false;
	if (parse_is_end(parse))
		return true;
	return parse_space(parse) &&
	       parse_number(parse, UINT32_MAX, &batches->first) &&
	       parse_char(parse, ':') &&
	       parse_number(parse, UINT32_MAX, &batches->last) &&
	       batches->first > 0 && batches->last > 0 && parse_is_end(parse);
}

/* Who may not work on so many at once needs smaller ones. */
static uint64_t
least_size(const struct session *session)
{
	uint64_t limit = session->settings->limit;

	return limit > 0 && limit < SIZE_MIN ? limit : SIZE_MIN;
}

/* The next message of the view downwards that is there; 0: none. */
static uint32_t
next_uid(const struct folder *folder, size_t *left)
{
	while (*left > 0) {
		const struct folder_message *message =
		    folder_message(folder, --*left);

		if (!message->is_expunged)
			return message->uid;
	}
	return 0;
}

/* Each begins at its highest message and ends behind that of the next one. */
static void
put_batches(struct session *session, const struct batches *batches)
{
	size_t left = folder_count(session->folder);
	uint32_t high = next_uid(session->folder, &left);
	const char *before = " ";

	put(session, "* UIDBATCHES (TAG \"");
	put_span(session, session->tag);
	put(session, "\")");
	for (uint64_t batch = 1; high != 0 && batch <= batches->last; batch++) {
		uint32_t above = high;

		for (uint64_t k = 0; k < batches->size && high != 0; k++)
			high = next_uid(session->folder, &left);
		if (batch < batches->first)
			continue;
		put_format(session, "%s%u:%u", before, above, high + 1);
		before = ",";
	}
	put(session, "\r\n");
}

void
handle_uid_batches(struct session *session, struct parse *parse)
{
	struct batches batches;

	if (!parse_batches(&batches, parse)) {
		session_bad(session, "BAD UIDBATCHES SIZE [FIRST:LAST]");
	} else if (batches.first > batches.last) {
		session_bad(
		    session, "BAD [CLIENTBUG] the first goes before the last");
	} else if (batches.size < least_size(session)) {
		session_finish(
		    session, "NO [TOOFEW] a batch has more messages");
	} else if (batches.last != UINT64_MAX &&
		   (batches.last - batches.first + 1) * batches.size >
		       SPAN_MAX) {
		session_finish(session, "NO [TOOMANY] ask for fewer batches");
	} else {
		put_batches(session, &batches);
		session_finish(session, "OK done");
	}
}
