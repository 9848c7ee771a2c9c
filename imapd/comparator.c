#include "imapd/handlers.h"
#include "imapd/output.h"
#include "imapd/sort.h"

/* COMPARATOR, RFC 5255 section 4.7: there is one, in two directions. */

enum {
	COLLATION_MAX = 254 /* characters, RFC 4790 section 3.2 */
};

static const char collation[] = "i;unicode-casemap";

/* collation-wild: a letter or a star first, and no star beside another. */
static bool
is_pattern(struct span text)
{
	if (text.len == 0 || text.len > COLLATION_MAX ||
	    (text.ptr[0] != '*' && !ascii_is_letter(text.ptr[0])))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool is_star = c == '*';

		if (is_star && i > 0 && text.ptr[i - 1] == '*')
			return false;
		if (!is_star && !ascii_is_alnum(c) && c != '-' && c != ';' &&
		    c != '=' && c != '.')
			return false;
	}
	return true;
}

/* Stars are few and the name is short, so going back costs nothing. */
static bool
matches(struct span pattern, struct span name)
{
	while (pattern.len > 0 && pattern.ptr[0] != '*') {
		if (name.len == 0 ||
		    !span_equal_nocase(
			span_slice(pattern, 0, 1), span_slice(name, 0, 1)))
			return false;
		pattern = span_slice(pattern, 1, pattern.len);
		name = span_slice(name, 1, name.len);
	}
	if (pattern.len == 0)
		return name.len == 0;
	/* Of a pattern with more stars than the name has letters none is. */
	if (pattern.len > 2 * (name.len + 1))
		return false;
	pattern = span_slice(pattern, 1, pattern.len);
	for (size_t from = 0; from <= name.len; from++)
		if (matches(pattern, span_slice(name, from, name.len)))
			return true;
	return false;
}

static void
put_comparator(struct session *session)
{
	put(session, session->is_collation_inverted ? "* COMPARATOR -"
						    : "* COMPARATOR ");
	put(session, collation);
	put(session, "\r\n");
}

/* One argument; the first that matches counts. */
static bool
take_order(struct session *session, struct span order, bool *is_matched)
{
	bool is_default = span_equal_nocase(order, span_of("default"));
	bool is_inverted = span_starts(order, span_of("-"));

	if (is_inverted || span_starts(order, span_of("+")))
		order = span_slice(order, 1, order.len);
	if (!is_pattern(order))
		return false;
	if (*is_matched || (!is_default && !matches(order, span_of(collation))))
		return true;
	*is_matched = true;
	session->is_collation_inverted = is_inverted;
	sort_forget(session);
	return true;
}

void
handle_comparator(struct session *session, struct parse *parse)
{
	bool was_inverted = session->is_collation_inverted;
	bool is_matched = parse_is_end(parse);
	bool is_good = true;
	struct span order;

	while (is_good && parse_space(parse))
		is_good = parse_astring(parse, &order) &&
			  take_order(session, order, &is_matched);
	if (!is_good || !parse_is_end(parse)) {
		session->is_collation_inverted = was_inverted;
		session_bad(session, "BAD COMPARATOR COLLATION ...");
	} else if (!is_matched) {
		session_finish(session,
		    "NO [BADCOMPARATOR] i;unicode-casemap is the only one");
	} else {
		put_comparator(session);
		session_finish(session, "OK done");
	}
}
