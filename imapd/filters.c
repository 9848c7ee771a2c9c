#include "imapd/filters.h"

#include "imapd/output.h"

struct filter {
	enum filter_kind kind;
	size_t start;
	size_t len;
};

/* To a guest "Other Users/OWNER" is what all of that is below: "". */
static bool
is_all_of_owner(const struct session *session, struct buf *name)
{
	struct span prefix = buf_span(&session->prefix);
	bool is_all =
	    prefix.len > 0 &&
	    span_equal(buf_span(name), span_slice(prefix, 0, prefix.len - 1));

	if (is_all)
		buf_clear(name);
	return is_all;
}

static bool
parse_name(struct filters *filters, const struct session *session,
    struct parse *parse, enum filter_kind kind)
{
	struct buf name = buf_new(ACCOUNT_NAME_MAX);
	struct span text;
	bool is_good = parse_astring(parse, &text);

	/* What no folder can be called is none of them. */
	if (is_good && (take_name(session, text, &name) ||
			   is_all_of_owner(session, &name))) {
		struct filter filter = { kind, filters->names.len, name.len };

		buf_add(&filters->names, buf_span(&name));
		buf_add(&filters->items,
		    (struct span){ (const char *)&filter, sizeof(filter) });
	}
	buf_free(&name);
	return is_good && !filters->items.overflow;
}

static bool
parse_names(struct filters *filters, const struct session *session,
    struct parse *parse, enum filter_kind kind)
{
	if (!parse_space(parse))
		return false;
	if (!parse_char(parse, '('))
		return parse_name(filters, session, parse, kind);
	do {
		if (!parse_name(filters, session, parse, kind))
			return false;
	} while (parse_space(parse));
	return parse_char(parse, ')');
}

static bool
parse_filter(
    struct filters *filters, const struct session *session, struct parse *parse)
{
	static const struct {
		const char *word;
		enum filter_kind kind;
	} kinds[] = {
		{ "SELECTED", FILTER_SELECTED },
		{ "INBOXES", FILTER_PERSONAL },
		{ "PERSONAL", FILTER_PERSONAL },
		{ "SUBSCRIBED", FILTER_SUBSCRIBED },
		{ "MAILBOXES", FILTER_MAILBOXES },
		{ "SUBTREE", FILTER_SUBTREE },
		{ "SUBTREE-ONE", FILTER_SUBTREE_ONE },
	};
	size_t i = 0;

	while (i < sizeof(kinds) / sizeof(*kinds) &&
	       !parse_keyword(parse, kinds[i].word))
		i++;
	if (i == sizeof(kinds) / sizeof(*kinds))
		return false;
	filters->kinds |= kinds[i].kind;
	return kinds[i].kind < FILTER_MAILBOXES ||
	       parse_names(filters, session, parse, kinds[i].kind);
}

static void
begin(struct filters *filters)
{
	*filters = (struct filters){
		.names = buf_new((size_t)FILTERS_NAMES_MAX * ACCOUNT_NAME_MAX),
		.items = buf_new(FILTERS_NAMES_MAX * sizeof(struct filter))
	};
}

bool
filters_parse_one(
    struct filters *filters, const struct session *session, struct parse *parse)
{
	begin(filters);
	return parse_filter(filters, session, parse);
}

bool
filters_parse(
    struct filters *filters, const struct session *session, struct parse *parse)
{
	begin(filters);
	do {
		if (!parse_filter(filters, session, parse))
			return false;
	} while (parse_space(parse));
	return true;
}

void
filters_free(struct filters *filters)
{
	buf_free(&filters->names);
	buf_free(&filters->items);
}

bool
filters_name(const struct filters *filters, size_t number,
    enum filter_kind *kind, struct span *name)
{
	const struct filter *items =
	    (const struct filter *)(const void *)filters->items.data;

	if (number >= filters->items.len / sizeof(*items))
		return false;
	*kind = items[number].kind;
	*name = span_slice(
	    buf_span(&filters->names), items[number].start, items[number].len);
	return true;
}

/* Is name what the filter names, or below it? */
static bool
is_below(enum filter_kind kind, struct span parent, struct span name)
{
	if (span_equal(parent, name))
		return true;
	if (parent.len == 0) /* all of an owner's, to a guest */
		return kind == FILTER_SUBTREE ||
		       (kind == FILTER_SUBTREE_ONE &&
			   span_index(name, '/') == name.len);
	if (kind == FILTER_MAILBOXES || !span_starts(name, parent) ||
	    name.ptr[parent.len] != '/')
		return false;
	struct span below = span_slice(name, parent.len + 1, SIZE_MAX);
	return kind == FILTER_SUBTREE || span_index(below, '/') == below.len;
}

bool
filters_match(
    const struct filters *filters, const struct account_folder *folder)
{
	enum filter_kind kind;
	struct span parent;

	if ((filters->kinds & FILTER_PERSONAL) != 0 ||
	    ((filters->kinds & FILTER_SUBSCRIBED) != 0 &&
		(folder->attributes & FOLDER_SUBSCRIBED) != 0))
		return true;
	for (size_t i = 0; filters_name(filters, i, &kind, &parent); i++)
		if (is_below(kind, parent, folder->name))
			return true;
	return false;
}
