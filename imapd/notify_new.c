#include "imapd/notify.h"
#include "imapd/output.h"

/* FETCH of new messages of the selected folder, RFC 5465 section 5.2. */

/* The client has these. */
void
notify_note_own(struct session *session, struct span name,
    const struct folder_copied *copied, size_t count)
{
	struct notify *notify = session->notify;

	if (notify == NULL || notify->request.items.len == 0 ||
	    session->folder == NULL ||
	    !span_equal(buf_span(&session->folder_name), name))
		return;
	buf_clear(&notify->own);
	for (size_t i = 0; i < count; i++)
		buf_add(
		    &notify->own, (struct span){ (const char *)&copied->uids[i],
				      sizeof(*copied->uids) });
}

/* They rise, as the view's do. */
void
notify_put_new(struct session *session, size_t first)
{
	struct notify *notify = session->notify;
	struct picks picks = picks_new();

	if (notify == NULL || notify->request.items.len == 0)
		return;
	const uint32_t *own = (const uint32_t *)(const void *)notify->own.data;
	size_t own_count = notify->own.len / sizeof(*own);
	size_t k = 0;
	for (size_t i = first; i < folder_count(session->folder); i++) {
		uint32_t uid = folder_message(session->folder, i)->uid;

		while (k < own_count && own[k] < uid)
			k++;
		if (k == own_count || own[k] != uid)
			picks_add(&picks, i);
	}
	put_fetched(session, buf_span(&notify->request.items), &picks);
	picks_free(&picks);
}
