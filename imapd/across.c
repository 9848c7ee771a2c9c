#include "imapd/across.h"

#include <string.h>

#include "imapd/handlers.h"
#include "imapd/limit.h"
#include "imapd/output.h"
#include "imapd/rights.h"

enum {
	HEAD_MAX = 65536 /* of a FETCH response, up to its literal */
};

/* ---- from our own folder ---- */

static bool
take_piece(void *context, struct span piece)
{
	struct across_target *target = context;

	across_add_octets(target, piece);
	return !target->has_failed;
}

static enum account_status
copy_message(struct across_target *target, struct folder *folder, size_t i)
{
	const struct section whole = { .kind = SECTION_WHOLE };
	const struct folder_message *message = folder_message(folder, i);
	struct across_message copied = { .flags = message->flags &
						  ~(uint32_t)MESSAGE_RECENT };
	struct folder_section *opened;
	enum account_status status =
	    folder_section_open(folder, i, &whole, &opened, &copied.octets);

	if (status != ACCOUNT_OK)
		return status;
	for (size_t k = 0; k < FOLDER_KEYWORDS_MAX; k++)
		if ((message->keywords >> k & 1) != 0)
			copied.keywords[copied.keyword_count++] =
			    folder_keyword(folder, k);
	status = folder_internal_date(folder, i, &copied.date_s);
	if (status == ACCOUNT_OK) {
		across_add_message(target, &copied);
		status = folder_section_read(
		    opened, 0, copied.octets, take_piece, target);
	}
	folder_section_close(opened);
	return status;
}

static void
put_copied(struct session *session, const struct across_target *target,
    struct span from)
{
	struct buf text = buf_new(SIZE_MAX / 2);
	bool is_move = strcmp(session->verb, "MOVE") == 0;

	buf_add_string(&text, is_move ? "* OK " : "OK ");
	buf_printf(&text, "[COPYUID %u ", target->uid_validity);
	buf_add(&text, from);
	buf_add_char(&text, ' ');
	buf_add(&text, buf_span(&target->uids));
	buf_add_string(&text, "] done");
	/* MOVE: before the EXPUNGEs, RFC 6851 section 4.3. */
	if (is_move)
		put_reply(session, buf_string(&text));
	else
		session_finish(session, buf_string(&text));
	buf_free(&text);
}

static struct buf
uids_of(const struct session *session, const struct picks *picks)
{
	struct set_text text = set_text_new();

	for (size_t k = 0; k < picks_count(picks); k++)
		set_text_add(&text,
		    folder_message(session->folder, picks_items(picks)[k])
			->uid);
	return set_text_end(&text);
}

static void
copy_own(struct session *session, struct picks *picks, struct span name)
{
	struct across_target target;
	enum account_status status = ACCOUNT_OK;
	bool is_move = strcmp(session->verb, "MOVE") == 0;

	if (picks_count(picks) == 0) {
		session_finish(session, "OK there were none");
		return;
	}
	across_begin(&target, session, name, rights_owner(name));
	for (size_t k = 0; k < picks_count(picks) && status == ACCOUNT_OK &&
			   !target.has_failed;
	     k++)
		status = copy_message(
		    &target, session->folder, picks_items(picks)[k]);
	if (status == ACCOUNT_NONEXISTENT)
		across_fail(
		    &target, "NO [EXPUNGEISSUED] some of them are gone");
	else if (status != ACCOUNT_OK)
		across_fail(&target, session_failure(status));
	if (!across_end(&target)) {
		session_finish(session, buf_string(&target.answer));
	} else {
		struct buf uids = uids_of(session, picks);

		put_copied(session, &target, buf_span(&uids));
		buf_free(&uids);
		if (is_move)
			session_fail(session,
			    folder_expunge(session->folder, picks_items(picks),
				picks_count(picks)));
	}
	across_free(&target);
}

static void
from_own(struct session *session, struct parse *parse)
{
	struct picks picks;
	struct buf name;
	bool is_move = strcmp(session->verb, "MOVE") == 0;

	if (!session_parse_picks(session, parse, &picks))
		return;
	if (!parse_space(parse)) {
		session_bad(session, "BAD a folder's name is missing");
	} else if (parse_folder_name(session, parse, &name)) {
		if (is_move)
			limit_picks(session, &picks);
		if (!session_end(session, parse))
			;
		else if (is_move && session->is_read_only)
			session_fail(session, ACCOUNT_READ_ONLY);
		else if (!is_move &&
			 limit_is_save_over(session, picks_count(&picks)))
			limit_refuse(session);
		else
			copy_own(session, &picks, buf_span(&name));
		buf_free(&name);
	}
	picks_free(&picks);
}

/* ---- from another user's ---- */

struct reading {
	struct session *session;
	struct across_target target;
	struct set_text uids;
	uint32_t last_uid;
	bool is_in_message;
};

/* "(\\Seen word)"; the words point into the line. */
static bool
parse_flags(struct parse *parse, struct across_message *message)
{
	if (!parse_char(parse, '('))
		return false;
	while (!parse_char(parse, ')')) {
		struct span keyword;
		uint32_t flag;

		parse_space(parse);
		if (parse_keyword(parse, "\\Recent"))
			continue;
		if (!parse_flag(parse, &flag, &keyword))
			return false;
		message->flags |= flag;
		if (flag == 0 && message->keyword_count < FOLDER_KEYWORDS_MAX)
			message->keywords[message->keyword_count++] = keyword;
	}
	return true;
}

/* "* 4 FETCH (UID 7 FLAGS () INTERNALDATE "..." BODY[] {52}" */
static bool
parse_head(struct parse *parse, struct across_message *message, uint64_t *uid)
{
	struct literal literal;
	struct span rest = parse_rest(parse);
	uint64_t number;

	if (!parse_literal(rest, &literal) || !parse_prefix(parse, "* ") ||
	    !parse_number(parse, UINT32_MAX, &number))
		return false;
	*uid = number;
	if (!parse_prefix(parse, " FETCH (") &&
	    !parse_prefix(parse, " UIDFETCH ("))
		return false;
	message->octets = literal.octets;
	do {
		if (parse_prefix(parse, "BODY[] "))
			return true;
		if (parse_prefix(parse, "UID ")) {
			if (!parse_number(parse, UINT32_MAX, uid))
				return false;
		} else if (parse_prefix(parse, "FLAGS ")) {
			if (!parse_flags(parse, message))
				return false;
		} else if (parse_prefix(parse, "INTERNALDATE ")) {
			if (!parse_date_time(parse, &message->date_s))
				return false;
		} else {
			return false;
		}
	} while (parse_space(parse));
	return false;
}

/* A message's first line begins it; its last, ")", is nobody's. */
static void
take_line(struct reading *reading, struct span line)
{
	struct across_message message = { .date_s = INT64_MIN };
	struct buf head = buf_new(HEAD_MAX);
	uint64_t uid = 0;

	if (reading->is_in_message) {
		reading->is_in_message = false;
		return;
	}
	buf_add(&head, span_trim(line));
	struct parse parse = parse_begin(&head);
	if (parse_head(&parse, &message, &uid)) {
		reading->is_in_message = true;
		set_text_add(&reading->uids, (uint32_t)uid);
		if (uid <= reading->last_uid)
			across_fail(
			    &reading->target, session_failure(ACCOUNT_ERROR));
		reading->last_uid = (uint32_t)uid;
		across_add_message(&reading->target, &message);
	} else if (!span_starts(line, span_of("* OK [INPROGRESS"))) {
		guest_tell(reading->session, line, true); /* news */
	}
	buf_free(&head);
}

static void
take_fetched(void *context, struct span piece, bool is_line)
{
	struct reading *reading = context;

	if (is_line)
		take_line(reading, piece);
	else if (reading->is_in_message)
		across_add_octets(&reading->target, piece);
	else
		guest_tell(reading->session, piece, false);
}

static enum guest_result
say_with(struct session *session, struct guest *from, const char *before,
    struct span set, const char *behind, guest_taker *take, void *context,
    struct buf *answer)
{
	write_string(&from->out, GUEST_TAG " ");
	write_string(&from->out, before);
	guest_write(session, from, set);
	write_string(&from->out, behind);
	write_string(&from->out, "\r\n");
	return guest_answer(
	    session, from, span_of(GUEST_TAG), take, context, answer);
}

/* Asked of a UID that no message can have: may the others go? */
static bool
may_be_moved(struct session *session, struct guest *from)
{
	return guest_say(session, from,
		   "UID STORE 4294967295 +FLAGS.SILENT (\\Deleted)") ==
		   GUEST_OK &&
	       guest_say(session, from, "UID EXPUNGE 4294967295") == GUEST_OK;
}

/* Those that were copied. */
static enum guest_result
remove_moved(struct session *session, struct guest *from, struct span uids)
{
	struct buf answer = buf_new(GUEST_LINE_MAX);
	enum guest_result result = say_with(session, from, "UID STORE ", uids,
	    " +FLAGS.SILENT (\\Deleted)", guest_tell, session, &answer);

	if (result == GUEST_OK)
		result = say_with(session, from, "UID EXPUNGE ", uids, "",
		    guest_tell, session, &answer);
	buf_free(&answer);
	return result;
}

static void
end_gone(struct session *session)
{
	put_reply(session, "* BYE [UNAVAILABLE] the mailbox cannot be read");
	session->is_done = true;
}

/* All were read, as result says; the answer. */
static void
finish_read(struct reading *reading, struct guest *from,
    enum guest_result result, const struct buf *answer)
{
	struct session *session = reading->session;
	struct span text = span_slice(
	    span_trim(buf_span(answer)), sizeof(GUEST_TAG), SIZE_MAX);
	bool is_move = strcmp(session->verb, "MOVE") == 0;
	struct buf uids = set_text_end(&reading->uids);

	if (result == GUEST_REFUSED) {
		reading->target.has_failed = true;
		buf_clear(&reading->target.answer);
		buf_add(&reading->target.answer, text);
	} else if (span_starts(text, span_of("OK [MESSAGELIMIT"))) {
		across_fail(&reading->target, session_failure(ACCOUNT_LIMIT));
	}
	if (reading->target.count == 0 && !reading->target.has_failed) {
		session_reply(session, "OK there were none");
	} else if (!across_end(&reading->target)) {
		session_reply(session, buf_string(&reading->target.answer));
	} else {
		put_copied(session, &reading->target, buf_span(&uids));
		if (is_move)
			result = remove_moved(session, from, buf_span(&uids));
		if (result == GUEST_GONE)
			end_gone(session);
		else if (is_move)
			session_reply(
			    session, result == GUEST_OK
					 ? "OK done"
					 : session_failure(ACCOUNT_READ_ONLY));
	}
	buf_free(&uids);
}

static void
from_guest(struct session *session, struct guest *from, struct span set,
    struct span name)
{
	struct reading reading = { .session = session, .uids = set_text_new() };
	struct buf answer = buf_new(GUEST_LINE_MAX);

	across_begin(&reading.target, session, name, rights_owner(name));
	enum guest_result result =
	    say_with(session, from, session->is_uid ? "UID FETCH " : "FETCH ",
		set, " (UID FLAGS INTERNALDATE BODY.PEEK[])", take_fetched,
		&reading, &answer);
	if (result == GUEST_GONE) {
		struct buf uids = set_text_end(&reading.uids);

		buf_free(&uids);
		end_gone(session);
	} else {
		finish_read(&reading, from, result, &answer);
	}
	across_free(&reading.target);
	buf_free(&answer);
}

static bool
is_set(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (strchr("0123456789:,*$", text.ptr[i]) == NULL ||
		    text.ptr[i] == '\0')
			return false;
	return text.len > 0;
}

static void
parse_from_guest(
    struct session *session, struct parse *parse, struct guest *from)
{
	bool is_move = strcmp(session->verb, "MOVE") == 0;
	struct span set = { NULL, 0 };
	struct buf name;

	if (parse_space(parse)) {
		set = span_slice(
		    parse_rest(parse), 0, span_index(parse_rest(parse), ' '));
		parse->next += set.len;
	}
	if (!is_set(set) || !parse_space(parse)) {
		session_bad(session, "BAD a folder's name is missing");
		return;
	}
	if (!parse_folder_name(session, parse, &name))
		return;
	if (!session_end(session, parse))
		;
	else if (is_move && !may_be_moved(session, from))
		session_fail(session, ACCOUNT_READ_ONLY);
	else
		from_guest(session, from, set, buf_span(&name));
	buf_free(&name);
}

void
across_copy(
    struct session *session, const struct parse *parse, struct guest *from)
{
	struct parse rest = *parse;

	if (from != NULL)
		parse_from_guest(session, &rest, from);
	else if (session->folder == NULL)
		session_bad(session, "BAD no folder is selected");
	else if ((session->enabled & ENABLED_UIDONLY) != 0 && !session->is_uid)
		session_bad(session, "BAD [UIDREQUIRED] UID goes before that");
	else if (folder_load(session->folder) != ACCOUNT_OK)
		end_gone(session);
	else
		from_own(session, &rest);
}
