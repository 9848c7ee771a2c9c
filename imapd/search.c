#include <time.h>

#include "imapd/handlers.h"
#include "imapd/output.h"
#include "imapd/program.h"
#include "imapd/search.h"
#include "imapd/sort.h"

/* RETURN (...), RFC 9051 section 6.4.4, RFC 5182, RFC 5267. */
enum search_return {
	RETURN_MIN = 1 << 0,
	RETURN_MAX = 1 << 1,
	RETURN_ALL = 1 << 2,
	RETURN_COUNT = 1 << 3,
	RETURN_SAVE = 1 << 4
};

struct search {
	struct session *session;
	struct program program;
	struct sort_order order;
	bool is_sort;
	bool is_extended;
	unsigned returns;
	const char *failure;
};

static bool
parse_return(struct search *search, struct parse *parse)
{
	static const char *const names[] = { "MIN", "MAX", "ALL", "COUNT",
		"SAVE" };

	if (!parse_keyword(parse, "RETURN"))
		return true;
	search->is_extended = true;
	if (!parse_space(parse) || !parse_char(parse, '('))
		return false;
	if (parse_char(parse, ')')) {
		search->returns = RETURN_ALL;
		return parse_space(parse);
	}
	do {
		unsigned i = 0;

		while (i < 5 && !parse_keyword(parse, names[i]))
			i++;
		if (i == 5)
			return false;
		search->returns |= 1U << i;
	} while (parse_space(parse));
	return parse_char(parse, ')') && parse_space(parse);
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

static bool
parse_search(struct search *search, struct parse *parse)
{
	if (!parse_space(parse) || !parse_return(search, parse))
		return false;
	if (search->is_sort) {
		if (!sort_parse(&search->order, parse) || !parse_space(parse) ||
		    !search_parse_charset(parse, &search->failure))
			return false;
	} else if (parse_keyword(parse, "CHARSET")) {
		if (!parse_space(parse) ||
		    !search_parse_charset(parse, &search->failure))
			return false;
	}
	return program_parse(&search->program, search->session, parse);
}

static uint32_t
number_of(const struct search *search, size_t i)
{
	return search->session->is_uid
		   ? folder_message(search->session->folder, i)->uid
		   : (uint32_t)i + 1;
}

static uint64_t
highest_modseq(const struct search *search, const struct picks *picks)
{
	uint64_t highest = 0;

	for (size_t k = 0; k < picks_count(picks); k++) {
		uint64_t modseq = folder_message(
		    search->session->folder, picks_items(picks)[k])
				      ->modseq;

		if (modseq > highest)
			highest = modseq;
	}
	return highest;
}

static void
put_plain(struct search *search, const struct picks *picks)
{
	struct session *session = search->session;

	put(session, search->is_sort ? "* SORT" : "* SEARCH");
	for (size_t k = 0; k < picks_count(picks); k++)
		put_format(
		    session, " %u", number_of(search, picks_items(picks)[k]));
	if (search->program.has_modseq && picks_count(picks) > 0)
		put_format(session, " (MODSEQ %llu)",
		    (unsigned long long)highest_modseq(search, picks));
	put(session, "\r\n");
}

/* Rising numbers, or SORT's: then each run that rises by one is a range. */
static void
put_all(struct search *search, const struct picks *picks)
{
	struct set_text text = set_text_new();

	for (size_t k = 0; k < picks_count(picks); k++)
		set_text_add(&text, number_of(search, picks_items(picks)[k]));
	struct buf set = set_text_end(&text);
	put(search->session, " ALL ");
	put_span(search->session, buf_span(&set));
	buf_free(&set);
}

static void
put_extended(struct search *search, const struct picks *picks)
{
	struct session *session = search->session;
	size_t count = picks_count(picks);

	put(session, "* ESEARCH (TAG ");
	put_nstring(session, session->tag);
	put(session, session->is_uid ? ") UID" : ")");
	if ((search->returns & RETURN_MIN) != 0 && count > 0)
		put_format(session, " MIN %u",
		    number_of(search, picks_items(picks)[0]));
	if ((search->returns & RETURN_MAX) != 0 && count > 0)
		put_format(session, " MAX %u",
		    number_of(search, picks_items(picks)[count - 1]));
	if ((search->returns & RETURN_COUNT) != 0)
		put_format(session, " COUNT %zu", count);
	if ((search->returns & RETURN_ALL) != 0 && count > 0)
		put_all(search, picks);
	if (search->program.has_modseq && count > 0)
		put_format(session, " MODSEQ %llu",
		    (unsigned long long)highest_modseq(search, picks));
	put(session, "\r\n");
}

/* RFC 5182 section 2.1: MIN and MAX alone save no more than themselves. */
static void
save(struct search *search, const struct picks *picks)
{
	struct session *session = search->session;
	size_t count = picks_count(picks);
	bool is_all = (search->returns & (RETURN_MIN | RETURN_MAX)) == 0 ||
		      (search->returns & (RETURN_ALL | RETURN_COUNT)) != 0;

	buf_clear(&session->saved_uids);
	for (size_t k = 0; k < count; k++) {
		bool is_min = k == 0 && (search->returns & RETURN_MIN) != 0;
		bool is_max =
		    k + 1 == count && (search->returns & RETURN_MAX) != 0;
		uint32_t uid =
		    folder_message(session->folder, picks_items(picks)[k])->uid;

		if (is_all || is_min || is_max)
			buf_add(&session->saved_uids,
			    (struct span){ (const char *)&uid, sizeof(uid) });
	}
}

static void
run_search(struct search *search)
{
	struct session *session = search->session;
	struct picks picks;

	if (search->program.has_modseq)
		session_enable_condstore(session);
	enum account_status status =
	    program_run(&search->program, session, &picks);
	if (status == ACCOUNT_OK && (search->returns & RETURN_SAVE) != 0)
		save(search, &picks);
	if (status == ACCOUNT_OK && search->is_sort)
		sort_picks(session->folder, &search->order, &picks);
	if (status == ACCOUNT_INVALID) {
		session_bad(session, "BAD no message has that number");
	} else if (status != ACCOUNT_OK) {
		if ((search->returns & RETURN_SAVE) != 0)
			buf_clear(&session->saved_uids);
		session_fail(session, status);
	} else {
		if (!search->is_extended &&
		    ((session->enabled & ENABLED_REV2) == 0 || search->is_sort))
			put_plain(search, &picks);
		else if (search->returns != RETURN_SAVE)
			put_extended(search, &picks);
		session_finish(session, "OK done");
	}
	picks_free(&picks);
}

static void
search_or_sort(struct session *session, struct parse *parse, bool is_sort)
{
	struct search search = { .session = session, .is_sort = is_sort };

	program_init(&search.program, (int64_t)time(NULL));
	bool is_good = parse_search(&search, parse);
	if (!search.is_extended)
		search.returns = RETURN_ALL;
	if (search.failure != NULL)
		session_reply(session, search.failure);
	else if (!is_good)
		session_bad(session, "BAD SEARCH KEY ...");
	else
		run_search(&search);
	program_free(&search.program);
}

void
handle_search(struct session *session, struct parse *parse)
{
	search_or_sort(session, parse, false);
}

void
handle_sort(struct session *session, struct parse *parse)
{
	search_or_sort(session, parse, true);
}
