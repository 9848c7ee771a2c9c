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

/* What the user has subscribed to, his own imapd alone knows. */

struct marking {
	struct session *session;
	const struct buf *subscribed; /* names, each ended by LF */
};

static bool
take_subscribed(void *context, const struct account_folder *folder)
{
	if ((folder->attributes & FOLDER_SUBSCRIBED) != 0 &&
	    rights_is_of_others(folder->name)) {
		buf_add(context, folder->name);
		buf_add_char(context, '\n');
	}
	return true;
}

/* Of "* LIST (...) "/" NAME"; a name in a literal is not looked at. */
static bool
is_subscribed(const struct marking *marking, struct span line)
{
	struct buf copy = buf_new(SIZE_MAX / 2);
	struct buf name = buf_new(ACCOUNT_NAME_MAX);
	struct span text;

	span_cut(&line, ')');
	buf_add(&copy, span_trim(line));
	struct parse parse = parse_begin(&copy);
	bool is_one =
	    parse_prefix(&parse, "\"/\" ") && parse_astring(&parse, &text) &&
	    take_shown_name(marking->session, text, &name) &&
	    span_has_line(buf_span(marking->subscribed), buf_span(&name));
	buf_free(&copy);
	buf_free(&name);
	return is_one;
}

static void
take_listed(void *context, struct span piece, bool is_line)
{
	const struct marking *marking = context;
	struct span head = span_of("* LIST (");

	if (is_line && marking->subscribed->len > 0 &&
	    span_starts(piece, head) && is_subscribed(marking, piece)) {
		struct buf marked = buf_new(SIZE_MAX / 2);

		buf_add(&marked, head);
		buf_add_string(&marked, "\\Subscribed ");
		buf_add(&marked, span_slice(piece, head.len, SIZE_MAX));
		guest_tell(marking->session, buf_span(&marked), true);
		buf_free(&marked);
	} else {
		guest_tell(marking->session, piece, is_line);
	}
}

static void
ask_owner(
    struct marking *marking, const struct route_list *list, struct span owner)
{
	struct session *session = marking->session;
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
	/* One that was silent once is not waited for again. */
	may &= !guest_is_silent(session, owner);
	struct guest *guest = may ? guest_find(session, owner) : NULL;
	if (guest != NULL)
		guest_ask(session, guest, list->command, take_listed, marking);
}

void
route_list(struct session *session, const struct route_list *list)
{
	struct buf owners = buf_new(SIZE_MAX / 2);
	struct buf subscribed = buf_new(SIZE_MAX / 2);
	struct marking marking = { session, &subscribed };
	struct span others = span_of(RIGHTS_OTHERS);

	if (list->returns_subscribed)
		account_list(session->account, take_subscribed, &subscribed);
	if (!sharing_owners(session, &owners))
		buf_clear(&owners);
	if (owners.len > 0)
		put_parent(
		    session, list, span_slice(others, 0, others.len - 1));
	for (struct span rest = buf_span(&owners); rest.len > 0;)
		ask_owner(&marking, list, span_cut(&rest, '\n'));
	buf_free(&owners);
	buf_free(&subscribed);
}

void
route_tell_list(struct session *session, struct span line)
{
	struct buf subscribed = buf_new(SIZE_MAX / 2);
	struct marking marking = { session, &subscribed };

	account_list(session->account, take_subscribed, &subscribed);
	take_listed(&marking, line, true);
	buf_free(&subscribed);
}
