#include "store/folder_state.h"

/*
 * \Recent of what APPEND, COPY and MOVE put into cur/ (RFC 3501 section
 * 2.3.2): from state.untold_from on no session was told of it.  What lies in
 * new/ says so by itself: folder_fresh.c.
 */

bool
folder_takes_recent(const struct folder *folder)
{
	return !folder->is_read_only && !folder->leaves_recent;
}

bool
folder_has_untold(const struct folder *folder)
{
	return folder->state.untold_from != 0 &&
	       folder->state.untold_from < folder->uid_next;
}

static void
mark_untold(struct folder *folder)
{
	if (!folder_has_untold(folder))
		return;
	for (size_t i =
		 folder_find(folder, (uint32_t)folder->state.untold_from);
	     i < folder->count; i++)
		folder->items[i].message.flags |= MESSAGE_RECENT;
}

bool
folder_must_take(const struct folder *folder)
{
	return folder_takes_recent(folder) && folder_has_untold(folder);
}

bool
folder_take_untold(struct folder *folder)
{
	bool is_news = folder_must_take(folder);

	mark_untold(folder);
	if (folder_takes_recent(folder))
		folder->state.untold_from = folder->uid_next;
	return is_news;
}

/*
 * Undone by a power cut, or on a disk that is full, they are \Recent once more:
 * it is not synced, and no reason not to open the folder.
 */
void
folder_note_told(struct folder *folder)
{
	struct buf line = buf_new(UIDLIST_LINE_MAX);

	if (!folder_take_untold(folder))
		return;
	folder_add_state(folder, &line);
	(void)folder_list_append(folder, buf_span(&line), false);
	buf_free(&line);
}

void
folder_look_at_untold(struct folder *folder)
{
	if (!folder_takes_recent(folder))
		mark_untold(folder);
}
