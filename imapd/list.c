#include "imapd/list.h"
#include "imapd/handlers.h"
#include "imapd/output.h"

enum {
	PATTERNS_MAX = 32
};

struct list_request {
	struct session *session;
	const char *verb;
	struct buf patterns[PATTERNS_MAX]; /* in UTF-8, with the reference */
	size_t pattern_count;
	bool is_extended;
	bool is_empty; /* the pattern, as it was sent */
	bool only_subscribed;
	bool only_special;
	bool is_recursive;
	bool returns_subscribed;
	bool returns_special;
	unsigned status_items;
	struct buf match; /* the folder in hand, for CHILDINFO */
};

/* One star at a time is tried again, and one percent below it. */
bool
list_matches(struct span pattern, struct span name)
{
	size_t star = SIZE_MAX, star_at = 0;
	size_t percent = SIZE_MAX, percent_at = 0;
	size_t p = 0;
	size_t n = 0;

	while (n < name.len || p < pattern.len) {
		char c = p < pattern.len ? pattern.ptr[p] : '\0';

		if (p < pattern.len && c == '*') {
			star = ++p;
			star_at = n;
			percent = SIZE_MAX;
		} else if (p < pattern.len && c == '%') {
			percent = ++p;
			percent_at = n;
		} else if (p < pattern.len && n < name.len &&
			   c == name.ptr[n]) {
			p++;
			n++;
		} else if (percent != SIZE_MAX && percent_at < name.len &&
			   name.ptr[percent_at] != '/') {
			p = percent;
			n = ++percent_at;
		} else if (star != SIZE_MAX && star_at < name.len) {
			p = star;
			n = ++star_at;
			percent = SIZE_MAX;
		} else {
			return false;
		}
	}
	return true;
}

static bool
is_wanted(const struct list_request *request, struct span name)
{
	for (size_t i = 0; i < request->pattern_count; i++) {
		struct span pattern = buf_span(&request->patterns[i]);

		if (list_matches(pattern, name) ||
		    (span_equal_nocase(name, span_of("INBOX")) &&
			span_equal_nocase(pattern, name)))
			return true;
	}
	return false;
}

static const struct {
	uint32_t attribute;
	const char *name;
} attributes[] = {
	{ FOLDER_NONEXISTENT, "\\NonExistent" },
	{ FOLDER_NOSELECT, "\\Noselect" },
	{ FOLDER_HAS_CHILDREN, "\\HasChildren" },
	{ FOLDER_MARKED, "\\Marked" },
	{ FOLDER_SUBSCRIBED, "\\Subscribed" },
	{ FOLDER_ALL, "\\All" },
	{ FOLDER_ARCHIVE, "\\Archive" },
	{ FOLDER_DRAFTS, "\\Drafts" },
	{ FOLDER_FLAGGED_USE, "\\Flagged" },
	{ FOLDER_JUNK, "\\Junk" },
	{ FOLDER_SENT, "\\Sent" },
	{ FOLDER_TRASH, "\\Trash" },
	{ FOLDER_IMPORTANT, "\\Important" },
};

static void
put_folder(const struct list_request *request,
    const struct account_folder *folder, bool has_child_info)
{
	struct session *session = request->session;
	uint32_t shown = folder->attributes;
	const char *space = "";

	if (!request->returns_subscribed &&
	    (!request->only_subscribed || request->verb[1] == 'S'))
		shown &= ~(uint32_t)FOLDER_SUBSCRIBED;
	put_format(session, "* %s (", request->verb);
	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
		if ((shown & attributes[i].attribute) != 0) {
			put_format(session, "%s%s", space, attributes[i].name);
			space = " ";
		}
	if ((shown & (FOLDER_HAS_CHILDREN | FOLDER_NONEXISTENT)) == 0)
		put_format(session, "%s\\HasNoChildren", space);
	put(session, ") \"/\" ");
	put_name(session, folder->name);
	if (has_child_info)
		put(session, " (\"CHILDINFO\" (\"SUBSCRIBED\"))");
	put(session, "\r\n");
}

/* Has it a subscribed folder below it that no pattern matches? */
static bool
take_child(void *context, const struct account_folder *folder)
{
	const struct list_request *request = context;
	struct span parent = buf_span(&request->match);

	return (folder->attributes & FOLDER_SUBSCRIBED) == 0 ||
	       folder->name.len <= parent.len ||
	       !span_starts(folder->name, parent) ||
	       folder->name.ptr[parent.len] != '/' ||
	       is_wanted(request, folder->name);
}

static bool
has_subscribed_child(struct list_request *request, struct span name)
{
	if (!request->is_recursive)
		return false;
	buf_clear(&request->match);
	buf_add(&request->match, name);
	return !account_list(request->session->account, take_child, request);
}

static bool
take_folder(void *context, const struct account_folder *folder)
{
	struct list_request *request = context;
	uint32_t has = folder->attributes;

	if (!is_wanted(request, folder->name))
		return true;
	bool is_hit =
	    (!request->only_subscribed || (has & FOLDER_SUBSCRIBED) != 0) &&
	    (!request->only_special || (has & FOLDER_SPECIAL_USE) != 0) &&
	    (request->only_subscribed || (has & FOLDER_NONEXISTENT) == 0);
	bool has_child = has_subscribed_child(request, folder->name);
	if (!is_hit && !has_child)
		return true;
	put_folder(request, folder, has_child);
	if (request->status_items != 0 && is_hit &&
	    (has & (FOLDER_NOSELECT | FOLDER_NONEXISTENT)) == 0)
		status_put(
		    request->session, folder->name, request->status_items);
	return true;
}

static bool
parse_selection(struct parse *parse, struct list_request *request)
{
	bool has_remote = false;

	request->is_extended = true;
	if (parse_char(parse, ')'))
		return true;
	do {
		if (parse_keyword(parse, "SUBSCRIBED"))
			request->only_subscribed = true;
		else if (parse_keyword(parse, "RECURSIVEMATCH"))
			request->is_recursive = true;
		else if (parse_keyword(parse, "SPECIAL-USE"))
			request->only_special = request->returns_special = true;
		else if (parse_keyword(parse, "REMOTE"))
			has_remote = true;
		else
			return false;
	} while (parse_space(parse));
	(void)has_remote; /* there are none */
	return parse_char(parse, ')') &&
	       (!request->is_recursive || request->only_subscribed);
}

static bool
parse_return(struct parse *parse, struct list_request *request)
{
	if (!parse_keyword(parse, "RETURN") || !parse_space(parse) ||
	    !parse_char(parse, '('))
		return false;
	request->is_extended = true;
	if (parse_char(parse, ')'))
		return true;
	do {
		if (parse_keyword(parse, "SUBSCRIBED"))
			request->returns_subscribed = true;
		else if (parse_keyword(parse, "CHILDREN"))
			; /* always */
		else if (parse_keyword(parse, "SPECIAL-USE"))
			request->returns_special = true;
		else if (!parse_keyword(parse, "STATUS") ||
			 !parse_space(parse) ||
			 !status_parse(parse, &request->status_items))
			return false;
	} while (parse_space(parse));
	return parse_char(parse, ')');
}

/* One that can name nothing matches nothing. */
static bool
add_pattern(
    struct list_request *request, struct span reference, struct parse *parse)
{
	struct buf *pattern;
	struct buf joined = buf_new((size_t)ACCOUNT_NAME_MAX * 2);
	struct span text;

	if (!parse_pattern(parse, &text) ||
	    request->pattern_count == PATTERNS_MAX)
		return false;
	if (text.len == 0) {
		request->is_empty = true;
		buf_free(&joined);
		return true;
	}
	pattern = &request->patterns[request->pattern_count];
	*pattern = buf_new(ACCOUNT_NAME_MAX);
	buf_add(&joined, reference);
	buf_add(&joined, text);
	if (!joined.overflow && buf_span(&joined).len > 0 &&
	    take_name(request->session, buf_span(&joined), pattern))
		request->pattern_count++;
	else
		buf_free(pattern);
	buf_free(&joined);
	return true;
}

static bool
parse_list(struct parse *parse, struct list_request *request)
{
	struct span reference;

	if (!parse_space(parse))
		return false;
	if (parse_char(parse, '(') &&
	    (!parse_selection(parse, request) || !parse_space(parse)))
		return false;
	if (!parse_astring(parse, &reference) || !parse_space(parse))
		return false;
	if (parse_char(parse, '(')) {
		request->is_extended = true;
		do {
			if (!add_pattern(request, reference, parse))
				return false;
		} while (parse_space(parse));
		if (!parse_char(parse, ')'))
			return false;
	} else if (!add_pattern(request, reference, parse)) {
		return false;
	}
	if (parse_space(parse) && !parse_return(parse, request))
		return false;
	return parse_is_end(parse);
}

static void
list(struct session *session, struct parse *parse, const char *verb)
{
	struct list_request request = { .session = session,
		.verb = verb,
		.only_subscribed = verb[1] == 'S',
		.match = buf_new(ACCOUNT_NAME_MAX) };

	if (!parse_list(parse, &request)) {
		session_bad(session, "BAD LIST REFERENCE PATTERN");
	} else {
		/* LIST "" "": what parts the levels. */
		if (request.is_empty && !request.is_extended)
			put_format(
			    session, "* %s (\\Noselect) \"/\" \"\"\r\n", verb);
		bool is_good =
		    account_list(session->account, take_folder, &request);
		session_fail(session, is_good ? ACCOUNT_OK : ACCOUNT_ERROR);
	}
	for (size_t i = 0; i < request.pattern_count; i++)
		buf_free(&request.patterns[i]);
	buf_free(&request.match);
}

void
handle_list(struct session *session, struct parse *parse)
{
	list(session, parse, "LIST");
}

void
handle_lsub(struct session *session, struct parse *parse)
{
	list(session, parse, "LSUB");
}
