#include "imapd/visible.h"

#include "imapd/rights.h"

struct reading {
	struct session *session;
	struct children *visible;
};

static bool
is_selectable(const struct account_folder *folder)
{
	return (folder->attributes & (FOLDER_NOSELECT | FOLDER_NONEXISTENT)) ==
	       0;
}

static bool
take_visible(void *context, const struct account_folder *folder)
{
	struct reading *reading = context;

	return !is_selectable(folder) ||
	       (rights_on(reading->session, folder->name) & ACL_LOOKUP) == 0 ||
	       children_add(reading->visible, folder->name);
}

bool
visible_read(struct session *session, struct children *visible)
{
	struct reading reading = { session, visible };
	bool is_read = account_list(session->account, take_visible, &reading);

	children_sort(visible);
	return is_read;
}

bool
visible_see(const struct children *visible, struct account_folder *folder)
{
	bool has_children = children_has(visible, folder->name);
	bool is_seen =
	    is_selectable(folder) && children_contain(visible, folder->name);

	folder->attributes &= FOLDER_MARKED;
	if (!is_seen)
		folder->attributes = FOLDER_NOSELECT;
	if (has_children)
		folder->attributes |= FOLDER_HAS_CHILDREN;
	return is_seen || has_children;
}
