#include "imapd/session.h"

/* "$" of RFC 5182: UIDs, which no expunge makes another's. */
static void
add_saved(const struct session *session, struct set *set)
{
	const uint32_t *uids =
	    (const uint32_t *)(const void *)session->saved_uids.data;
	size_t count = session->saved_uids.len / sizeof(*uids);
	size_t start = 0;

	set->ranges = buf_new(count * sizeof(struct set_range));
	for (size_t i = 1; i <= count; i++)
		if (i == count || uids[i] != uids[i - 1] + 1) {
			set_add(set, uids[start], uids[i - 1]);
			start = i;
		}
}

bool
session_parse_set(struct session *session, struct parse *parse, struct set *set)
{
	if (!set_parse(set, parse))
		return false;
	if (set->is_saved)
		add_saved(session, set);
	return true;
}

bool
session_parse_picks(
    struct session *session, struct parse *parse, struct picks *picks)
{
	struct set set = { 0 };
	bool is_good =
	    parse_space(parse) && session_parse_set(session, parse, &set);

	*picks = picks_new();
	if (!is_good)
		session_bad(session, "BAD a set of messages is missing");
	else if (!set_pick(&set, session->folder,
		     session->is_uid || set.is_saved, picks)) {
		session_bad(session, "BAD no message has that number");
		picks_free(picks);
		is_good = false;
	}
	set_free(&set);
	return is_good;
}
