/*
 * timing - when a message is to go, and how much it hurries: FUTURERELEASE
 * (RFC 4865), DELIVERBY (RFC 2852), MT-PRIORITY (RFC 6710).  For those whom we
 * know, since each lets a client command our queue.
 */

#include <stdio.h>

#include "mail/rfc3339.h"
#include "smtpd/session.h"

enum {
	SECONDS_MAX = 999999999 /* 9 digits, in all of these RFCs */
};

static int64_t
now(void)
{
	return (int64_t)(clock_utc_us() / 1000000);
}

static bool
refuse(struct session *session, const char *text)
{
	reply_error(session, text);
	return false;
}

/* One of the two, once; RFC 4865 */
static bool
set_hold(struct session *session, int64_t until)
{
	int64_t left = until - now();

	if (session->hold_until != 0)
		return refuse(
		    session, "501 5.5.4 one HOLDFOR or HOLDUNTIL a message");
	if (left < 0)
		return refuse(session, "501 5.5.4 that time is in the past");
	if (left > (int64_t)session->settings->hold_max_s + 1)
		return refuse(session, "501 5.5.4 held for longer than "
				       "FUTURERELEASE said");
	session->hold_until = until;
	return true;
}

bool
take_holdfor(struct session *session, struct span value)
{
	uint64_t seconds;

	if (!span_number(value, 10, SECONDS_MAX, &seconds) || seconds == 0)
		return refuse(session, "501 5.5.4 HOLDFOR takes seconds");
	/* Not before: the second that has begun does not count. */
	return set_hold(session, now() + 1 + (int64_t)seconds);
}

bool
take_holduntil(struct session *session, struct span value)
{
	int64_t until;

	if (!rfc3339_parse(value, &until))
		return refuse(session, "501 5.5.4 HOLDUNTIL takes a date-time: "
				       "2026-11-25T03:00:00Z");
	return set_hold(session, until);
}

/* "+120", "-5" or "120"; RFC 2852 */
static bool
parse_seconds(struct span text, int64_t *seconds)
{
	bool is_negative = text.len > 0 && text.ptr[0] == '-';
	bool has_sign = is_negative || (text.len > 0 && text.ptr[0] == '+');
	uint64_t number;

	if (!span_number(
		span_slice(text, has_sign, text.len), 10, SECONDS_MAX, &number))
		return false;
	*seconds = is_negative ? -(int64_t)number : (int64_t)number;
	return true;
}

bool
take_by(struct session *session, struct span value)
{
	struct span mode = value;
	struct span number = span_cut(&mode, ';');
	bool is_traced =
	    mode.len == 2 && (mode.ptr[1] == 'T' || mode.ptr[1] == 't');
	bool is_return = mode.len > 0 && ascii_lower(mode.ptr[0]) == 'r';
	int64_t seconds;

	if (!parse_seconds(number, &seconds) || mode.len == 0 ||
	    (!is_return && ascii_lower(mode.ptr[0]) != 'n') ||
	    mode.len != 1 + (size_t)is_traced)
		return refuse(session,
		    "501 5.5.4 BY takes SECONDS;R or SECONDS;N, and T after");
	if (is_return && seconds <= 0)
		return refuse(session, "501 5.5.4 no time is left to deliver");
	if (is_return && (uint64_t)seconds < session->settings->by_min_s)
		return refuse(
		    session, "555 5.5.4 sooner than DELIVERBY promises");
	session->by = (struct deliver_by){ .mode = is_return ? 'R' : 'N',
		.is_traced = is_traced,
		.time = now() + seconds };
	return true;
}

/* RFC 6710: one that is too high for here is lowered. */
bool
take_priority(struct session *session, struct span value)
{
	int highest = (int)session->settings->priority_max;

	if (!priority_parse(value, &session->priority))
		return refuse(session, "501 5.5.2 MT-PRIORITY is -9 to 9");
	session->is_priority_lowered = session->priority > highest;
	if (session->is_priority_lowered)
		session->priority = highest;
	return true;
}

bool
finish_timing(struct session *session)
{
	struct buf *records = &session->records;

	if (session->by.mode == 'R' && session->hold_until >= session->by.time)
		return refuse(
		    session, "501 5.5.4 held for longer than it may take");
	if (session->hold_until != 0)
		record_add_number(records, 'W', (uint64_t)session->hold_until);
	if (session->by.mode != 0)
		deliver_by_add(records, &session->by);
	priority_add(records, 'P', session->priority);
	return true;
}
