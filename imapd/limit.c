#include "imapd/limit.h"

#include <string.h>

#include "imapd/output.h"

bool
limit_is_over(const struct session *session, uint64_t count)
{
	uint64_t max = session->settings->limit;

	return max > 0 && count > max;
}

bool
limit_is_save_over(const struct session *session, uint64_t count)
{
	uint64_t max = session->settings->save_limit;

	return limit_is_over(session, count) || (max > 0 && count > max);
}

void
limit_picks(struct session *session, struct picks *picks)
{
	size_t count = picks_count(picks);

	if (!limit_is_over(session, count))
		return;
	buf_drop(&picks->indexes,
	    (count - (size_t)session->settings->limit) * sizeof(size_t));
	session->limited_uid =
	    folder_message(session->folder, picks_items(picks)[0])->uid;
}

/* Only one of the two is announced. */
static unsigned long long
announced(const struct session *session)
{
	const struct session_settings *settings = session->settings;

	return settings->limit > 0 ? settings->limit : settings->save_limit;
}

/* What is saved is all or nothing: so many would have been taken. */
void
limit_add_refusal(const struct session *session, struct buf *into)
{
	const struct session_settings *settings = session->settings;
	unsigned long long most = announced(session);

	if (settings->save_limit > 0 && settings->save_limit < most)
		most = settings->save_limit;
	buf_printf(
	    into, "NO [MESSAGELIMIT %llu] too many messages: try fewer", most);
}

void
limit_refuse(struct session *session)
{
	struct buf text = buf_new(256);

	limit_add_refusal(session, &text);
	session_finish(session, buf_string(&text));
	buf_free(&text);
}

void
limit_add_reply(struct session *session, const char *text, struct buf *into)
{
	struct buf untagged = buf_new(256);
	unsigned long long limit = announced(session);
	uint32_t uid = session->limited_uid;

	session->limited_uid = 0;
	if (strncmp(text, "OK ", 3) == 0 && text[3] != '[') {
		buf_printf(into, "OK [MESSAGELIMIT %llu %u]", limit, uid);
		buf_add_string(into, text + 2);
	} else {
		buf_printf(&untagged, "* NO [MESSAGELIMIT %llu %u] only these",
		    limit, uid);
		put_reply(session, buf_string(&untagged));
		buf_add_string(into, text);
	}
	buf_free(&untagged);
}
