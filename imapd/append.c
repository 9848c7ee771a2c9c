#include <stdlib.h>

#include "imapd/handlers.h"
#include "imapd/output.h"

/*
 * APPEND, RFC 9051 section 6.3.12, MULTIAPPEND (RFC 3502), literal8 (RFC 3516):
 * each message goes to the store as it comes in.
 */
struct appending {
	struct session *session;
	struct folder_append *append;
	const char *failure; /* NULL: none so far */
	size_t count;
	bool is_in_list; /* UTF8 (~{N}: RFC 6855 section 4 */
};

enum {
	KEYWORDS_MAX = 64
};

/* Behind "TAG ": is this APPEND with a name, and not the name's literal? */
bool
append_is_streamed(struct span so_far)
{
	struct span rest = so_far;
	struct span verb = span_of("APPEND ");

	span_cut(&rest, ' ');
	return span_starts_nocase(rest, verb) && rest.len > verb.len;
}

static bool
is_always_streamed(struct span so_far)
{
	(void)so_far;
	return true;
}

static void
fail(struct appending *appending, const char *failure)
{
	if (appending->failure == NULL)
		appending->failure = failure;
}

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
		if (flag == 0 && *count < KEYWORDS_MAX)
			keywords[(*count)++] = keyword;
	} while (parse_space(parse));
	return parse_char(parse, ')') && parse_space(parse);
}

/* "(FLAGS) DATE " up to the literal, which is not in the text. */
static void
begin_message(struct appending *appending, struct parse *parse)
{
	struct span keywords[KEYWORDS_MAX];
	size_t keyword_count = 0;
	uint32_t flags = 0;
	int64_t date_s = INT64_MIN;
	bool is_good =
	    parse_append_flags(parse, &flags, keywords, &keyword_count);

	if (is_good && parse_peek(parse) == '"')
		is_good = parse_date_time(parse, &date_s) && parse_space(parse);
	appending->is_in_list = is_good && parse_prefix(parse, "UTF8 (");
	if (!is_good || !parse_rest(parse).ptr || !parse_is_end(parse)) {
		fail(appending, "BAD APPEND NAME (FLAGS) DATE {OCTETS}");
		return;
	}
	if (appending->failure != NULL)
		return;
	enum account_status status = folder_append_message(
	    appending->append, flags, keywords, keyword_count, date_s);
	if (status != ACCOUNT_OK)
		fail(appending, session_failure(status));
	appending->count++;
}

static bool
take_octets(struct appending *appending, uint64_t octets)
{
	struct reader *in = appending->session->in;

	while (octets > 0) {
		struct span bytes;

		if (reader_peek(in, &bytes) != IO_OK)
			return false;
		if (bytes.len > octets)
			bytes.len = (size_t)octets;
		if (appending->failure == NULL) {
			enum account_status status =
			    folder_append_bytes(appending->append, bytes);

			if (status != ACCOUNT_OK)
				fail(appending, session_failure(status));
		}
		reader_consume(in, bytes.len);
		octets -= bytes.len;
	}
	return true;
}

/* False: the client is gone, or will not send it after what it is told. */
static bool
take_message(struct appending *appending, const struct literal *literal)
{
	uint64_t max = appending->session->settings->message_max;

	if (literal->octets == 0)
		fail(appending, "NO an empty message is none");
	if (max > 0 && literal->octets > max)
		fail(appending, "NO [TOOBIG] the message is too large");
	if (appending->failure != NULL && literal->is_sync)
		return false;
	input_ask(&appending->session->input, literal);
	return take_octets(appending, literal->octets);
}

static void
commit(struct appending *appending)
{
	struct session *session = appending->session;
	struct folder_copied copied = { 0 };
	struct buf text = buf_new(SIZE_MAX / 2);
	struct set_text uids = set_text_new();
	enum account_status status =
	    folder_append_commit(appending->append, &copied);

	if (status == ACCOUNT_OK) {
		for (size_t i = 0; i < appending->count; i++)
			set_text_add(&uids, copied.uids[i]);
		struct buf set = set_text_end(&uids);
		buf_printf(&text, "OK [APPENDUID %u ", copied.uid_validity);
		buf_add(&text, buf_span(&set));
		buf_add_string(&text, "] done");
		buf_free(&set);
		session->appended += appending->count;
		session_finish(session, buf_string(&text));
	} else {
		session_fail(session, status);
	}
	buf_free(&text);
	free(copied.uids);
}

static void
finish(struct appending *appending)
{
	struct session *session = appending->session;

	if (appending->failure == NULL)
		commit(appending);
	else if (appending->failure[0] == 'B')
		session_bad(session, appending->failure);
	else
		session_finish(session, appending->failure);
}

/* Messages up to the command's end; false if the session is over. */
static bool
take_messages(struct appending *appending, struct literal *literal)
{
	struct input *input = &appending->session->input;
	enum input_status status = INPUT_STREAM;

	while (status == INPUT_STREAM) {
		if (!take_message(appending, literal))
			return appending->session->in->status == IO_OK;
		buf_clear(&input->command);
		status = input_read(input, is_always_streamed, literal);
		struct parse parse = parse_begin(&input->command);
		if (appending->is_in_list && !parse_char(&parse, ')'))
			fail(appending, "BAD UTF8 (~{OCTETS})");
		appending->is_in_list = false;
		if (status == INPUT_OK && !parse_is_end(&parse))
			fail(appending, "BAD something follows the message");
		if (status == INPUT_STREAM) {
			parse.end -= literal->len;
			if (!parse_space(&parse))
				fail(appending, "BAD a space is missing");
			begin_message(appending, &parse);
		}
	}
	if (status != INPUT_OK)
		appending->session->is_done = true;
	return status == INPUT_OK;
}

static void
begin(struct appending *appending, struct parse *parse)
{
	struct session *session = appending->session;
	struct buf name = buf_new(ACCOUNT_NAME_MAX);
	struct span text;

	if (!parse_prefix(parse, "APPEND ") || !parse_astring(parse, &text) ||
	    !parse_space(parse)) {
		fail(appending, "BAD APPEND NAME (FLAGS) DATE {OCTETS}");
	} else if (!take_name(session, text, &name)) {
		fail(appending, "NO [CANNOT] no folder can have that name");
	} else {
		enum account_status status = folder_append_begin(
		    &appending->append, session->account, buf_span(&name));

		if (status == ACCOUNT_NONEXISTENT)
			fail(appending,
			    "NO [TRYCREATE] there is no such folder");
		else if (status != ACCOUNT_OK)
			fail(appending, session_failure(status));
	}
	buf_free(&name);
	begin_message(appending, parse);
}

void
append_stream(struct session *session, const struct literal *literal)
{
	struct buf *command = &session->input.command;
	struct appending appending = { .session = session };
	struct literal next = *literal;
	struct buf tag = buf_new(session->tag.len);
	struct parse parse = parse_begin(command);

	parse.end -= literal->len;
	parse.next += session->tag.len + 1;
	buf_add(&tag, session->tag);
	session->tag = buf_span(&tag);
	begin(&appending, &parse);
	if (take_messages(&appending, &next))
		finish(&appending);
	else
		session->is_done = true;
	if (appending.append != NULL)
		folder_append_free(appending.append);
	session->tag = span_of("*");
	buf_free(&tag);
}
