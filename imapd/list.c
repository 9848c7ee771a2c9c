#include "imapd/list.h"

#include "imapd/annotations.h"
#include "imapd/children.h"
#include "imapd/handlers.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "imapd/route.h"
#include "imapd/visible.h"

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
	unsigned status_items;
	struct annotations annotations;
	struct buf told; /* what is above the folder in hand and need not be
			    told for it, each ended by LF */
	struct children children; /* for CHILDINFO */
	struct buf command;       /* as it came: parsing changes it */
	struct children visible;  /* what a guest may see */
	bool returns_rights;
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
matches_any(const struct list_request *request, struct span name)
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

static bool
is_wanted(const struct list_request *request, struct span own_name)
{
	struct buf shown = buf_new((size_t)ACCOUNT_NAME_MAX * 2);

	if (request->session->prefix.len == 0)
		return matches_any(request, own_name);
	buf_add(&shown, buf_span(&request->session->prefix));
	buf_add(&shown, own_name);
	bool is_matched = matches_any(request, buf_span(&shown));
	buf_free(&shown);
	return is_matched;
}

static const struct {
	uint32_t attribute;
	const char *name;
} attributes[] = {
	{ FOLDER_NONEXISTENT, "\\NonExistent" },
	{ FOLDER_NOSELECT, "\\Noselect" },
	{ FOLDER_NO_ACCESS, "\\NoAccess" },
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

void
list_put_head(struct session *session, const char *verb,
    const struct account_folder *folder)
{
	const char *space = "";

	put_format(session, "* %s (", verb);
	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
		if ((folder->attributes & attributes[i].attribute) != 0) {
			put_format(session, "%s%s", space, attributes[i].name);
			space = " ";
		}
	if ((folder->attributes & (FOLDER_HAS_CHILDREN | FOLDER_NONEXISTENT)) ==
	    0)
		put_format(session, "%s\\HasNoChildren", space);
	put(session, ") \"/\" ");
	put_name(session, folder->name);
}

static void
put_folder(const struct list_request *request,
    const struct account_folder *folder, bool has_child_info)
{
	struct session *session = request->session;
	struct account_folder shown = *folder;
	bool is_lsub = request->verb[1] == 'S';

	if (!request->returns_subscribed &&
	    (!request->only_subscribed || is_lsub))
		shown.attributes &= ~(uint32_t)FOLDER_SUBSCRIBED;
	/* RFC 3501 has no other word for what is not there. */
	if (is_lsub && (shown.attributes & FOLDER_NONEXISTENT) != 0) {
		shown.attributes &= ~(uint32_t)FOLDER_NONEXISTENT;
		shown.attributes |= FOLDER_NOSELECT;
	}
	list_put_head(session, request->verb, &shown);
	if (has_child_info)
		put_format(session, " (\"CHILDINFO\" (%s%s%s))",
		    request->only_subscribed ? "\"SUBSCRIBED\"" : "",
		    request->only_subscribed && request->only_special ? " "
								      : "",
		    request->only_special ? "\"SPECIAL-USE\"" : "");
	put(session, "\r\n");
}

/* Has it what the selection options ask for, RECURSIVEMATCH aside? */
static bool
is_selected(const struct list_request *request, uint32_t has)
{
	return (request->only_subscribed ? (has & FOLDER_SUBSCRIBED) != 0
					 : (has & FOLDER_NONEXISTENT) == 0) &&
	       (!request->only_special || (has & FOLDER_SPECIAL_USE) != 0);
}

/* A selected folder that no pattern matches is told of by its parents. */
static bool
take_child(void *context, const struct account_folder *folder)
{
	struct list_request *request = context;

	return !is_selected(request, folder->attributes) ||
	       rights_is_guest(request->session) ||
	       is_wanted(request, folder->name) ||
	       children_add(&request->children, folder->name);
}

/* ---- LSUB, RFC 3501 section 6.3.9; RECURSIVEMATCH, RFC 5258, 3.5 ---- */

static bool
is_below(struct span name, struct span parent)
{
	return name.len > parent.len && span_starts(name, parent) &&
	       name.ptr[parent.len] == '/';
}

/* A parent is followed by all below it: what name is not below is passed. */
static void
forget_passed(struct buf *told, struct span name)
{
	while (told->len > 0) {
		struct span line = span_slice(buf_span(told), 0, told->len - 1);
		size_t start = span_last_index(line, '\n');

		start = start == line.len ? 0 : start + 1;
		if (is_below(name, span_slice(line, start, line.len)))
			return;
		told->len = start;
	}
}

/*
 * "%" shows foo for foo/bar, which is selected: LSUB if foo is not
 * subscribed, RECURSIVEMATCH if there is none, as one that is there is listed
 * anyway.
 */
static void
put_parents(struct list_request *request, struct span name, bool is_chosen)
{
	struct buf *told = &request->told;
	bool is_absent = request->is_recursive && !rights_is_of_others(name);

	forget_passed(told, name);
	bool is_hidden = is_chosen && !is_wanted(request, name);
	for (size_t i = 0; is_hidden && i < name.len; i++) {
		const struct account_folder parent = { span_slice(name, 0, i),
			is_absent ? FOLDER_NONEXISTENT
				  : FOLDER_NOSELECT | FOLDER_HAS_CHILDREN };

		if (name.ptr[i] != '/' || !is_wanted(request, parent.name) ||
		    span_has_line(buf_span(told), parent.name))
			continue;
		put_folder(request, &parent, request->is_recursive);
		buf_add(told, parent.name);
		buf_add_char(told, '\n');
	}
	buf_add(told, name);
	buf_add_char(told, '\n');
}

/* What RETURN asks for besides, as far as it may be read. */
static void
put_more(const struct list_request *request, struct span name)
{
	struct session *session = request->session;
	uint32_t rights = rights_on(session, name);

	if (request->returns_rights)
		rights_put(session, name, rights);
	if ((rights & ACL_READ) == 0)
		return;
	if (request->status_items != 0)
		status_put(session, name, request->status_items);
	if (request->annotations.count > 0)
		annotations_put(session, name, &request->annotations);
}

static bool
take_folder(void *context, const struct account_folder *taken)
{
	struct list_request *request = context;
	struct account_folder seen = *taken;
	const struct account_folder *folder = &seen;

	if (rights_is_guest(request->session) &&
	    !visible_see(&request->visible, &seen))
		return true;
	/* Whether another user's folder is there only its owner can tell. */
	if (request->session->settings->can_share &&
	    rights_is_of_others(seen.name)) {
		if ((seen.attributes & FOLDER_SUBSCRIBED) == 0)
			return true;
		seen.attributes &= ~(uint32_t)FOLDER_NONEXISTENT;
		if (request->verb[1] != 'S' && !request->only_subscribed)
			return true;
	}
	uint32_t has = folder->attributes;
	bool is_chosen = is_selected(request, has);
	if (request->is_recursive || (request->verb[1] == 'S' && is_chosen))
		put_parents(request, folder->name, is_chosen);
	if (!is_wanted(request, folder->name))
		return true;
	bool has_child = children_has_below(&request->children, folder->name);
	if (!is_chosen && !has_child)
		return true;
	put_folder(request, folder, has_child);
	if (is_chosen && (has & (FOLDER_NOSELECT | FOLDER_NONEXISTENT)) == 0)
		put_more(request, folder->name);
	return true;
}

static bool
parse_selection(struct parse *parse, struct list_request *request)
{
	request->is_extended = true;
	if (parse_char(parse, ')'))
		return true;
	do {
		if (parse_keyword(parse, "SUBSCRIBED"))
			request->only_subscribed = true;
		else if (parse_keyword(parse, "RECURSIVEMATCH"))
			request->is_recursive = true;
		else if (parse_keyword(parse, "SPECIAL-USE"))
			request->only_special = true;
		else if (!parse_keyword(parse, "REMOTE")) /* there are none */
			return false;
	} while (parse_space(parse));
	/* The grammar of RFC 6154 has SPECIAL-USE beside REMOTE, but the reason
	   that RFC 5258 gives against RECURSIVEMATCH alone does not hold. */
	return parse_char(parse, ')') &&
	       (!request->is_recursive || request->only_subscribed ||
		   request->only_special);
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
		else if (parse_keyword(parse, "MYRIGHTS"))
			request->returns_rights = true; /* RFC 8440 */
		else if (parse_keyword(parse, "CHILDREN") ||
			 parse_keyword(parse, "SPECIAL-USE"))
			; /* always */
		else if (parse_keyword(parse, "METADATA")) {
			if (!parse_space(parse) ||
			    !annotations_parse(&request->annotations, parse))
				return false;
		} else if (!parse_keyword(parse, "STATUS") ||
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
	    take_shown_name(request->session, buf_span(&joined), pattern))
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

/* All folders, and before that, once, what is below them. */
static enum account_status
list_folders(struct list_request *request)
{
	struct account *account = request->session->account;

	if (rights_is_guest(request->session) &&
	    !visible_read(request->session, &request->visible))
		return ACCOUNT_ERROR;
	if (request->is_recursive) {
		if (!account_list(account, take_child, request))
			return request->children.names.overflow ? ACCOUNT_LIMIT
								: ACCOUNT_ERROR;
		children_sort(&request->children);
	}
	return account_list(account, take_folder, request) ? ACCOUNT_OK
							   : ACCOUNT_ERROR;
}

static bool
is_wanted_of(void *context, struct span name)
{
	return is_wanted(context, name);
}

static void
list_others(struct list_request *request)
{
	struct route_list others = { .patterns = request->patterns,
		.count = request->pattern_count,
		.returns_subscribed = request->returns_subscribed,
		.is_wanted = is_wanted_of,
		.context = request };

	others.command = buf_span(&request->command);
	route_list(request->session, &others);
}

static void
list(struct session *session, struct parse *parse, const char *verb)
{
	struct list_request request = { .session = session,
		.verb = verb,
		.only_subscribed = verb[1] == 'S',
		.command = buf_new(SIZE_MAX / 2),
		.told = buf_new((size_t)ACCOUNT_NAME_MAX * ACCOUNT_NAME_MAX),
		.children = children_new(),
		.visible = children_new() };

	buf_add_string(&request.command, verb);
	buf_add(&request.command, parse_rest(parse));
	if (!parse_list(parse, &request)) {
		session_bad(session, "BAD LIST REFERENCE PATTERN");
	} else {
		/* LIST "" "": what parts the levels. */
		if (request.is_empty && !request.is_extended)
			put_format(
			    session, "* %s (\\Noselect) \"/\" \"\"\r\n", verb);
		enum account_status status = list_folders(&request);
		if (session->settings->can_share && verb[1] == 'I' &&
		    !request.only_subscribed && !request.only_special)
			list_others(&request);
		session_fail(session, status);
	}
	for (size_t i = 0; i < request.pattern_count; i++)
		buf_free(&request.patterns[i]);
	annotations_free(&request.annotations);
	buf_free(&request.command);
	buf_free(&request.told);
	children_free(&request.children);
	children_free(&request.visible);
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
