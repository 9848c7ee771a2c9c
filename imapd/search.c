#include "imapd/search.h"

#include <time.h>

#include "imapd/context.h"
#include "imapd/handlers.h"
#include "imapd/output.h"

struct search {
	struct session *session;
	struct program program;
	struct sort_order order;
	bool is_sort;
	struct search_returns returns;
	const char *failure;
};

static bool
parse_search(struct search *search, struct parse *parse)
{
	if (!parse_space(parse) ||
	    !search_parse_returns(&search->returns, parse))
		return false;
	if (search->is_sort) {
		search->order.is_inverted =
		    search->session->is_collation_inverted;
		if (!sort_parse(&search->order, parse) || !parse_space(parse) ||
		    !search_parse_charset(parse, &search->failure))
			return false;
	} else if (parse_keyword(parse, "CHARSET")) {
		/* RFC 6855 section 3: it would be a second label. */
		if ((search->session->enabled & ENABLED_UTF8) != 0 ||
		    !parse_space(parse) ||
		    !search_parse_charset(parse, &search->failure))
			return false;
	}
	if (!program_parse(&search->program, search->session, parse))
		return false;
	return search->program.has_fuzzy ||
	       ((search->returns.items & RETURN_RELEVANCY) == 0 &&
		   !sort_is_by_relevancy(&search->order));
}

static void
put_plain(struct search *search, const struct search_found *found)
{
	struct session *session = search->session;

	put(session, search->is_sort ? "* SORT" : "* SEARCH");
	for (size_t k = 0; k < picks_count(&found->picks); k++) {
		put(session, " ");
		put_number(session, search_number(found, k));
	}
	if (found->has_modseq && picks_count(&found->picks) > 0)
		put_format(session, " (MODSEQ %llu)",
		    (unsigned long long)search_modseq(&search->returns, found));
	put(session, "\r\n");
}

static void
answer(struct search *search, const struct search_found *found)
{
	struct session *session = search->session;
	bool is_plain =
	    !search->returns.is_given &&
	    ((session->enabled & ENABLED_REV2) == 0 || search->is_sort);

	session->limited_uid = search->program.limited_uid;
	if ((search->returns.items & RETURN_SAVE) != 0)
		search_save(session, &search->returns, found);
	if (is_plain)
		put_plain(search, found);
	else if (!search_is_silent(&search->returns))
		search_put_extended(session, &search->returns, found);
	program_warn(&search->program, session);
	/* A part of the result cannot be kept up to date. */
	if ((search->returns.items & RETURN_UPDATE) != 0 &&
	    session->limited_uid != 0)
		contexts_refuse(session);
	else if ((search->returns.items & RETURN_UPDATE) != 0)
		contexts_add(session,
		    &(struct context_search){ .program = &search->program,
			.order = search->is_sort ? &search->order : NULL,
			.found = found,
			.items = search->returns.items_of_new });
	session_finish(session, "OK done");
}

static void
run_search(struct search *search)
{
	struct session *session = search->session;
	struct search_found found = { .folder = session->folder,
		.is_uid = session->is_uid,
		.has_modseq = search->program.has_modseq };

	if (search->program.has_modseq)
		session_enable_condstore(session);
	size_t messages = folder_count(session->folder);
	session->progress.goal = program_goal(&search->program, messages) +
				 search->order.count * messages;
	if (!search->is_sort)
		search->program.limit = session->settings->limit;
	enum account_status status = program_run(
	    &search->program, session, session->folder, &found.picks);
	search->program.limit = 0; /* not of what is kept up to date */
	found.scores = search->order.scores = search->program.scores;
	if (status == ACCOUNT_OK && search->is_sort)
		search->program.has_unreadable |=
		    !sort_picks(session, &search->order, &found.picks);
	if (status == ACCOUNT_INVALID) {
		session_bad(session, "BAD no message has that number");
	} else if (status != ACCOUNT_OK) {
		search_save_nothing(session, &search->returns);
		session_fail(session, status);
	} else {
		answer(search, &found);
	}
	picks_free(&found.picks);
}

static void
search_or_sort(struct session *session, struct parse *parse, bool is_sort)
{
	struct search search = { .session = session, .is_sort = is_sort };

	program_init(&search.program, (int64_t)time(NULL));
	bool is_good = parse_search(&search, parse);
	if (search.failure != NULL || !is_good) {
		if (program_refuse(&search.program, session, search.failure,
			"BAD SEARCH KEY ..."))
			search_save_nothing(session, &search.returns);
	} else if (!contexts_reject_tag(session, &search.returns)) {
		run_search(&search);
	}
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
