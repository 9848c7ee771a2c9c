#include <string.h>

#include "imapd/guest.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "imapd/route.h"

/* What of a guest's lines the client is told. */

/* "* 3 EXPUNGE", "* VANISHED 3": of a folder that is selected. */
static bool
is_of_messages(struct span line)
{
	static const char *const names[] = { "* VANISHED", "* FLAGS",
		"* SEARCH", "* ESEARCH", "* SORT", "* THREAD" };

	if (line.len > 2 && span_starts(line, span_of("* ")) &&
	    line.ptr[2] >= '0' && line.ptr[2] <= '9')
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (span_starts_nocase(line, span_of(names[i])))
			return true;
	return false;
}

/* The guest that speaks has the selected folder, or is to have it. */
static bool
may_tell_of_messages(const struct session *session)
{
	return session->guests->speaking == session->guests->selected ||
	       strcmp(session->verb, "SELECT") == 0 ||
	       strcmp(session->verb, "EXAMINE") == 0;
}

static bool
may_tell(const struct session *session, struct span line)
{
	return span_starts(line, span_of("* ")) &&
	       (!is_of_messages(line) || may_tell_of_messages(session));
}

static void
tell(struct session *session, struct span piece, bool is_line, bool has_plus)
{
	struct guests *guests = session->guests;
	struct literal literal;

	if (is_line && !guests->speaking->is_in_line)
		guests->is_dropped =
		    !may_tell(session, piece) &&
		    !(has_plus && span_starts(piece, span_of("+ ")));
	if (guests->is_dropped)
		return;
	put_span(session, piece);
	if (is_line)
		guests->is_half_told =
		    parse_literal(span_trim(piece), &literal);
}

void
guest_tell(void *context, struct span piece, bool is_line)
{
	tell(context, piece, is_line, false);
}

void
guest_tell_idle(void *context, struct span piece, bool is_line)
{
	tell(context, piece, is_line, true);
}

/* ---- notices ---- */

/* A name of one of the guest's folders: true if it is next, and is taken. */
static bool
take_own_name(
    struct session *session, const struct guest *guest, struct parse *parse)
{
	struct buf name = buf_new(ACCOUNT_NAME_MAX);
	struct span text;
	bool is_own =
	    parse_astring(parse, &text) &&
	    take_shown_name(session, text, &name) &&
	    span_equal(rights_owner(buf_span(&name)), buf_span(&guest->owner));

	buf_free(&name);
	return is_own;
}

/* "\HasChildren) "/" NAME", and perhaps its old name */
static bool
is_own_list(
    struct session *session, const struct guest *guest, struct parse *parse)
{
	parse->next += span_index(parse_rest(parse), ')');
	return parse_prefix(parse, ") \"/\" ") &&
	       take_own_name(session, guest, parse) &&
	       (parse_is_end(parse) ||
		   (parse_prefix(parse, " (\"OLDNAME\" (") &&
		       take_own_name(session, guest, parse) &&
		       parse_prefix(parse, "))") && parse_is_end(parse)));
}

/* "\"Other Users/OWNER/NAME\" ..." */
static bool
is_of_own(
    struct session *session, const struct guest *guest, struct parse *parse)
{
	return take_own_name(session, guest, parse) && parse_space(parse);
}

void
guest_tell_notices(void *context, struct span piece, bool is_line)
{
	struct session *session = context;
	const struct guest *guest = session->guests->speaking;
	struct literal literal;

	if (!is_line || guest->is_in_line || guest->notices.len == 0 ||
	    parse_literal(span_trim(piece), &literal))
		return;
	struct buf copy = buf_new(SIZE_MAX / 2);
	buf_add(&copy, span_trim(piece));
	struct parse parse = parse_begin(&copy);
	if (parse_prefix(&parse, "* LIST (")) {
		if (is_own_list(session, guest, &parse))
			route_tell_list(session, piece);
	} else if ((parse_prefix(&parse, "* STATUS ") ||
		       parse_prefix(&parse, "* METADATA ")) &&
		   is_of_own(session, guest, &parse)) {
		put_span(session, piece);
	}
	buf_free(&copy);
}
