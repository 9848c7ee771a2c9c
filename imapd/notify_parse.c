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

static bool
parse_items(struct parse *parse, struct notify_request *request)
{
	struct span items;

	if (!fetch_items_take(parse, &items))
		return false;
	buf_clear(&request->items);
	buf_add(&request->items, items);
	return true;
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
	struct notify_group group;
	enum notify_result result = NOTIFY_BAD;

	if (filters_parse_one(&group.filters, session, parse) &&
	    parse_space(parse))
		result = parse_events(parse, request, false, &group.events);
	if (result == NOTIFY_OK && request->count == NOTIFY_GROUPS_MAX)
		result = NOTIFY_TOO_MUCH;
	if (result == NOTIFY_OK)
		request->groups[request->count++] = group;
	else
		filters_free(&group.filters);
	return result;
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

	*request = (struct notify_request){ .items = buf_new(NOTIFY_TEXT_MAX) };
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
	return request->items.overflow ? NOTIFY_TOO_MUCH : result;
}

void
notify_request_free(struct notify_request *request)
{
	buf_free(&request->items);
	for (size_t i = 0; i < request->count; i++)
		filters_free(&request->groups[i].filters);
}

unsigned
notify_events_of(const struct notify_request *request,
    const struct account_folder *folder, bool is_personal)
{
	unsigned set = 0;

	for (size_t i = 0; i < request->count; i++) {
		const struct notify_group *group = &request->groups[i];

		if ((is_personal ||
			(group->filters.kinds & FILTER_PERSONAL) == 0) &&
		    filters_match(&group->filters, folder))
			set |= group->events;
	}
	return set;
}
