#include <stdio.h>

#include "imapd/handlers.h"
#include "imapd/limit.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "imapd/urlauth.h"

/* ---- SELECT, EXAMINE: RFC 9051 section 6.3.2, RFC 7162 section 3.2.5 ---- */

enum {
	CHANGES_NOTHING = ACL_ALL & ~(ACL_INSERT | ACL_EXPUNGE | ACL_SEEN |
					ACL_DELETE_MESSAGES | ACL_WRITE)
};

struct select_options {
	bool is_qresync;
	uint64_t uid_validity;
	uint64_t modseq;
	struct set known;
	bool has_numbers;   /* which UIDONLY forbids */
	struct set numbers; /* that the client knows, and the UIDs of these */
	struct set uids;
};

static bool
parse_qresync(struct parse *parse, struct select_options *options)
{
	bool is_good = true;

	options->is_qresync = true;
	if (!parse_space(parse) || !parse_char(parse, '(') ||
	    !parse_number(parse, UINT32_MAX, &options->uid_validity) ||
	    !parse_space(parse) ||
	    !parse_number(parse, INT64_MAX, &options->modseq))
		return false;
	if (parse_space(parse) && parse_peek(parse) != '(')
		is_good = set_parse(&options->known, parse) &&
			  (parse_space(parse) || parse_peek(parse) == ')');
	if (is_good && parse_char(parse, '(')) {
		options->has_numbers = true;
		is_good =
		    set_parse(&options->numbers, parse) && parse_space(parse) &&
		    set_parse(&options->uids, parse) && parse_char(parse, ')');
	}
	return is_good && parse_char(parse, ')');
}

static bool
parse_options(struct session *session, struct parse *parse,
    struct select_options *options)
{
	if (parse_is_end(parse))
		return true;
	if (!parse_space(parse) || !parse_char(parse, '('))
		return false;
	do {
		/* What is selected says its HIGHESTMODSEQ by itself. */
		if (parse_keyword(parse, "CONDSTORE"))
			session->enabled |= ENABLED_CONDSTORE;
		else if (!parse_keyword(parse, "QRESYNC") ||
			 (session->enabled & ENABLED_QRESYNC) == 0 ||
			 options->is_qresync || !parse_qresync(parse, options))
			return false;
	} while (parse_space(parse));
	return parse_char(parse, ')') && parse_is_end(parse);
}

/* The numbers of a set as it stands there. */
struct cursor {
	const struct set *set;
	size_t range;
	uint32_t next; /* 0: its first */
};

/* False at the end, or where they do not rise. */
static bool
take_number(struct cursor *cursor, uint32_t *number)
{
	if (cursor->range == set_count(cursor->set))
		return false;
	struct set_range range = set_range(cursor->set, cursor->range);
	if (range.first == 0 || range.last < range.first)
		return false;
	*number = cursor->next == 0 ? range.first : cursor->next;
	cursor->next = *number == range.last ? 0 : *number + 1;
	cursor->range += cursor->next == 0;
	return true;
}

/*
 * RFC 7162 section 3.2.5.2: before a message that has the number that the
 * client knows nothing went that it was not told of.  The UID of the last such
 * message; behind one that has not, what fits is chance.
 */
static uint32_t
last_match(const struct folder *folder, const struct select_options *options)
{
	struct cursor numbers = { .set = &options->numbers };
	struct cursor uids = { .set = &options->uids };
	uint32_t matched = 0;
	uint32_t before = 0;
	uint32_t number;
	uint32_t uid;

	while (take_number(&numbers, &number) && take_number(&uids, &uid) &&
	       number > before && number <= folder_count(folder) &&
	       folder_message(folder, number - 1)->uid == uid) {
		before = number;
		matched = uid;
	}
	return matched;
}

struct vanished {
	struct set wanted; /* merged */
	size_t next;       /* the first of them that may still be met */
	uint32_t above;    /* no UID up to that one */
	struct set_text shown;
};

/* Both rise: each of the wanted is passed once. */
static void
take_vanished(void *context, uint32_t first, uint32_t last)
{
	struct vanished *vanished = context;

	if (last <= vanished->above)
		return;
	if (first <= vanished->above)
		first = vanished->above + 1;
	while (vanished->next < set_count(&vanished->wanted)) {
		struct set_range wanted =
		    set_range(&vanished->wanted, vanished->next);

		if (wanted.first > last)
			return;
		if (wanted.last >= first)
			set_text_add_range(&vanished->shown,
			    wanted.first > first ? wanted.first : first,
			    wanted.last < last ? wanted.last : last);
		if (wanted.last > last)
			return;
		vanished->next++;
	}
}

/* '*' is any UID that there was: the last ones may be those that are gone. */
void
put_vanished_earlier(struct session *session, uint64_t modseq,
    const struct set *set, uint32_t above)
{
	struct set all;

	set_all(&all);
	bool is_all = set_count(set) == 0 && !set->is_saved;
	struct vanished vanished = { .wanted = set_merged(
					 is_all ? &all : set, UINT32_MAX),
		.above = above,
		.shown = set_text_new() };
	folder_vanished(session->folder, modseq, take_vanished, &vanished);
	struct buf shown = set_text_end(&vanished.shown);
	if (shown.len > 0) {
		put(session, "* VANISHED (EARLIER) ");
		put_span(session, buf_span(&shown));
		put(session, "\r\n");
	}
	buf_free(&shown);
	set_free(&vanished.wanted);
	set_free(&all);
}

static void
put_resync(struct session *session, const struct select_options *options)
{
	struct folder_counts counts;
	struct picks known = picks_new();

	if (!options->is_qresync)
		return;
	folder_counts(session->folder, &counts);
	if (counts.uid_validity != options->uid_validity)
		return;
	put_vanished_earlier(session, options->modseq, &options->known,
	    last_match(session->folder, options));
	struct set all;
	set_all(&all);
	const struct set *set =
	    set_count(&options->known) > 0 ? &options->known : &all;
	session->is_uid = true;
	set_pick(set, session->folder, true, &known);
	for (size_t k = 0; k < picks_count(&known); k++) {
		size_t i = picks_items(&known)[k];

		if (folder_message(session->folder, i)->modseq >
		    options->modseq)
			put_flag_news(session, i);
	}
	set_free(&all);
	picks_free(&known);
}

static void
put_selected(struct session *session)
{
	struct folder_counts counts;
	struct folder *folder = session->folder;

	session->told_modseq = 0;
	session->is_behind = session->are_keywords_told = false;
	folder_counts(folder, &counts);
	session_tell_keywords(session);
	session->known_exists = (uint32_t)folder_count(folder);
	session->known_recent = counts.recent;
	put_format(session, "* %u EXISTS\r\n", session->known_exists);
	if ((session->enabled & ENABLED_REV2) == 0)
		put_format(session, "* %u RECENT\r\n", counts.recent);
	enum language language = session->language;
	uint32_t first_unseen = folder_first_unseen(folder);
	if ((session->enabled & (ENABLED_REV2 | ENABLED_UIDONLY)) == 0 &&
	    first_unseen > 0)
		put_format(session, "* OK [UNSEEN %u] %s\r\n", first_unseen,
		    language_say(language, "the first unseen one"));
	put_format(session, "* OK [UIDVALIDITY %u] %s\r\n", counts.uid_validity,
	    language_say(language, "UIDs hold"));
	put_format(session, "* OK [UIDNEXT %u] %s\r\n", counts.uid_next,
	    language_say(language, "the next one"));
	put_format(session, "* OK [HIGHESTMODSEQ %llu] %s\r\n",
	    (unsigned long long)counts.highest_modseq,
	    language_say(language, "changes count"));
	put_format(session, "* OK [MAILBOXID (%s)] %s\r\n", counts.id,
	    language_say(language, "its name for ever"));
	urlauth_tell_mechanisms(session);
	if ((session->enabled & ENABLED_REV2) != 0) {
		put(session, "* LIST () \"/\" ");
		put_name(session, buf_span(&session->folder_name));
		put(session, "\r\n");
	}
}

static void
open_folder(struct session *session, struct span name, bool is_read_only,
    const struct select_options *options)
{
	if (session->folder != NULL)
		put_reply(session, "* OK [CLOSED] the other one");
	session_unselect(session);
	if (!rights_require(session, name, ACL_READ))
		return;
	session->rights = rights_on(session, name);
	/* RFC 4314 section 5.2. */
	is_read_only |= (session->rights & ~(uint32_t)CHANGES_NOTHING) == 0;
	bool may_wait = !options->is_qresync && session->notify == NULL;
	enum account_status status =
	    (may_wait ? folder_open_unread : folder_open)(
		&session->folder, session->account, name, is_read_only);
	if (status != ACCOUNT_OK) {
		session->folder = NULL;
		session_fail(session, status);
		return;
	}
	folder_on_progress(session->folder, progress_tick, session);
	session->is_read_only = is_read_only;
	buf_clear(&session->folder_name);
	buf_add(&session->folder_name, name);
	put_selected(session);
	put_resync(session, options);
	session_reply(session,
	    is_read_only ? "OK [READ-ONLY] done" : "OK [READ-WRITE] done");
}

static void
select_folder(struct session *session, struct parse *parse, bool is_read_only)
{
	struct select_options options = { 0 };
	struct buf name;

	if (!parse_space(parse)) {
		session_bad(session, "BAD a folder's name is missing");
		return;
	}
	if (!parse_folder_name(session, parse, &name))
		return;
	bool is_good = parse_options(session, parse, &options);
	if (is_good && options.has_numbers &&
	    (session->enabled & ENABLED_UIDONLY) != 0)
		session_bad(session, "BAD [UIDREQUIRED] no numbers any more");
	else if (is_good)
		open_folder(session, buf_span(&name), is_read_only, &options);
	else
		session_bad(session, "BAD no such options");
	set_free(&options.known);
	set_free(&options.numbers);
	set_free(&options.uids);
	buf_free(&name);
}

void
handle_select(struct session *session, struct parse *parse)
{
	select_folder(session, parse, false);
}

void
handle_examine(struct session *session, struct parse *parse)
{
	select_folder(session, parse, true);
}

/* ---- EXPUNGE, CLOSE, UNSELECT ---- */

static enum account_status
expunge(struct session *session, const struct set *set)
{
	struct picks deleted = picks_new();
	struct picks named = picks_new();
	struct folder *folder = session->folder;
	enum account_status status = ACCOUNT_OK;

	set_pick(set, folder, true, &named);
	for (size_t k = 0; k < picks_count(&named); k++) {
		size_t i = picks_items(&named)[k];

		if ((folder_message(folder, i)->flags & MESSAGE_DELETED) != 0)
			picks_add(&deleted, i);
	}
	if (session->is_uid) /* not EXPUNGE and CLOSE: RFC 9738 */
		limit_picks(session, &deleted);
	if (picks_count(&deleted) > 0)
		status = folder_expunge(
		    folder, picks_items(&deleted), picks_count(&deleted));
	picks_free(&named);
	picks_free(&deleted);
	return status;
}

/* RFC 7162 section 3.2.7: QRESYNC is told how far it is now. */
static void
finish_expunge(struct session *session, enum account_status status)
{
	char text[80];

	if (status != ACCOUNT_OK || (session->enabled & ENABLED_QRESYNC) == 0) {
		session_fail(session, status);
		return;
	}
	session_news(session);
	snprintf(text, sizeof(text), "OK [HIGHESTMODSEQ %llu] done",
	    (unsigned long long)session_modseq_told(session));
	session_reply(session, text);
}

void
handle_expunge(struct session *session, struct parse *parse)
{
	struct set set = { 0 };

	if (!session->is_uid)
		set_all(&set);
	if (session->is_uid &&
	    (!parse_space(parse) || !session_parse_set(session, parse, &set)))
		session_bad(session, "BAD a set of UIDs is missing");
	else if (!session_end(session, parse))
		;
	else if (session->is_read_only)
		session_fail(session, ACCOUNT_READ_ONLY);
	else if (rights_require_selected(session, ACL_EXPUNGE))
		finish_expunge(session, expunge(session, &set));
	set_free(&set);
}

void
handle_close(struct session *session, struct parse *parse)
{
	struct set set = { 0 };

	if (!session_end(session, parse))
		return;
	set_all(&set);
	/* The right may have been taken since the folder was selected. */
	if (session->folder != NULL)
		session->rights =
		    rights_on(session, buf_span(&session->folder_name));
	if (!session->is_read_only && (session->rights & ACL_EXPUNGE) != 0)
		expunge(session, &set);
	set_free(&set);
	session_unselect(session);
	session_reply(session, "OK done");
}

void
handle_unselect(struct session *session, struct parse *parse)
{
	if (!session_end(session, parse))
		return;
	session_unselect(session);
	session_reply(session, "OK done");
}
