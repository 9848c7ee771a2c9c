#include <stdlib.h>

#include "imapd/events.h"
#include "imapd/handlers.h"
#include "imapd/limit.h"
#include "imapd/notify.h"
#include "imapd/output.h"
#include "imapd/rights.h"

/* ---- STORE: RFC 9051 section 6.4.6, RFC 7162 section 3.1.3 ---- */

struct store_request {
	bool has_unchanged_since;
	uint64_t unchanged_since;
	enum flag_change change;
	bool is_silent;
	uint32_t flags;
	uint64_t keywords;
	struct span words[FOLDER_KEYWORDS_MAX]; /* that are to be some more */
	size_t word_count;
	bool is_full;    /* a keyword has no room */
	bool is_refused; /* none of what was named may be changed */
};

/* One that is not known is made when nothing can be wrong any more: it is there
 * for good. */
static void
add_keyword(const struct session *session, struct store_request *request,
    struct span keyword)
{
	if (request->change == FLAGS_REMOVE) {
		request->keywords |=
		    folder_keyword_bit(session->folder, keyword, false);
		return;
	}
	for (size_t i = 0; i < request->word_count; i++)
		if (span_equal_nocase(request->words[i], keyword))
			return;
	if (request->word_count == FOLDER_KEYWORDS_MAX)
		request->is_full = true;
	else
		request->words[request->word_count++] = keyword;
}

static bool
add_flag(
    struct session *session, struct parse *parse, struct store_request *request)
{
	struct span keyword;
	uint32_t flag;

	if (!parse_flag(parse, &flag, &keyword))
		return false;
	bool may_be = flag != 0 ? (flag & rights_flags(session->rights)) != 0
				: (session->rights & ACL_WRITE) != 0;
	request->is_refused &= !may_be;
	if (may_be)
		request->flags |= flag;
	if (flag == 0 && may_be)
		add_keyword(session, request, keyword);
	return true;
}

static bool
parse_flags(
    struct session *session, struct parse *parse, struct store_request *request)
{
	bool is_list = parse_char(parse, '(');

	if (is_list && parse_char(parse, ')'))
		return true;
	request->is_refused = true;
	do {
		if (!add_flag(session, parse, request))
			return false;
	} while (parse_space(parse));
	return !is_list || parse_char(parse, ')');
}

static bool
parse_store(
    struct session *session, struct parse *parse, struct store_request *request)
{
	request->unchanged_since = UINT64_MAX;
	if (!parse_space(parse))
		return false;
	if (parse_char(parse, '(')) {
		request->has_unchanged_since = true;
		if (!parse_keyword(parse, "UNCHANGEDSINCE") ||
		    !parse_space(parse) ||
		    !parse_number(
			parse, INT64_MAX, &request->unchanged_since) ||
		    !parse_char(parse, ')') || !parse_space(parse))
			return false;
	}
	request->change = FLAGS_REPLACE;
	if (parse_char(parse, '+'))
		request->change = FLAGS_ADD;
	else if (parse_char(parse, '-'))
		request->change = FLAGS_REMOVE;
	if (!parse_prefix(parse, "FLAGS"))
		return false;
	request->is_silent = parse_prefix(parse, ".SILENT");
	return parse_space(parse) && parse_flags(session, parse, request) &&
	       parse_is_end(parse);
}

static void
take_refused(void *context, size_t i)
{
	picks_add(context, i);
}

static void
put_stored(struct session *session, const struct store_request *request,
    const struct picks *picks, const struct picks *refused)
{
	size_t next = 0;

	if (request->is_silent &&
	    (session->enabled & (ENABLED_CONDSTORE | ENABLED_QRESYNC)) == 0)
		return;
	for (size_t k = 0; k < picks_count(picks); k++) {
		size_t i = picks_items(picks)[k];

		if (next < picks_count(refused) &&
		    picks_items(refused)[next] == i)
			next++;
		else if (folder_message(session->folder, i)->is_expunged)
			continue;
		else if (request->is_silent)
			put_modseq(session, i);
		else
			put_flag_news(session, i);
	}
}

/*
 * MODIFIED: those that others changed first.  NO has it, too, if some are gone
 * (RFC 7162 section 3.1.3, example 11): the client cannot know otherwise which
 * of the rest were left as they are.
 */
static void
finish_refused(
    struct session *session, const struct picks *refused, bool is_all_else_done)
{
	struct set_text text = set_text_new();
	struct buf answer = buf_new(SIZE_MAX / 2);

	for (size_t k = 0; k < picks_count(refused); k++) {
		size_t i = picks_items(refused)[k];

		set_text_add(&text,
		    session->is_uid ? folder_message(session->folder, i)->uid
				    : (uint32_t)i + 1);
	}
	struct buf set = set_text_end(&text);
	buf_add_string(
	    &answer, is_all_else_done ? "OK [MODIFIED " : "NO [MODIFIED ");
	buf_add(&answer, buf_span(&set));
	buf_add_string(&answer, "] others changed these first");
	session_finish(session, buf_string(&answer));
	buf_free(&answer);
	buf_free(&set);
}

/* Who may not change all flags replaces those that he may. */
static enum account_status
replace_some(struct session *session, const struct store_request *request,
    const struct picks *picks, struct picks *refused)
{
	struct folder *folder = session->folder;
	struct picks taken = picks_new();
	uint64_t keywords = (session->rights & ACL_WRITE) != 0 ? UINT64_MAX : 0;
	size_t next = 0;
	enum account_status status =
	    folder_change_flags(folder, picks_items(picks), picks_count(picks),
		FLAGS_REMOVE, rights_flags(session->rights) & ~request->flags,
		keywords & ~request->keywords, request->unchanged_since,
		take_refused, refused);

	for (size_t k = 0; k < picks_count(picks); k++)
		if (next < picks_count(refused) &&
		    picks_items(refused)[next] == picks_items(picks)[k])
			next++;
		else
			picks_add(&taken, picks_items(picks)[k]);
	if (status == ACCOUNT_OK)
		status = folder_change_flags(folder, picks_items(&taken),
		    picks_count(&taken), FLAGS_ADD, request->flags,
		    request->keywords, UINT64_MAX, NULL, NULL);
	picks_free(&taken);
	return status;
}

static enum account_status
change_flags(struct session *session, const struct store_request *request,
    const struct picks *picks, struct picks *refused)
{
	const uint32_t all = ACL_SEEN | ACL_DELETE_MESSAGES | ACL_WRITE;

	if (request->change == FLAGS_REPLACE && (session->rights & all) != all)
		return replace_some(session, request, picks, refused);
	return folder_change_flags(session->folder, picks_items(picks),
	    picks_count(picks), request->change, request->flags,
	    request->keywords, request->unchanged_since, take_refused, refused);
}

static void
store(struct session *session, const struct store_request *request,
    const struct picks *picks)
{
	struct picks refused = picks_new();
	struct events_flags *events =
	    events_flags_begin(session, picks_items(picks), picks_count(picks));
	/* A script may change what the client believes to know. */
	const struct store_request told = { .is_silent = request->is_silent &&
							 events == NULL };
	enum account_status status =
	    change_flags(session, request, picks, &refused);

	events_flags_end(events);
	bool has_failed = status == ACCOUNT_IN_USE;
	for (size_t k = 0; k < picks_count(picks); k++)
		has_failed |=
		    folder_message(session->folder, picks_items(picks)[k])
			->is_expunged;
	/* One that another program holds: the others are changed. */
	if (status == ACCOUNT_OK || status == ACCOUNT_IN_USE) {
		session_tell_keywords(session);
		put_stored(session, &told, picks, &refused);
	}
	if (picks_count(&refused) > 0 &&
	    (status == ACCOUNT_OK || status == ACCOUNT_IN_USE))
		finish_refused(session, &refused, !has_failed);
	else if (status == ACCOUNT_NONEXISTENT ||
		 (status == ACCOUNT_OK && has_failed))
		session_finish(
		    session, "NO [EXPUNGEISSUED] some of them are gone");
	else if (status != ACCOUNT_OK)
		session_fail(session, status);
	else
		session_finish(session, "OK done");
	picks_free(&refused);
}

void
handle_store(struct session *session, struct parse *parse)
{
	struct store_request request = { 0 };
	uint64_t added = 0;
	struct picks picks;

	if (!session_parse_picks(session, parse, &picks))
		return;
	bool is_good = parse_store(session, parse, &request);
	if (is_good && request.has_unchanged_since)
		session_enable_condstore(session);
	if (!is_good)
		session_bad(session, "BAD STORE SET [+-]FLAGS[.SILENT] (...)");
	else if (session->is_read_only)
		session_fail(session, ACCOUNT_READ_ONLY);
	else if (request.is_refused || rights_flags(session->rights) == 0)
		session_finish(session, rights_refused);
	else if (request.is_full ||
		 (picks_count(&picks) > 0 &&
		     !folder_keyword_bits(session->folder, request.words,
			 request.word_count, &added)))
		session_finish(
		    session, "NO [LIMIT] no room for one more keyword");
	else {
		request.keywords |= added;
		limit_picks(session, &picks);
		store(session, &request, &picks);
	}
	picks_free(&picks);
}

/* ---- COPY, MOVE: RFC 9051 sections 6.4.7 and 6.4.8 ---- */

/* "[COPYUID VALIDITY FROM TO]" onto text. */
static void
add_copyuid(struct session *session, const struct picks *picks,
    const struct folder_copied *copied, struct buf *text)
{
	struct set_text from = set_text_new();
	struct set_text to = set_text_new();

	for (size_t k = 0; copied->uids != NULL && k < picks_count(picks);
	     k++) {
		size_t i = picks_items(picks)[k];

		set_text_add(&from, folder_message(session->folder, i)->uid);
		set_text_add(&to, copied->uids[k]);
	}
	struct buf from_set = set_text_end(&from);
	struct buf to_set = set_text_end(&to);
	buf_printf(text, "[COPYUID %u ", copied->uid_validity);
	buf_add(text, buf_span(&from_set));
	buf_add_char(text, ' ');
	buf_add(text, buf_span(&to_set));
	buf_add_char(text, ']');
	buf_free(&from_set);
	buf_free(&to_set);
}

static void
copy_picks(struct session *session, const struct picks *picks,
    struct span target, bool is_move)
{
	struct folder_copying copying = { .target = target,
		.is_move = is_move };
	struct folder_copied copied = { 0 };
	struct buf text = buf_new(SIZE_MAX / 2);
	enum account_status status = ACCOUNT_OK;

	rights_limit_copies(session, &copying);
	session->progress.goal = picks_count(picks);
	if (picks_count(picks) > 0)
		status = folder_copy_without(session->folder,
		    picks_items(picks), picks_count(picks), &copying, &copied);
	if (status == ACCOUNT_NONEXISTENT) {
		struct folder_counts counts;

		session_finish(session,
		    account_counts(session->account, target, &counts) ==
			    ACCOUNT_OK
			? "NO [EXPUNGEISSUED] some of them are gone"
			: "NO [TRYCREATE] there is no such folder");
	} else if (status != ACCOUNT_OK) {
		session_fail(session, status);
	} else if (picks_count(picks) == 0) {
		session_finish(session, "OK there were none");
	} else {
		notify_note_own(session, target, &copied, picks_count(picks));
		events_run_new(session, target, SIEVE_COPY, copied.uids,
		    picks_count(picks));
		/* MOVE: before the EXPUNGEs, RFC 6851 section 4.3. */
		buf_add_string(&text, is_move ? "* OK " : "OK ");
		add_copyuid(session, picks, &copied, &text);
		buf_add_string(&text, " done");
		if (is_move)
			put_reply(session, buf_string(&text));
		session_finish(
		    session, is_move ? "OK done" : buf_string(&text));
	}
	buf_free(&text);
	free(copied.uids);
}

/* All of them or none; but MOVE may do a part (RFC 9738 section 3.1). */
static void
run_copy(struct session *session, struct picks *picks, struct span target,
    bool is_move)
{
	if (is_move)
		limit_picks(session, picks);
	if (!is_move && limit_is_save_over(session, picks_count(picks)))
		limit_refuse(session);
	else
		copy_picks(session, picks, target, is_move);
}

static void
copy(struct session *session, struct parse *parse, bool is_move)
{
	struct picks picks;
	struct buf name;

	if (!session_parse_picks(session, parse, &picks))
		return;
	if (!parse_space(parse))
		session_bad(session, "BAD a folder's name is missing");
	else if (parse_folder_name(session, parse, &name)) {
		if (!session_end(session, parse))
			;
		else if (is_move && session->is_read_only)
			session_fail(session, ACCOUNT_READ_ONLY);
		else if (rights_require(session, buf_span(&name), ACL_INSERT) &&
			 (!is_move || rights_require_selected(session,
					  ACL_DELETE_MESSAGES | ACL_EXPUNGE)))
			run_copy(session, &picks, buf_span(&name), is_move);
		buf_free(&name);
	}
	picks_free(&picks);
}

void
handle_copy(struct session *session, struct parse *parse)
{
	copy(session, parse, false);
}

void
handle_move(struct session *session, struct parse *parse)
{
	copy(session, parse, true);
}
