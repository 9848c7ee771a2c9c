#include "imapd/events.h"
#include "imapd/handlers.h"
#include "imapd/limit.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "imapd/section.h"

struct fetch {
	struct session *session;
	const struct fetch_request *request;
	size_t i;
	const char *space;
	bool is_gone;
	enum account_status failure; /* of those that are there */
	bool is_unknown_cte;
};

static void
name_item(struct fetch *fetch, const char *name)
{
	put(fetch->session, fetch->space);
	put(fetch->session, name);
	put(fetch->session, " ");
	fetch->space = " ";
}

static bool
is_good(struct fetch *fetch, enum account_status status)
{
	if (status == ACCOUNT_NONEXISTENT)
		fetch->is_gone = true;
	else if (status == ACCOUNT_UNREADABLE && fetch->failure == ACCOUNT_OK)
		fetch->failure = ACCOUNT_UNREADABLE;
	else if (status != ACCOUNT_OK && status != ACCOUNT_UNREADABLE)
		fetch->failure = ACCOUNT_ERROR;
	return status == ACCOUNT_OK;
}

static void
put_text(struct fetch *fetch, const char *name, enum account_status status,
    struct span text)
{
	if (!is_good(fetch, status))
		return;
	name_item(fetch, name);
	put_span(fetch->session, text);
}

static void
put_field_names(struct session *session, const struct section *section)
{
	for (size_t i = 0; i < section->field_count; i++) {
		put(session, i == 0 ? " (" : " ");
		if (parse_is_atom(section->fields[i]))
			put_span(session, section->fields[i]);
		else
			put_nstring(session, section->fields[i]);
	}
	put(session, ")");
}

/* "1.2.HEADER": the client may have written it another way. */
void
put_section_name(struct session *session, const struct section *section)
{
	static const char *const kinds[] = { [SECTION_WHOLE] = "",
		[SECTION_HEADER] = "HEADER",
		[SECTION_FIELDS] = "HEADER.FIELDS",
		[SECTION_FIELDS_NOT] = "HEADER.FIELDS.NOT",
		[SECTION_TEXT] = "TEXT",
		[SECTION_MIME] = "MIME" };

	for (size_t i = 0; i < section->part_count; i++)
		put_format(session, "%s%u", i > 0 ? "." : "", section->part[i]);
	if (section->part_count > 0 && section->kind != SECTION_WHOLE)
		put(session, ".");
	put(session, kinds[section->kind]);
	if (section->kind == SECTION_FIELDS ||
	    section->kind == SECTION_FIELDS_NOT)
		put_field_names(session, section);
}

static void
name_section(struct fetch *fetch, const struct fetch_item *item)
{
	struct session *session = fetch->session;

	put(session, fetch->space);
	fetch->space = " ";
	if (item->old_name != NULL) {
		put(session, item->old_name);
		return;
	}
	if (item->kind == FETCH_BINARY_SIZE)
		put(session, "BINARY.SIZE[");
	else
		put(session, item->section.form == SECTION_DECODED ? "BINARY["
								   : "BODY[");
	put_section_name(session, &item->section);
	put(session, "]");
	if (item->is_partial)
		put_format(session, "<%llu>", (unsigned long long)item->offset);
}

/* The file is open before anything of it is announced. */
static void
put_section(struct fetch *fetch, const struct fetch_item *item)
{
	struct session *session = fetch->session;
	struct folder_section *section;
	uint64_t octets;
	enum account_status status = folder_section_open(
	    session->folder, fetch->i, &item->section, &section, &octets);

	if (status == ACCOUNT_INVALID) {
		fetch->is_unknown_cte = true;
		return;
	}
	if (status == ACCOUNT_NO_PART) {
		name_section(fetch, item);
		put(session, item->kind == FETCH_BINARY_SIZE ? " 0" : " NIL");
		return;
	}
	if (!is_good(fetch, status))
		return;
	name_section(fetch, item);
	if (item->kind == FETCH_BINARY_SIZE) {
		put_format(session, " %llu", (unsigned long long)octets);
	} else {
		uint64_t left =
		    item->offset < octets ? octets - item->offset : 0;

		if (left > item->length)
			left = item->length;
		put_format(session, " %s{%llu}\r\n",
		    item->section.form == SECTION_DECODED ? "~" : "",
		    (unsigned long long)left);
		put_octets(session, section, item->offset, left);
	}
	folder_section_close(section);
}

static void
put_id(struct fetch *fetch, bool is_thread)
{
	char email_id[FOLDER_EMAIL_ID_MAX + 1];
	char thread_id[FOLDER_EMAIL_ID_MAX + 1];

	if (!is_good(fetch, folder_object_ids(fetch->session->folder, fetch->i,
				email_id, thread_id)))
		return;
	name_item(fetch, is_thread ? "THREADID" : "EMAILID");
	put_format(fetch->session, "(%s)", is_thread ? thread_id : email_id);
}

static void
put_number_item(struct fetch *fetch, enum fetch_kind kind)
{
	struct session *session = fetch->session;
	const struct folder_message *message =
	    folder_message(session->folder, fetch->i);
	uint64_t octets = message->octets;

	if (kind == FETCH_UID) {
		name_item(fetch, "UID");
		put_number(session, message->uid);
	} else if (kind == FETCH_MODSEQ) {
		name_item(fetch, "MODSEQ");
		put_modseq_value(session, message->modseq);
	} else if (octets != FOLDER_OCTETS_UNKNOWN ||
		   is_good(fetch,
		       folder_octets(session->folder, fetch->i, &octets))) {
		name_item(fetch, "RFC822.SIZE");
		put_number(session, octets);
	}
}

static void
put_date_item(struct fetch *fetch, enum fetch_kind kind)
{
	struct folder *folder = fetch->session->folder;
	int64_t date_s = folder_message(folder, fetch->i)->save_date_s;

	if (kind == FETCH_INTERNALDATE &&
	    !is_good(fetch, folder_internal_date(folder, fetch->i, &date_s)))
		return;
	name_item(fetch, kind == FETCH_SAVEDATE ? "SAVEDATE" : "INTERNALDATE");
	put_date_time(fetch->session, date_s);
}

static void
put_preview(struct fetch *fetch)
{
	struct span text;
	enum account_status status =
	    folder_preview(fetch->session->folder, fetch->i, &text);

	if (!is_good(fetch, status))
		return;
	name_item(fetch, "PREVIEW");
	put_nstring(fetch->session, text);
}

static void
put_item(struct fetch *fetch, const struct fetch_item *item)
{
	struct session *session = fetch->session;
	struct folder *folder = session->folder;
	bool is_utf8 = (session->enabled & ENABLED_UTF8) != 0;
	struct span text = { NULL, 0 };
	enum account_status status;

	switch (item->kind) {
	case FETCH_UID:
	case FETCH_MODSEQ:
	case FETCH_SIZE:
		put_number_item(fetch, item->kind);
		break;
	case FETCH_FLAGS:
		name_item(fetch, "FLAGS");
		put_flags(session, folder_message(folder, fetch->i));
		break;
	case FETCH_INTERNALDATE:
	case FETCH_SAVEDATE:
		put_date_item(fetch, item->kind);
		break;
	case FETCH_ENVELOPE:
		status = folder_envelope(folder, fetch->i, is_utf8, &text);
		put_text(fetch, "ENVELOPE", status, text);
		break;
	case FETCH_BODY:
	case FETCH_BODYSTRUCTURE:
		status = folder_structure(folder, fetch->i,
		    item->kind == FETCH_BODYSTRUCTURE, is_utf8, &text);
		put_text(fetch,
		    item->kind == FETCH_BODY ? "BODY" : "BODYSTRUCTURE", status,
		    text);
		break;
	case FETCH_PREVIEW:
		put_preview(fetch);
		break;
	case FETCH_EMAILID:
	case FETCH_THREADID:
		put_id(fetch, item->kind == FETCH_THREADID);
		break;
	case FETCH_SECTION:
	case FETCH_BINARY_SIZE:
		put_section(fetch, item);
	}
}

static bool
sets_seen(const struct fetch_request *request)
{
	for (size_t i = 0; i < request->count; i++)
		if (request->items[i].kind == FETCH_SECTION &&
		    !request->items[i].is_peek)
			return true;
	return false;
}

static bool
set_seen(struct session *session, const struct picks *unseen)
{
	struct events_flags *events = events_flags_begin(
	    session, picks_items(unseen), picks_count(unseen));
	bool is_set = folder_change_flags(session->folder, picks_items(unseen),
			  picks_count(unseen), FLAGS_ADD, MESSAGE_SEEN, 0,
			  UINT64_MAX, NULL, NULL) == ACCOUNT_OK;

	events_flags_end(events);
	return is_set;
}

/*
 * Those not seen yet become so, and say it in their answer as any change does:
 * RFC 7162 section 3.2.4.
 */
static void
mark_seen(struct session *session, const struct picks *picks,
    struct fetch_request *request)
{
	struct picks unseen = picks_new();

	for (size_t k = 0; k < picks_count(picks); k++) {
		size_t i = picks_items(picks)[k];
		const struct folder_message *message =
		    folder_message(session->folder, i);

		if ((message->flags & MESSAGE_SEEN) == 0 &&
		    !message->is_expunged)
			picks_add(&unseen, i);
	}
	if (picks_count(&unseen) > 0 && set_seen(session, &unseen)) {
		fetch_request_add(request, FETCH_FLAGS);
		if ((session->enabled & ENABLED_CONDSTORE) != 0) {
			if ((session->enabled & ENABLED_UIDONLY) == 0)
				fetch_request_add(request, FETCH_UID);
			fetch_request_add(request, FETCH_MODSEQ);
		}
	}
	picks_free(&unseen);
}

static void
fetch_picks(struct fetch *fetch, const struct picks *picks)
{
	struct session *session = fetch->session;
	const struct fetch_request *request = fetch->request;

	for (size_t k = 0;
	     k < picks_count(picks) && session->out->status == IO_OK; k++) {
		const struct folder_message *message;

		fetch->i = picks_items(picks)[k];
		message = folder_message(session->folder, fetch->i);
		if (request->has_changed_since &&
		    message->modseq <= request->changed_since)
			continue;
		if (message->is_expunged) {
			fetch->is_gone = true;
			continue;
		}
		put_fetch(session, fetch->i);
		fetch->space = "";
		for (size_t n = 0; n < request->count; n++)
			put_item(fetch, &request->items[n]);
		/* Gone since: there is no answer without an item. */
		if (*fetch->space == '\0')
			put_number_item(fetch, FETCH_UID);
		put(session, ")\r\n");
		session->fetched++;
	}
}

static void
finish(struct fetch *fetch)
{
	struct session *session = fetch->session;

	if (fetch->is_gone)
		session_finish(
		    session, "NO [EXPUNGEISSUED] some of them are gone");
	else if (fetch->failure != ACCOUNT_OK)
		session_fail(session, fetch->failure);
	else if (fetch->is_unknown_cte)
		session_finish(
		    session, "NO [UNKNOWN-CTE] a part cannot be decoded");
	else
		session_finish(session, "OK done");
}

static void
run_fetch(struct session *session, struct fetch_request *request,
    const struct picks *picks, const struct set *set)
{
	struct fetch fetch = { .session = session, .request = request };

	if (request->has_changed_since ||
	    fetch_request_has(request, FETCH_MODSEQ))
		session_enable_condstore(session);
	if (request->has_vanished)
		put_vanished_earlier(session, request->changed_since, set, 0);
	if (sets_seen(request) && !session->is_read_only &&
	    (session->rights & ACL_SEEN) != 0)
		mark_seen(session, picks, request);
	if (session->is_uid && (session->enabled & ENABLED_UIDONLY) == 0)
		fetch_request_add(request, FETCH_UID);
	if (request->has_changed_since)
		fetch_request_add(request, FETCH_MODSEQ);
	fetch_picks(&fetch, picks);
	finish(&fetch);
}

void
put_fetched(
    struct session *session, struct span items, const struct picks *picks)
{
	struct fetch_request request;
	struct fetch fetch = { .session = session, .request = &request };
	struct buf text = buf_new(items.len);

	buf_add(&text, items);
	struct parse parse = parse_begin(&text);
	fetch_request_init(&request);
	fetch_request_add(&request, FETCH_UID);
	if (fetch_request_parse_items(&request, &parse))
		fetch_picks(&fetch, picks);
	fetch_request_free(&request);
	buf_free(&text);
}

void
handle_fetch(struct session *session, struct parse *parse)
{
	struct parse start = *parse;
	struct fetch_request request;
	struct picks picks;
	struct set set = { 0 };

	if (!session_parse_picks(session, parse, &picks))
		return;
	fetch_request_init(&request);
	bool is_good =
	    parse_space(parse) && fetch_request_parse(&request, parse);
	picks_keep_partial(&picks, &request.partial);
	if (!is_good || (request.partial.is_given && !session->is_uid) ||
	    (request.has_vanished &&
		(!session->is_uid ||
		    (session->enabled & ENABLED_QRESYNC) == 0))) {
		session_bad(session, "BAD FETCH SET (ITEM ...)");
	} else if (request.partial.is_given &&
		   limit_is_over(session, picks_count(&picks))) {
		limit_refuse(session);
	} else {
		limit_picks(session, &picks);
		if (request.has_vanished && parse_space(&start))
			session_parse_set(session, &start, &set);
		run_fetch(session, &request, &picks, &set);
	}
	set_free(&set);
	fetch_request_free(&request);
	picks_free(&picks);
}
