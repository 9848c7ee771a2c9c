#include "imapd/notify_parse.h"

#include "imapd/output.h"
#include "imapd/section.h"

/* As in the groups: MessageNew and MessageExpunge have bits of their own. */
enum {
	HAS_NEW = 1 << 8,
	HAS_EXPUNGE = 1 << 9
};

static const struct {
	const char *name;
	unsigned bits;
} events[] = {
	{ "MessageNew", HAS_NEW },
	{ "MessageExpunge", HAS_EXPUNGE },
	{ "FlagChange", NOTIFY_FLAGS },
	{ "MailboxName", NOTIFY_NAME },
	{ "SubscriptionChange", NOTIFY_SUBSCRIPTION },
	{ "MailboxMetadataChange", NOTIFY_METADATA },
	{ "ServerMetadataChange", NOTIFY_SERVER_METADATA },
};

/* "(UID FLAGS ...)" is looked at now, and kept as text. */
static bool
parse_items(struct parse *parse, struct notify_request *request)
{
	struct fetch_request items;
	struct span rest = parse_rest(parse);
	struct buf text = buf_new(rest.len);

	/* Quoted names of fields are changed where they stand. */
	buf_add(&text, rest);
	struct parse copy = parse_begin(&text);
	fetch_request_init(&items);
	bool is_good =
	    fetch_request_parse_items(&items, &copy) && items.count > 0;
	fetch_request_free(&items);
	size_t len = (size_t)(copy.next - text.data);
	if (is_good) {
		buf_clear(&request->items);
		buf_add(&request->items, span_slice(rest, 0, len));
		parse->next += len;
	}
	buf_free(&text);
	return is_good;
}

static enum notify_result
parse_event(struct parse *parse, struct notify_request *request,
    bool is_selected, unsigned *bits)
{
	const size_t count = sizeof(events) / sizeof(*events);
	struct span unknown;
	size_t i = 0;

	while (i < count && !parse_keyword(parse, events[i].name))
		i++;
	if (i == count)
		return parse_atom(parse, &unknown) ? NOTIFY_BAD_EVENT
						   : NOTIFY_BAD;
	*bits |= events[i].bits;
	struct parse ahead = *parse;
	if (events[i].bits != HAS_NEW || !is_selected || !parse_space(&ahead) ||
	    parse_peek(&ahead) != '(')
		return NOTIFY_OK;
	*parse = ahead;
	return parse_items(parse, request) ? NOTIFY_OK : NOTIFY_BAD;
}

/* "(EVENT ...)" or NONE; RFC 5465 section 5 has what goes with what. */
static enum notify_result
parse_events(struct parse *parse, struct notify_request *request,
    bool is_selected, unsigned *set)
{
	enum notify_result result = NOTIFY_OK;
	unsigned bits = 0;

	*set = 0;
	if (parse_keyword(parse, "NONE"))
		return NOTIFY_OK;
	if (!parse_char(parse, '('))
		return NOTIFY_BAD;
	do {
		enum notify_result one =
		    parse_event(parse, request, is_selected, &bits);

		if (one == NOTIFY_BAD)
			return NOTIFY_BAD;
		if (one != NOTIFY_OK)
			result = one;
	} while (parse_space(parse));
	if (!parse_char(parse, ')') ||
	    ((bits & HAS_NEW) != 0) != ((bits & HAS_EXPUNGE) != 0) ||
	    ((bits & NOTIFY_FLAGS) != 0 && (bits & HAS_NEW) == 0))
		return NOTIFY_BAD;
	*set = bits & (NOTIFY_FLAGS | NOTIFY_NAME | NOTIFY_SUBSCRIPTION |
			  NOTIFY_METADATA | NOTIFY_SERVER_METADATA);
	if ((bits & HAS_NEW) != 0)
		*set |= NOTIFY_NEW;
	if (is_selected && (*set & ~(unsigned)NOTIFY_MESSAGE) != 0)
		return NOTIFY_BAD;
	return result;
}

/* A name that no folder can have is passed over, as one of none is. */
static bool
parse_name(const struct session *session, struct parse *parse,
    struct notify_request *request)
{
	struct buf name = buf_new(ACCOUNT_NAME_MAX);
	struct span text;
	bool is_good = parse_astring(parse, &text);

	if (is_good && take_name(session, text, &name) && name.len > 0 &&
	    span_index(buf_span(&name), '\n') == name.len) {
		buf_add(&request->names, buf_span(&name));
		buf_add_char(&request->names, '\n');
	}
	buf_free(&name);
	return is_good;
}

static bool
parse_names(const struct session *session, struct parse *parse,
    struct notify_request *request)
{
	if (!parse_space(parse))
		return false;
	if (!parse_char(parse, '('))
		return parse_name(session, parse, request);
	do {
		if (!parse_name(session, parse, request))
			return false;
	} while (parse_space(parse));
	return parse_char(parse, ')');
}

static enum notify_result
parse_selected(struct parse *parse, struct notify_request *request)
{
	if (request->has_selected || !parse_space(parse))
		return NOTIFY_BAD;
	request->has_selected = true;
	return parse_events(parse, request, true, &request->selected);
}

static enum notify_result
parse_filtered(const struct session *session, struct parse *parse,
    struct notify_request *request)
{
	struct notify_group group = { .names = request->names.len };

	if (parse_keyword(parse, "SUBSCRIBED"))
		group.filter = NOTIFY_SUBSCRIBED;
	else if (parse_keyword(parse, "SUBTREE"))
		group.filter = NOTIFY_SUBTREE;
	else if (parse_keyword(parse, "MAILBOXES"))
		group.filter = NOTIFY_MAILBOXES;
	else if (!parse_keyword(parse, "PERSONAL") &&
		 !parse_keyword(parse, "INBOXES"))
		return NOTIFY_BAD;
	if ((group.filter == NOTIFY_SUBTREE ||
		group.filter == NOTIFY_MAILBOXES) &&
	    !parse_names(session, parse, request))
		return NOTIFY_BAD;
	group.names_len = request->names.len - group.names;
	if (!parse_space(parse))
		return NOTIFY_BAD;
	enum notify_result result =
	    parse_events(parse, request, false, &group.events);
	if (result != NOTIFY_OK)
		return result;
	if (request->count == NOTIFY_GROUPS_MAX)
		return NOTIFY_TOO_MUCH;
	request->groups[request->count++] = group;
	return NOTIFY_OK;
}

static enum notify_result
parse_group(const struct session *session, struct parse *parse,
    struct notify_request *request)
{
	enum notify_result result;

	if (!parse_space(parse) || !parse_char(parse, '('))
		return NOTIFY_BAD;
	if (parse_keyword(parse, "SELECTED")) {
		result = parse_selected(parse, request);
	} else if (parse_keyword(parse, "SELECTED-DELAYED")) {
		request->is_delayed = true;
		result = parse_selected(parse, request);
	} else {
		result = parse_filtered(session, parse, request);
	}
	return result != NOTIFY_BAD && !parse_char(parse, ')') ? NOTIFY_BAD
							       : result;
}

enum notify_result
notify_parse(const struct session *session, struct parse *parse,
    struct notify_request *request)
{
	enum notify_result result = NOTIFY_OK;

	*request = (struct notify_request){ .items = buf_new(NOTIFY_TEXT_MAX),
		.names = buf_new(NOTIFY_TEXT_MAX) };
	if (!parse_space(parse))
		return NOTIFY_BAD;
	request->is_none = parse_keyword(parse, "NONE");
	if (request->is_none)
		return parse_is_end(parse) ? NOTIFY_OK : NOTIFY_BAD;
	if (!parse_keyword(parse, "SET"))
		return NOTIFY_BAD;
	request->has_status = parse_prefix(parse, " STATUS");
	do {
		enum notify_result one = parse_group(session, parse, request);

		if (one == NOTIFY_BAD)
			return NOTIFY_BAD;
		if (result == NOTIFY_OK)
			result = one;
	} while (!parse_is_end(parse));
	return request->items.overflow || request->names.overflow
		   ? NOTIFY_TOO_MUCH
		   : result;
}

void
notify_request_free(struct notify_request *request)
{
	buf_free(&request->items);
	buf_free(&request->names);
}

static bool
is_named(const struct notify_request *request, const struct notify_group *group,
    struct span name)
{
	struct span rest = span_slice(
	    buf_span(&request->names), group->names, group->names_len);

	while (rest.len > 0) {
		struct span one = span_cut(&rest, '\n');

		if (span_equal(one, name) ||
		    (group->filter == NOTIFY_SUBTREE && name.len > one.len &&
			span_starts(name, one) && name.ptr[one.len] == '/'))
			return true;
	}
	return false;
}

unsigned
notify_events_of(
    const struct notify_request *request, struct span name, uint32_t attributes)
{
	unsigned set = 0;

	for (size_t i = 0; i < request->count; i++) {
		const struct notify_group *group = &request->groups[i];

		if (group->filter == NOTIFY_PERSONAL ||
		    (group->filter == NOTIFY_SUBSCRIBED
			    ? (attributes & FOLDER_SUBSCRIBED) != 0
			    : is_named(request, group, name)))
			set |= group->events;
	}
	return set;
}
