#include "smtpd/filter.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "mail/edit.h"
#include "queue/envelope.h"
#include "queue/judge.h"
#include "smtpd/session.h"

/* ---- control/filters ---- */

static bool
is_listed(const struct filters *filters, int neighbour)
{
	for (size_t i = 0; i < filters->count; i++)
		if (filters->neighbours[i] == neighbour)
			return true;
	return false;
}

void
filter_read_settings(struct filter_settings *settings, bool is_known)
{
	filters_read(&settings->list);
	if (is_known)
		filters_drop(&settings->list, NEIGHBOUR_FILTER_GUARD);
	settings->timeout_ms =
	    (int64_t)control_number("timeoutfilter", 600, 1, 3600) * 1000;
	settings->quarantine = control_word("quarantine", "postmaster");
	for (int fd = NEIGHBOUR_FILTER_MILTER; fd <= NEIGHBOUR_FILTER_GUARD;
	     fd++)
		if (!is_listed(&settings->list, fd))
			close(fd);
		else if (!neighbour_is_given(fd))
			die(EX_TEMPFAIL,
			    "control/filters names a filter that is no "
			    "neighbour in the run script: see filter(5)");
}

/* ---- asking ---- */

void
filter_begin(struct session *session, const int *sessions)
{
	for (size_t i = 0; i < FILTERS_MAX; i++)
		session->filtering.sessions[i] =
		    sessions == NULL ||
			    i >= session->settings->filter.list.count
			? -1
			: sessions[i];
	session->filtering.reason = buf_new(FILTER_REPLY_MAX);
}

bool
filter_is_wanted(const struct session *session)
{
	return session->settings->filter.list.count > 0 &&
	       session->neighbours.inject != -1;
}

static void
lose(struct session *session, size_t i)
{
	int *fd = &session->filtering.sessions[i];

	if (*fd == -1)
		return;
	log_event("filter %s does not answer as filter(5) says client=%s",
	    session->settings->filter.list.names[i], session->peer->text);
	close(*fd);
	*fd = -1;
}

/* May mail pass without filter i?  False after a reply. */
static bool
pass_without(struct session *session, size_t i, bool is_message)
{
	const struct filters *filters = &session->settings->filter.list;
	char text[128];

	if (filters->is_open[i])
		return true;
	snprintf(text, sizeof(text),
	    "451 4.7.1 the filter %s does not answer: see control/filters",
	    filters->names[i]);
	log_event("deferred client=%s reply=%s", session->peer->text, text);
	if (is_message)
		reply_verdict(session, text);
	else
		reply(session, text);
	return false;
}

/* A filter's reply, with another code for what is not a command's. */
static void
refuse(struct session *session, size_t i, struct span text, const char *code,
    struct span recipient)
{
	struct buf line = buf_new(FILTER_REPLY_MAX);

	if (code == NULL) {
		buf_add(&line, text);
	} else {
		buf_add_string(&line, code);
		buf_add(&line, span_slice(text, 3, text.len));
	}
	const char *whole = buf_string(&line);
	if (whole == NULL)
		whole = "451 4.7.1 a filter has no words";
	log_event("refused client=%s helo=%.*s from=<%.*s>%s%.*s%s filter=%s "
		  "reply=%s",
	    session->peer->text, (int)session->helo.len,
	    session->helo.len == 0 ? "" : session->helo.data,
	    (int)session->sender.len,
	    session->sender.len == 0 ? "" : session->sender.data,
	    recipient.len == 0 ? "" : " to=<", (int)recipient.len,
	    recipient.len == 0 ? "" : recipient.ptr,
	    recipient.len == 0 ? "" : ">",
	    session->settings->filter.list.names[i], whole);
	if (whole[0] == '5')
		reply_error(session, whole);
	else
		reply(session, whole);
	if (strncmp(whole, "421", 3) == 0)
		session->is_done = true;
	buf_free(&line);
}

static void
refuse_stage(struct session *session, size_t i,
    const struct filter_request *request, const struct filter_answer *verdict)
{
	struct span recipient = request->recipient;

	if (request->stage != FILTER_CONNECT)
		refuse(session, i, verdict->text, NULL, recipient);
	else if (verdict->verdict == FILTER_DEFER)
		refuse(session, i, verdict->text, "421", recipient);
	else
		refuse(session, i, verdict->text, "554", recipient);
}

/*
 * A filter that fails before MAIL is not mentioned before MAIL: there a client
 * understands "later".
 */
static bool
ask(struct session *session, const struct filter_request *request)
{
	static struct packet packet; /* large: untouched pages cost nothing */
	const struct filters *filters = &session->settings->filter.list;
	struct filter_answer verdict;

	if (!filter_is_wanted(session) || session->filtering.is_discarded)
		return true;
	for (size_t i = 0; i < filters->count; i++) {
		int fd = session->filtering.sessions[i];

		if (fd == -1 || !judge_stage(fd, request,
				    session->settings->filter.timeout_ms,
				    &packet, &verdict)) {
			lose(session, i);
			if (request->stage >= FILTER_MAIL &&
			    !pass_without(session, i, false))
				return false;
			continue;
		}
		if (verdict.verdict == FILTER_DISCARD)
			session->filtering.is_discarded = true;
		if (verdict.verdict == FILTER_DISCARD)
			return true;
		if (verdict.verdict == FILTER_ACCEPT)
			continue;
		refuse_stage(session, i, request, &verdict);
		return false;
	}
	return true;
}

/* ---- the stages ---- */

bool
filter_connect(struct session *session)
{
	const struct peer *peer = session->peer;
	const struct filter_request request = { .stage = FILTER_CONNECT,
		.host = buf_span(&session->settings->me),
		.service = span_of(
		    session->settings->is_submission ? "submission" : "smtpd"),
		.client = span_of(peer->text),
		.client_port = peer->port,
		.local = span_of(peer->local_text),
		.local_port = peer->local_port };

	return ask(session, &request);
}

bool
filter_helo(struct session *session, struct span name, bool is_esmtp)
{
	const struct filter_request request = { .stage = FILTER_HELO,
		.helo = name,
		.is_esmtp = is_esmtp,
		.tls = span_of(session->is_tls ? session->tls.protocol : "") };

	return ask(session, &request);
}

bool
filter_mail(struct session *session)
{
	const struct filter_request request = { .stage = FILTER_MAIL,
		.sender = buf_span(&session->sender),
		.user = buf_span(&session->user) };

	session->filtering.has_begun = filter_is_wanted(session);
	return ask(session, &request);
}

bool
filter_rcpt(struct session *session, struct span recipient)
{
	const struct filter_request request = { .stage = FILTER_RCPT,
		.recipient = recipient };

	return ask(session, &request);
}

void
filter_reset(struct session *session)
{
	static struct packet packet;
	const struct filter_request request = { .stage = FILTER_RESET };
	struct filter_answer unused;
	bool has_begun = session->filtering.has_begun;

	session->filtering.has_begun = false;
	session->filtering.is_discarded = false;
	buf_clear(&session->filtering.reason);
	for (size_t i = 0; has_begun && i < FILTERS_MAX; i++)
		if (session->filtering.sessions[i] != -1 &&
		    !judge_stage(session->filtering.sessions[i], &request, 0,
			&packet, &unused))
			lose(session, i);
}

/* ---- the message ---- */

/* From whom to whom it was: who looks through the quarantine may want it. */
static void
add_envelope_field(struct session *session, struct draft *draft)
{
	struct buf value = buf_new(FILTER_VALUE_MAX);
	struct span rest = buf_span(&session->recipients);
	struct recipient recipient;

	buf_add_string(&value, " from=<");
	buf_add(&value, buf_span(&session->sender));
	buf_add_char(&value, '>');
	while (envelope_next(&rest, &recipient) &&
	       value.len + recipient.address.len + 16 < FILTER_VALUE_MAX) {
		buf_add_string(&value, "\n\tto=<");
		buf_add(&value, recipient.address);
		buf_add_char(&value, '>');
	}
	edit_insert(&draft->header, 1, span_of("X-Estafeta-Envelope"),
	    buf_span(&value));
	buf_free(&value);
}

/* To the address for such mail, marked; from nobody, so that nothing bounces
 * to whom a forger named. */
static bool
quarantine(struct session *session, struct draft *draft)
{
	struct span name = span_of("X-Estafeta-Quarantine");
	struct buf value = buf_new(FILTER_REPLY_MAX + 1);
	const struct recipient recipient = {
		.address = buf_span(&session->settings->filter.quarantine)
	};

	edit_delete(&draft->header, 0, name);
	edit_delete(&draft->header, 0, span_of("X-Estafeta-Envelope"));
	add_envelope_field(session, draft);
	buf_add_char(&value, ' ');
	buf_add(&value, buf_span(&session->filtering.reason));
	edit_insert(&draft->header, 1, name, buf_span(&value));
	buf_free(&value);
	buf_clear(&session->sender);
	buf_clear(&session->recipients);
	buf_clear(&session->only_recipient);
	envelope_add_recipient(&session->recipients, &recipient);
	if (!draft->header.overflow)
		return true;
	reply(session, "451 4.3.0 no room to mark the message");
	return false;
}

/* Recipients are another number after edits. */
static void
count_recipients(struct session *session)
{
	struct span rest = buf_span(&session->recipients);
	struct recipient recipient;

	session->recipient_count = 0;
	buf_clear(&session->only_recipient);
	while (envelope_next(&rest, &recipient))
		if (++session->recipient_count == 1)
			buf_add(&session->only_recipient, recipient.address);
}

static void
set_reason(struct session *session, size_t i, struct span text)
{
	struct buf *reason = &session->filtering.reason;

	if (reason->len > 0)
		return;
	buf_add(reason, text.len > 0
			    ? text
			    : span_of(session->settings->filter.list.names[i]));
}

/* False after a reply. */
static bool
judge(struct session *session, size_t i, const struct filter_request *request,
    struct judged *judged)
{
	static struct packet packet;
	struct filter_answer verdict;
	int fd = session->filtering.sessions[i];

	if (fd == -1 ||
	    !judge_message(fd, request, session->settings->filter.timeout_ms,
		judged, &packet, &verdict)) {
		lose(session, i);
		return pass_without(session, i, true);
	}
	switch (verdict.verdict) {
	case FILTER_QUARANTINE:
		set_reason(session, i, verdict.text);
		return true;
	case FILTER_DISCARD:
		session->filtering.is_discarded = true;
		return true;
	case FILTER_REJECT:
	case FILTER_DEFER:
		refuse(session, i, verdict.text, NULL, (struct span){ "", 0 });
		return false;
	case FILTER_ACCEPT:
	case FILTER_AGAIN:
		break;
	}
	return true;
}

bool
filter_message(
    struct session *session, struct draft *draft, const struct queue_id *id)
{
	struct filtering *filtering = &session->filtering;
	struct judged judged = { .draft = draft,
		.sender = &session->sender,
		.recipients = &session->recipients };
	const struct filter_request request = { .stage = FILTER_MESSAGE,
		.id = span_of(id->text) };

	for (size_t i = 0; i < session->settings->filter.list.count; i++) {
		if (filtering->is_discarded)
			break;
		if (!judge(session, i, &request, &judged))
			return false;
	}
	if (judged.is_envelope_changed)
		count_recipients(session);
	if (session->recipients.len == 0)
		filtering->is_discarded = true;
	if (filtering->is_discarded || filtering->reason.len == 0)
		return true;
	log_event("%s quarantined client=%s reason=%.*s", id->text,
	    session->peer->text, (int)filtering->reason.len,
	    filtering->reason.data);
	bool is_marked = quarantine(session, draft);
	count_recipients(session);
	return is_marked;
}
