#include "imapd/guest.h"
#include "imapd/list.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "imapd/route.h"
#include "imapd/sharing.h"

/* LIST of what others share. */

static void
put_parent(
    struct session *session, const struct route_list *list, struct span name)
{
	const struct account_folder folder = { name,
		FOLDER_NOSELECT | FOLDER_HAS_CHILDREN };

	if (!list->is_wanted(list->context, name))
		return;
	list_put_head(session, "LIST", &folder);
	put(session, "\r\n");
}

/* May it match a name that begins with prefix? It may say so too often. */
static bool
may_match(struct span pattern, struct span prefix)
{
	size_t slashes = 0;
	size_t i = 0;

	while (i < pattern.len && i < prefix.len &&
	       pattern.ptr[i] == prefix.ptr[i])
		i++;
	if (i == prefix.len)
		return true;
	if (i == pattern.len ||
	    (pattern.ptr[i] != '*' && pattern.ptr[i] != '%'))
		return false;
	/* "%" passes no level: OWNER's folders are on the third. */
	for (size_t k = 0; k < pattern.len; k++) {
		if (pattern.ptr[k] == '*')
			return true;
		slashes += pattern.ptr[k] == '/';
	}
	return slashes >= 2;
}

static void
ask_owner(
    struct session *session, const struct route_list *list, struct span owner)
{
	struct buf prefix = buf_new(ACCOUNT_NAME_MAX);
	bool may = false;

	buf_add_string(&prefix, RIGHTS_OTHERS);
	buf_add(&prefix, owner);
	put_parent(session, list, buf_span(&prefix));
	buf_add_char(&prefix, '/');
	for (size_t i = 0; i < list->count; i++)
		may |=
		    may_match(buf_span(&list->patterns[i]), buf_span(&prefix));
	buf_free(&prefix);
	struct guest *guest = may ? guest_find(session, owner) : NULL;
	if (guest != NULL)
		guest_list(session, guest, list->command);
}

void
route_list(struct session *session, const struct route_list *list)
{
	struct buf owners = buf_new(SIZE_MAX / 2);
	struct span others = span_of(RIGHTS_OTHERS);

	if (!sharing_owners(session, &owners))
		buf_clear(&owners);
	if (owners.len > 0)
		put_parent(
		    session, list, span_slice(others, 0, others.len - 1));
	for (struct span rest = buf_span(&owners); rest.len > 0;)
		ask_owner(session, list, span_cut(&rest, '\n'));
	buf_free(&owners);
}
