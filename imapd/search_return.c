#include <stdlib.h>

#include "imapd/output.h"
#include "imapd/search.h"
#include "imapd/section.h"

/* RFC 5465 section 7: its grammar has no space there, its example has one. */
static bool
parse_update(struct search_returns *returns, struct parse *parse)
{
	struct parse ahead = *parse;

	returns->items |= RETURN_UPDATE;
	parse_space(&ahead);
	if (parse_peek(&ahead) != '(')
		return true;
	*parse = ahead;
	return fetch_items_take(parse, &returns->items_of_new);
}

static bool
parse_return(struct search_returns *returns, struct parse *parse)
{
	static const char *const names[] = { "MIN", "MAX", "ALL", "COUNT",
		"SAVE", "RELEVANCY", "CONTEXT" };
	unsigned i = 0;

	if (parse_keyword(parse, "PARTIAL"))
		return !returns->partial.is_given && parse_space(parse) &&
		       partial_parse(&returns->partial, parse);
	if (parse_keyword(parse, "UPDATE"))
		return parse_update(returns, parse);
	while (i < sizeof(names) / sizeof(*names) &&
	       !parse_keyword(parse, names[i]))
		i++;
	returns->items |= 1U << i;
	return i < sizeof(names) / sizeof(*names);
}

bool
search_parse_returns(struct search_returns *returns, struct parse *parse)
{
	*returns = (struct search_returns){ .items = RETURN_ALL };
	if (!parse_keyword(parse, "RETURN"))
		return true;
	returns->is_given = true;
	if (!parse_space(parse) || !parse_char(parse, '('))
		return false;
	if (parse_char(parse, ')'))
		return parse_space(parse);
	returns->items = 0;
	do {
		if (!parse_return(returns, parse))
			return false;
	} while (parse_space(parse));
	return parse_char(parse, ')') && parse_space(parse) &&
	       (!returns->partial.is_given ||
		   (returns->items & RETURN_ALL) == 0);
}

bool
search_is_silent(const struct search_returns *returns)
{
	return (returns->items & ~(unsigned)RETURN_CONTEXT) == RETURN_SAVE &&
	       !returns->partial.is_given;
}

bool
search_parse_charset(struct parse *parse, const char **failure)
{
	struct span name;

	if (!parse_astring(parse, &name))
		return false;
	if (!span_equal_nocase(name, span_of("UTF-8")) &&
	    !span_equal_nocase(name, span_of("US-ASCII")))
		*failure =
		    "NO [BADCHARSET (UTF-8 US-ASCII)] no such character set";
	return parse_space(parse);
}

static uint32_t
uid_of(const struct search_found *found, size_t k)
{
	return folder_message(found->folder, picks_items(&found->picks)[k])
	    ->uid;
}

uint32_t
search_number(const struct search_found *found, size_t k)
{
	return found->is_uid ? uid_of(found, k)
			     : (uint32_t)picks_items(&found->picks)[k] + 1;
}

/* MIN, MAX and PARTIAL speak of no more than themselves, unless ALL or COUNT
 * is there. */
static bool
is_told(const struct search_returns *returns, size_t k, size_t count)
{
	bool is_min = (returns->items & RETURN_MIN) != 0;
	bool is_max = (returns->items & RETURN_MAX) != 0;
	size_t first = 0;
	size_t end = 0;

	if ((returns->items & (RETURN_ALL | RETURN_COUNT)) != 0 ||
	    (!is_min && !is_max && !returns->partial.is_given))
		return true;
	if (returns->partial.is_given)
		partial_bounds(&returns->partial, count, &first, &end);
	return (is_min && k == 0) || (is_max && k + 1 == count) ||
	       (k >= first && k < end);
}

uint64_t
search_modseq(
    const struct search_returns *returns, const struct search_found *found)
{
	size_t count = picks_count(&found->picks);
	uint64_t highest = 0;

	for (size_t k = 0; k < count; k++) {
		uint64_t modseq =
		    folder_message(found->folder, picks_items(&found->picks)[k])
			->modseq;

		if (modseq > highest && is_told(returns, k, count))
			highest = modseq;
	}
	return highest;
}

/* Rising numbers, or SORT's: then each run that rises by one is a range. */
static void
put_set(struct session *session, const struct search_found *found, size_t first,
    size_t end)
{
	struct set_text text = set_text_new();

	for (size_t k = first; k < end; k++)
		set_text_add(&text, search_number(found, k));
	struct buf set = set_text_end(&text);
	put_span(session, buf_span(&set));
	buf_free(&set);
}

static void
put_partial(struct session *session, const struct partial *partial,
    const struct search_found *found)
{
	const char *sign = partial->is_from_last ? "-" : "";
	size_t first;
	size_t end;

	put_format(session, " PARTIAL (%s%u:%s%u ", sign, partial->from, sign,
	    partial->to);
	partial_bounds(partial, picks_count(&found->picks), &first, &end);
	if (first < end)
		put_set(session, found, first, end);
	else
		put(session, "NIL");
	put(session, ")");
}

/* RFC 6203 section 4: of what is told, in its order. */
static void
put_relevancy(struct session *session, const struct search_returns *returns,
    const struct search_found *found)
{
	const char *space = "";
	size_t first = 0;
	size_t end = picks_count(&found->picks);

	if (returns->partial.is_given)
		partial_bounds(&returns->partial, end, &first, &end);
	put(session, " RELEVANCY (");
	for (size_t k = first; k < end; k++) {
		put_format(session, "%s%u", space,
		    found->scores[picks_items(&found->picks)[k]]);
		space = " ";
	}
	put(session, ")");
}

static void
put_correlators(struct session *session, const struct search_found *found)
{
	struct folder_counts counts;

	put(session, "* ESEARCH (TAG ");
	put_nstring(session, session->tag);
	if (found->mailbox.ptr != NULL) {
		folder_counts(found->folder, &counts);
		put(session, " MAILBOX ");
		put_name(session, found->mailbox);
		put_format(session, " UIDVALIDITY %u", counts.uid_validity);
	}
	put(session, found->is_uid ? ") UID" : ")");
}

void
search_put_extended(struct session *session,
    const struct search_returns *returns, const struct search_found *found)
{
	size_t count = picks_count(&found->picks);

	put_correlators(session, found);
	if ((returns->items & RETURN_MIN) != 0 && count > 0)
		put_format(session, " MIN %u", search_number(found, 0));
	if ((returns->items & RETURN_MAX) != 0 && count > 0)
		put_format(session, " MAX %u", search_number(found, count - 1));
	if ((returns->items & RETURN_COUNT) != 0)
		put_format(session, " COUNT %zu", count);
	if ((returns->items & RETURN_ALL) != 0 && count > 0) {
		put(session, " ALL ");
		put_set(session, found, 0, count);
	}
	if (returns->partial.is_given)
		put_partial(session, &returns->partial, found);
	if ((returns->items & RETURN_RELEVANCY) != 0)
		put_relevancy(session, returns, found);
	uint64_t modseq = found->has_modseq ? search_modseq(returns, found) : 0;
	if (modseq > 0)
		put_format(session, " MODSEQ %llu", (unsigned long long)modseq);
	put(session, "\r\n");
}

void
search_save_nothing(
    struct session *session, const struct search_returns *returns)
{
	if ((returns->items & RETURN_SAVE) != 0)
		buf_clear(&session->saved_uids);
}

static int
compare_uids(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

void
search_save(struct session *session, const struct search_returns *returns,
    const struct search_found *found)
{
	size_t count = picks_count(&found->picks);
	struct buf *saved = &session->saved_uids;

	buf_clear(saved);
	for (size_t k = 0; k < count; k++) {
		uint32_t uid = uid_of(found, k);

		if (is_told(returns, k, count))
			buf_add(saved,
			    (struct span){ (const char *)&uid, sizeof(uid) });
	}
	if (saved->len > 0)
		qsort(saved->data, saved->len / sizeof(uint32_t),
		    sizeof(uint32_t), compare_uids);
}
