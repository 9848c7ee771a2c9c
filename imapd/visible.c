#include "imapd/visible.h"

#include "imapd/rights.h"

struct reading {
	struct session *session;
	struct children *visible;
	struct buf names; /* of all, each ended by LF */
	struct buf attributes;
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
	struct reading reading = { .session = session, .visible = visible };
	bool is_read = account_list(session->account, take_visible, &reading);

	children_sort(visible);
	return is_read;
}

static bool
take_any(void *context, const struct account_folder *folder)
{
	struct reading *reading = context;

	buf_add(&reading->names, folder->name);
	buf_add_char(&reading->names, '\n');
	buf_add(&reading->attributes,
	    (struct span){ (const char *)&folder->attributes,
		sizeof(folder->attributes) });
	return take_visible(context, folder);
}

bool
visible_list(struct session *session, struct children *visible,
    bool (*take)(void *context, const struct account_folder *folder),
    void *context)
{
	struct reading reading = { .session = session,
		.visible = visible,
		.names = buf_new(SIZE_MAX / 2),
		.attributes = buf_new(SIZE_MAX / 2) };
	bool is_read = account_list_whole(session->account, take_any, &reading);
	struct span names = buf_span(&reading.names);
	const uint32_t *attributes =
	    (const uint32_t *)(const void *)reading.attributes.data;

	children_sort(visible);
	for (size_t i = 0; is_read && names.len > 0; i++) {
		const struct account_folder folder = { span_cut(&names, '\n'),
			attributes[i] };

		is_read = take(context, &folder);
	}
	buf_free(&reading.names);
	buf_free(&reading.attributes);
	return is_read;
}

bool
visible_see(const struct children *visible, struct account_folder *folder)
{
	bool has_children = children_has_below(visible, folder->name);
	bool is_seen =
	    is_selectable(folder) && children_has_name(visible, folder->name);

	folder->attributes &= FOLDER_MARKED;
	if (!is_seen)
		folder->attributes = FOLDER_NOSELECT;
	if (has_children)
		folder->attributes |= FOLDER_HAS_CHILDREN;
	return is_seen || has_children;
}
