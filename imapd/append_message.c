#include <stdlib.h>

#include "imapd/append.h"
#include "imapd/events.h"
#include "imapd/limit.h"
#include "imapd/notify.h"
#include "imapd/output.h"

/* The octets go to the store as they come in. */

/* RFC 4469 section 4.2: RFC822.SIZE has 32 bits in IMAP4rev1. */
static const uint64_t octets_max = UINT32_MAX;

void
append_fail(struct appending *appending, const char *failure)
{
	if (appending->failure == NULL)
		appending->failure = failure;
}

static void
fail_if(struct appending *appending, enum account_status status)
{
	if (status != ACCOUNT_OK)
		append_fail(appending, session_failure(status));
}

void
append_begin_message(struct appending *appending, uint32_t flags,
    const struct span *keywords, size_t keyword_count, int64_t date_s)
{
	appending->octets = 0;
	if (appending->failure != NULL)
		return;
	if (appending->is_replace && appending->count > 0) {
		append_fail(appending, "BAD REPLACE has one message");
		return;
	}
	if (limit_is_save_over(appending->session, appending->count + 1)) {
		buf_clear(&appending->reason);
		limit_add_refusal(appending->session, &appending->reason);
		append_fail(appending, buf_string(&appending->reason));
		return;
	}
	fail_if(appending, folder_append_message(appending->append, flags,
			       keywords, keyword_count, date_s));
	appending->count++;
}

/* The quota bounds what waits for its commit, too. */
void
append_ask_room(struct appending *appending, uint64_t octets)
{
	uint64_t max = appending->session->settings->message_max;
	uint64_t all;

	if (max == 0 || max > octets_max)
		max = octets_max;
	if (__builtin_add_overflow(appending->octets, octets, &all) ||
	    all > max)
		append_fail(appending, "NO [TOOBIG] the message is too large");
	if (appending->failure == NULL)
		fail_if(appending, folder_append_room(appending->append, all));
}

void
append_octets(struct appending *appending, struct span octets)
{
	appending->octets += octets.len;
	if (appending->failure == NULL)
		fail_if(
		    appending, folder_append_bytes(appending->append, octets));
}

void
append_end_message(struct appending *appending)
{
	if (appending->octets == 0)
		append_fail(appending, "NO an empty message is none");
}

static void
take_octets(void *appending, struct span octets)
{
	append_octets(appending, octets);
}

bool
append_take_literal(struct appending *appending, const struct literal *literal)
{
	struct session *session = appending->session;

	append_ask_room(appending, literal->octets);
	if (appending->failure != NULL && literal->is_sync)
		return false;
	input_ask(&session->input, literal);
	return read_octets(
	    session->in, literal->octets, take_octets, appending);
}

/* REPLACE: before the EXPUNGE, RFC 8508 section 4.3. */
static void
put_done(struct appending *appending, const struct folder_copied *copied)
{
	struct session *session = appending->session;
	struct buf text = buf_new(SIZE_MAX / 2);
	struct set_text uids = set_text_new();

	for (size_t i = 0; i < appending->count; i++)
		set_text_add(&uids, copied->uids[i]);
	struct buf set = set_text_end(&uids);
	buf_printf(&text, "OK [APPENDUID %u ", copied->uid_validity);
	buf_add(&text, buf_span(&set));
	buf_add_string(&text, "] done");
	if (appending->is_replace) {
		put(session, "* ");
		put_reply(session, buf_string(&text));
	}
	session_finish(
	    session, appending->is_replace ? "OK done" : buf_string(&text));
	buf_free(&set);
	buf_free(&text);
}

static void
commit(struct appending *appending)
{
	struct session *session = appending->session;
	struct folder_copied copied = { 0 };
	enum account_status status =
	    folder_append_commit(appending->append, &copied);

	if (status == ACCOUNT_OK) {
		session->appended += appending->count;
		notify_note_own(session, buf_span(&appending->name), &copied,
		    appending->count);
		events_run_new(session, buf_span(&appending->name),
		    SIEVE_APPEND, copied.uids, appending->count);
		put_done(appending, &copied);
	} else if (status == ACCOUNT_NONEXISTENT && appending->is_replace) {
		session_finish(session, "NO [EXPUNGEISSUED] it is gone");
	} else {
		session_fail(session, status);
	}
	free(copied.uids);
}

void
append_finish(struct appending *appending)
{
	struct session *session = appending->session;

	if (appending->failure == NULL)
		commit(appending);
	else if (appending->failure[0] == 'B')
		session_bad(session, appending->failure);
	else
		session_finish(session, appending->failure);
}

void
append_free(struct appending *appending)
{
	if (appending->append != NULL)
		folder_append_free(appending->append);
	url_source_free(&appending->source);
	buf_free(&appending->name);
	buf_free(&appending->reason);
}
