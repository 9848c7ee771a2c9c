#include "imapd/convert.h"

#include "imapd/handlers.h"
#include "imapd/output.h"
#include "mail/convert.h"

/* ---- CONVERSIONS, RFC 5259 section 5 ---- */

/* "*", "text/ *" or "text/plain". */
static bool
is_pattern(struct span text)
{
	struct span type = span_slice(text, 0, span_index(text, '/'));
	struct buf whole = buf_new(text.len + 1);

	if (span_equal(text, span_of("*")))
		return true;
	buf_add(&whole, text);
	if (text.len == type.len + 2 && text.ptr[text.len - 1] == '*')
		whole.data[whole.len - 1] = 'x';
	bool is_good = conversion_is_type(buf_span(&whole));
	buf_free(&whole);
	return is_good;
}

static bool
matches(struct span pattern, const char *type)
{
	if (span_equal(pattern, span_of("*")))
		return true;
	if (pattern.ptr[pattern.len - 1] == '*')
		return span_starts_nocase(
		    span_of(type), span_slice(pattern, 0, pattern.len - 1));
	return span_equal_nocase(pattern, span_of(type));
}

void
handle_conversions(struct session *session, struct parse *parse)
{
	const struct conversion *one;
	struct span from;
	struct span to;

	if (!parse_space(parse) || !parse_astring(parse, &from) ||
	    !parse_space(parse) || !parse_astring(parse, &to) ||
	    !parse_is_end(parse) || !is_pattern(from) || !is_pattern(to)) {
		session_bad(session, "BAD CONVERSIONS FROM TO");
		return;
	}
	for (size_t i = 0; (one = conversion_at(i)) != NULL; i++)
		if (matches(from, one->from) && matches(to, one->to)) {
			put(session, "* CONVERSION ");
			put_format(session,
			    "\"%s\" \"%s\" (\"charset\" "
			    "\"unknown-character-replacement\")\r\n",
			    one->from, one->to);
		}
	session_finish(session, "OK done");
}

/* ---- CONVERT ---- */

/* Section 9: one that succeeded is enough. */
static void
finish(struct session *session, const struct convert_counts *counts)
{
	if (counts->done == 0 && counts->is_gone)
		session_finish(
		    session, "NO [EXPUNGEISSUED] some of them are gone");
	else if (counts->failed == 0)
		session_finish(session, "OK done");
	else if (counts->done > 0)
		session_finish(session, "OK some conversions failed");
	else if (counts->for_now > 0)
		session_finish(session, "NO [TEMPFAIL] all conversions failed");
	else
		session_finish(session, "NO all conversions failed");
}

static void
convert_picks(struct session *session, const struct convert_request *request,
    const struct picks *picks)
{
	struct convert_counts counts = { .done = 0 };

	for (size_t k = 0;
	     k < picks_count(picks) && session->out->status == IO_OK; k++) {
		size_t i = picks_items(picks)[k];

		if (folder_message(session->folder, i)->is_expunged)
			counts.is_gone = true;
		else
			put_converted(session, request, i, &counts);
	}
	session->conversions += counts.done;
	finish(session, &counts);
}

/* Section 8.5. */
static bool
is_too_much(struct session *session, const struct convert_request *request,
    const struct picks *picks)
{
	const struct session_settings *settings = session->settings;
	struct buf text = buf_new(256);

	if (picks_count(picks) > settings->convert_messages)
		buf_printf(&text,
		    "NO [MAXCONVERTMESSAGES %llu] too many messages: try "
		    "fewer",
		    (unsigned long long)settings->convert_messages);
	else if (request->part_count > settings->convert_parts)
		buf_printf(&text,
		    "NO [MAXCONVERTPARTS %llu] too many parts: try fewer",
		    (unsigned long long)settings->convert_parts);
	if (text.len > 0)
		session_finish(session, buf_string(&text));
	bool is_too_much = text.len > 0;
	buf_free(&text);
	return is_too_much;
}

void
handle_convert(struct session *session, struct parse *parse)
{
	static struct convert_request request; /* large */
	struct picks picks;

	if (!session_parse_picks(session, parse, &picks))
		return;
	bool is_good = parse_space(parse);
	if (!convert_request_parse(&request, parse) || !is_good)
		session_bad(session,
		    "BAD CONVERT SET (TYPE (PARAMETER VALUE ...)) "
		    "(ITEM ...)");
	else if (!is_too_much(session, &request, &picks))
		convert_picks(session, &request, &picks);
	convert_request_free(&request);
	picks_free(&picks);
}
