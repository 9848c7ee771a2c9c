#include <time.h>

#include "imapd/context.h"
#include "imapd/filters.h"
#include "imapd/handlers.h"
#include "imapd/rights.h"

/* ESEARCH, RFC 7377: one search in several folders. */

struct multisearch {
	struct session *session;
	struct filters sources;
	struct search_returns returns;
	struct program program;
	struct buf names; /* of the folders, each with a NUL */
	enum account_status failure;
	const char *refusal;
	bool has_update;          /* the selected folder was searched */
	struct search_found kept; /* what UPDATE begins with */
};

static bool
parse_sources(struct multisearch *search, struct parse *parse)
{
	search->sources.kinds = FILTER_SELECTED;
	if (!parse_keyword(parse, "IN"))
		return true;
	if (!parse_space(parse) || !parse_char(parse, '(') ||
	    !filters_parse(&search->sources, search->session, parse) ||
	    !parse_char(parse, ')') || !parse_space(parse))
		return false;
	/* A guest's own are not here: these would be the owner's. */
	if (rights_is_guest(search->session))
		search->sources.kinds &=
		    ~(unsigned)(FILTER_PERSONAL | FILTER_SUBSCRIBED);
	return true;
}

static bool
parse_multisearch(struct multisearch *search, struct parse *parse)
{
	if (!parse_space(parse) || !parse_sources(search, parse) ||
	    !search_parse_returns(&search->returns, parse))
		return false;
	if (parse_keyword(parse, "CHARSET") &&
	    (!parse_space(parse) ||
		!search_parse_charset(parse, &search->refusal)))
		return false;
	search->program.takes_any_number = true;
	if (!program_parse(&search->program, search->session, parse))
		return false;
	if ((search->returns.items & RETURN_RELEVANCY) != 0 &&
	    !search->program.has_fuzzy)
		return false;
	/* What is saved, and "$", is of the selected folder alone. */
	return search->sources.kinds == FILTER_SELECTED ||
	       ((search->returns.items & RETURN_SAVE) == 0 &&
		   !search->program.saved.is_saved);
}

/* One folder; where nothing is found, nothing is answered. */
static void
search_folder(
    struct multisearch *search, struct folder *folder, struct span name)
{
	struct session *session = search->session;
	struct search_found found = { .folder = folder,
		.mailbox = name,
		.is_uid = true,
		.has_modseq = search->program.has_modseq };
	enum account_status status =
	    program_run(&search->program, session, folder, &found.picks);

	found.scores = search->program.scores;
	if (status != ACCOUNT_OK)
		search->failure = status;
	else if (picks_count(&found.picks) > 0 &&
		 !search_is_silent(&search->returns))
		search_put_extended(session, &search->returns, &found);
	if (status != ACCOUNT_OK)
		search_save_nothing(session, &search->returns);
	else if ((search->returns.items & RETURN_SAVE) != 0)
		search_save(session, &search->returns, &found);
	if (status == ACCOUNT_OK && folder == session->folder &&
	    (search->returns.items & RETURN_UPDATE) != 0) {
		search->has_update = true;
		search->kept = found;
		return;
	}
	picks_free(&found.picks);
}

static bool
take_folder(void *context, const struct account_folder *folder)
{
	struct multisearch *search = context;

	if ((folder->attributes & (FOLDER_NOSELECT | FOLDER_NONEXISTENT)) ==
		0 &&
	    filters_match(&search->sources, folder)) {
		buf_add(&search->names, folder->name);
		buf_add_char(&search->names, '\0');
	}
	return true;
}

/* One that is gone since the list was made is no failure. */
static void
search_name(struct multisearch *search, struct span name)
{
	struct session *session = search->session;
	struct folder *folder;

	if (session->folder != NULL &&
	    span_equal(name, buf_span(&session->folder_name))) {
		if ((search->sources.kinds & FILTER_SELECTED) == 0)
			search_folder(search, session->folder, name);
		return;
	}
	enum account_status status =
	    (rights_on(session, name) & ACL_READ) == 0
		? ACCOUNT_NONEXISTENT
		: folder_open(&folder, session->account, name, true);
	if (status == ACCOUNT_OK) {
		folder_on_progress(folder, progress_tick, session);
		search_folder(search, folder, name);
		folder_close(folder);
	} else if (status != ACCOUNT_NONEXISTENT) {
		search->failure = status;
	}
}

static void
run_multisearch(struct multisearch *search)
{
	struct session *session = search->session;

	if (search->program.has_modseq)
		session_enable_condstore(session);
	if ((search->sources.kinds & FILTER_SELECTED) != 0)
		search_folder(
		    search, session->folder, buf_span(&session->folder_name));
	if (search->sources.kinds != FILTER_SELECTED &&
	    !account_list(session->account, take_folder, search))
		search->failure = ACCOUNT_ERROR;
	struct span names = buf_span(&search->names);
	while (names.len > 0 && session->out->status == IO_OK)
		search_name(search, span_cut(&names, '\0'));
	if (search->has_update)
		contexts_add(session,
		    &(struct context_search){ .program = &search->program,
			.found = &search->kept,
			.items = search->returns.items_of_new });
	else if ((search->returns.items & RETURN_UPDATE) != 0)
		contexts_refuse(session);
	program_warn(&search->program, session);
	session_fail(session, search->failure);
}

/* As for SEARCH: the right may have been taken since the SELECT. */
static bool
may_be_searched(const struct multisearch *search)
{
	return (search->sources.kinds & FILTER_SELECTED) == 0 ||
	       rights_require_selected(search->session, ACL_READ);
}

void
handle_esearch(struct session *session, struct parse *parse)
{
	struct multisearch search = { .session = session,
		.names = buf_new(SIZE_MAX / 2) };

	program_init(&search.program, (int64_t)time(NULL));
	bool is_good = parse_multisearch(&search, parse);
	if (search.refusal != NULL || !is_good) {
		if (program_refuse(&search.program, session, search.refusal,
			"BAD ESEARCH [IN (...)] [RETURN (...)] KEY ..."))
			search_save_nothing(session, &search.returns);
	} else if (((search.sources.kinds & FILTER_SELECTED) != 0 ||
		       (search.returns.items & RETURN_UPDATE) != 0) &&
		   session->folder == NULL) {
		session_bad(session, "BAD no folder is selected");
	} else if (may_be_searched(&search) &&
		   !contexts_reject_tag(session, &search.returns)) {
		run_multisearch(&search);
	}
	picks_free(&search.kept.picks);
	program_free(&search.program);
	filters_free(&search.sources);
	buf_free(&search.names);
}
