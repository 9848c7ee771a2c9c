#include "imapd/append.h"

#include "imapd/guest.h"
#include "imapd/handlers.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "mail/imapurl.h"

/*
 * APPEND, RFC 9051 section 6.3.12, MULTIAPPEND (RFC 3502), literal8 (RFC 3516),
 * CATENATE (RFC 4469) and REPLACE (RFC 8508).  The command comes in segments,
 * each ended by a literal that is a message's or a part's, the last one by the
 * command's end.
 */

enum {
	KEYWORDS_MAX = 64,
	REASON_MAX = 3 * IMAPURL_MAX + 256
};

static const char syntax[] = "BAD NAME (FLAGS) DATE {OCTETS}";

/* A URL may be a literal; it is read like any other command's. */
static bool
is_after_url(struct span so_far)
{
	struct span word = span_of("URL ");

	return so_far.len >= word.len &&
	       span_equal_nocase(
		   span_slice(so_far, so_far.len - word.len, SIZE_MAX), word);
}

static bool
has_parts(struct span so_far)
{
	struct span mark = span_of(" CATENATE (");

	for (size_t i = 0; i + mark.len <= so_far.len; i++)
		if (span_starts_nocase(span_slice(so_far, i, SIZE_MAX), mark))
			return true;
	return false;
}

/* Behind "TAG ": is this one of them with a name, and not the name's literal?
 */
bool
append_is_streamed(struct span so_far)
{
	struct span rest = so_far;
	size_t words = 1;

	span_cut(&rest, ' ');
	struct span verb = span_cut(&rest, ' ');
	if (span_equal_nocase(verb, span_of("UID"))) {
		verb = span_cut(&rest, ' ');
		if (span_equal_nocase(verb, span_of("APPEND")))
			return false;
	}
	if (span_equal_nocase(verb, span_of("REPLACE")))
		words = 2;
	else if (!span_equal_nocase(verb, span_of("APPEND")))
		return false;
	if (words == 2)
		span_cut(&rest, ' ');
	return rest.len > 0 && !(has_parts(rest) && is_after_url(rest));
}

static void
drop_octets(void *context, struct span octets)
{
	(void)context;
	(void)octets;
}

static bool
is_any_streamed(struct span so_far)
{
	(void)so_far;
	return true;
}

void
append_skip(struct session *session)
{
	struct input *input = &session->input;
	struct literal literal = *session->stream;
	enum input_status status = INPUT_STREAM;

	session->stream = NULL;
	session->tag = span_of("*"); /* it was in the command */
	while (status == INPUT_STREAM && !literal.is_sync) {
		if (!read_octets(
			session->in, literal.octets, drop_octets, NULL))
			return;
		buf_clear(&input->command);
		status = input_read(input, is_any_streamed, &literal);
	}
	if (status != INPUT_TOO_LONG && status != INPUT_BROKEN)
		return;
	put_reply(session, "* BYE [TOOBIG] the command is too long");
	session->is_done = true;
}

static bool
is_part_streamed(struct span so_far)
{
	return !is_after_url(so_far);
}

/* More keywords than KEYWORDS_MAX are counted, but not kept. */
static bool
parse_append_flags(
    struct parse *parse, uint32_t *flags, struct span *keywords, size_t *count)
{
	if (!parse_char(parse, '('))
		return true;
	if (parse_char(parse, ')'))
		return parse_space(parse);
	do {
		struct span keyword;
		uint32_t flag;

		if (!parse_flag(parse, &flag, &keyword))
			return false;
		*flags |= flag;
		if (flag != 0)
			continue;
		if (*count < KEYWORDS_MAX)
			keywords[*count] = keyword;
		++*count;
	} while (parse_space(parse));
	return parse_char(parse, ')') && parse_space(parse);
}

/* Nothing of what comes can be understood. */
static bool
fail_syntax(struct appending *appending)
{
	append_fail(appending, syntax);
	return false;
}

static bool
parse_part(struct appending *appending, struct parse *parse)
{
	struct span text;

	if (parse_prefix(parse, "URL ")) {
		if (!parse_astring(parse, &text))
			return fail_syntax(appending);
		catenate_url(appending, text);
		return true;
	}
	appending->is_in_utf8 = parse_prefix(parse, "UTF8 (");
	appending->wants_literal = true;
	return appending->is_in_utf8 || parse_prefix(parse, "TEXT ") ||
	       fail_syntax(appending);
}

/* "(FLAGS) DATE " and the first of the data. */
static bool
parse_message(struct appending *appending, struct parse *parse)
{
	struct span keywords[KEYWORDS_MAX];
	size_t keyword_count = 0;
	uint32_t flags = 0;
	int64_t date_s = INT64_MIN;

	if (!parse_space(parse) ||
	    !parse_append_flags(parse, &flags, keywords, &keyword_count) ||
	    (parse_peek(parse) == '"' &&
		(!parse_date_time(parse, &date_s) || !parse_space(parse))))
		return fail_syntax(appending);
	if (keyword_count > KEYWORDS_MAX) {
		append_fail(appending, session_failure(ACCOUNT_LIMIT));
		keyword_count = KEYWORDS_MAX;
	}
	/* What the user may not set is left out, RFC 4314 section 4. */
	flags &= rights_flags(appending->rights);
	if ((appending->rights & ACL_WRITE) == 0)
		keyword_count = 0;
	append_begin_message(appending, flags, keywords, keyword_count, date_s);
	appending->is_in_parts = parse_prefix(parse, "CATENATE (");
	if (appending->is_in_parts)
		return parse_part(appending, parse);
	appending->is_in_utf8 = parse_prefix(parse, "UTF8 (");
	appending->wants_literal = true;
	return true;
}

/* Up to where a literal must follow, or the end. */
static bool
parse_segment(struct appending *appending, struct parse *parse)
{
	if (appending->is_in_utf8 && !parse_char(parse, ')'))
		return fail_syntax(appending);
	appending->is_in_utf8 = false;
	while (!appending->wants_literal) {
		if (!appending->is_in_parts) {
			if (parse_is_end(parse))
				return true;
			if (!parse_message(appending, parse))
				return false;
		} else if (parse_char(parse, ')')) {
			appending->is_in_parts = false;
			append_end_message(appending);
		} else if (!parse_space(parse) ||
			   !parse_part(appending, parse)) {
			return fail_syntax(appending);
		}
	}
	return true;
}

/* One segment; a literal that it does not want is dropped. */
static void
take_segment(struct appending *appending, struct parse *parse, bool has_literal)
{
	appending->wants_literal = false;
	if (parse_segment(appending, parse) &&
	    (!parse_is_end(parse) || has_literal != appending->wants_literal))
		fail_syntax(appending);
}

static void
take_literal_end(struct appending *appending)
{
	if (!appending->is_in_parts)
		append_end_message(appending);
}

/* Up to the command's end; false if nothing may be answered any more. */
static bool
take_all(struct appending *appending, struct parse *parse,
    const struct literal *stream)
{
	struct session *session = appending->session;
	struct input *input = &session->input;
	struct literal literal = { 0 };
	enum input_status status = INPUT_OK;

	if (stream != NULL) {
		literal = *stream;
		status = INPUT_STREAM;
	}
	take_segment(appending, parse, status == INPUT_STREAM);
	while (status == INPUT_STREAM) {
		if (!append_take_literal(appending, &literal))
			return session->in->status == IO_OK;
		take_literal_end(appending);
		buf_clear(&input->command);
		status = input_read(input, is_part_streamed, &literal);
		if (status != INPUT_OK && status != INPUT_STREAM)
			break;
		struct parse next = parse_begin(&input->command);
		if (status == INPUT_STREAM)
			next.end -= literal.len;
		take_segment(appending, &next, status == INPUT_STREAM);
	}
	if (status == INPUT_TOO_LONG || status == INPUT_BROKEN)
		put_reply(session, "* BYE [TOOBIG] the command is too long");
	return status == INPUT_OK;
}

/* route.c has looked for the owner's process, but for REPLACE. */
static const char *
failure_of_others(const struct appending *appending)
{
	const struct guests *guests = appending->session->guests;

	return !appending->is_replace && guests != NULL && guests->is_later
		   ? guest_unavailable
		   : session_failure(ACCOUNT_NONEXISTENT);
}

static void
begin(struct appending *appending, struct parse *parse)
{
	struct session *session = appending->session;
	struct buf *name = &appending->name;
	struct span text;

	if (!parse_space(parse) || !parse_astring(parse, &text)) {
		fail_syntax(appending);
	} else if (!take_name(session, text, name)) {
		append_fail(
		    appending, "NO [CANNOT] no folder can have that name");
	} else if (session->settings->can_share &&
		   rights_is_of_others(buf_span(name))) {
		append_fail(appending, failure_of_others(appending));
	} else if (appending->failure == NULL) {
		const char *refusal =
		    rights_refusal(session, buf_span(name), ACL_INSERT);

		if (refusal != NULL) {
			append_fail(appending, refusal);
			return;
		}
		appending->rights = rights_on(session, buf_span(name));
		enum account_status status = folder_append_begin(
		    &appending->append, session->account, buf_span(name));

		if (status == ACCOUNT_NONEXISTENT)
			append_fail(appending,
			    "NO [TRYCREATE] there is no such folder");
		else if (status != ACCOUNT_OK)
			append_fail(appending, session_failure(status));
	}
}

/* "*" is the last one: 0 if there is none. */
static bool
parse_replaced(
    const struct session *session, struct parse *parse, uint64_t *number)
{
	const struct folder *folder = session->folder;
	size_t count = folder == NULL ? 0 : folder_count(folder);

	if (!parse_char(parse, '*'))
		return parse_number(parse, UINT32_MAX, number) && *number > 0;
	*number = count;
	if (count > 0 && session->is_uid)
		*number = folder_message(folder, count - 1)->uid;
	return true;
}

/* The message to replace: by number or UID. */
static void
begin_replace(struct appending *appending, struct parse *parse)
{
	struct session *session = appending->session;
	struct folder *folder = session->folder;
	uint64_t number = 0;
	size_t i = SIZE_MAX;

	appending->is_replace = true;
	if (!parse_space(parse) || !parse_replaced(session, parse, &number))
		append_fail(appending, "BAD REPLACE NUMBER NAME {OCTETS}");
	else if (folder == NULL)
		append_fail(appending,
		    session->guests != NULL && session->guests->selected != NULL
			? session_failure(ACCOUNT_INVALID)
			: "BAD no folder is selected");
	else if (session->is_read_only)
		append_fail(appending, session_failure(ACCOUNT_READ_ONLY));
	else if ((session->rights &
		     (ACL_DELETE_MESSAGES | ACL_EXPUNGE | ACL_READ)) !=
		 (ACL_DELETE_MESSAGES | ACL_EXPUNGE | ACL_READ))
		append_fail(appending, rights_refused);
	else if (!session->is_uid)
		i = (size_t)number - 1;
	else
		i = folder_find(folder, (uint32_t)number);
	if (appending->failure == NULL &&
	    (i >= folder_count(folder) ||
		(session->is_uid && folder_message(folder, i)->uid != number)))
		append_fail(appending, session->is_uid
					   ? "NO [NONEXISTENT] no such message"
					   : "BAD no such message");
	begin(appending, parse);
	if (appending->append != NULL)
		folder_append_replaces(appending->append, folder, i);
}

static void
run(struct session *session, struct parse *parse,
    void (*start)(struct appending *appending, struct parse *parse))
{
	struct appending appending = { .session = session,
		.name = buf_new(ACCOUNT_NAME_MAX),
		.reason = buf_new(REASON_MAX),
		.source = url_source_new() };
	struct buf tag = buf_new(session->tag.len);

	buf_add(&tag, session->tag);
	session->tag = buf_span(&tag);
	start(&appending, parse);
	const struct literal *stream = session->stream;
	session->stream = NULL;
	if (take_all(&appending, parse, stream)) {
		if (appending.count == 0 || appending.is_in_parts)
			fail_syntax(&appending);
		append_finish(&appending);
	} else {
		session->is_done = true;
	}
	append_free(&appending);
	session->tag = span_of("*");
	buf_free(&tag);
}

void
handle_append(struct session *session, struct parse *parse)
{
	run(session, parse, begin);
}

void
handle_replace(struct session *session, struct parse *parse)
{
	run(session, parse, begin_replace);
}
