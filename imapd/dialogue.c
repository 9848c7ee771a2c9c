#include "imapd/dialogue.h"

#include <string.h>

#include "imapd/parse.h"

void
dialogue_init(struct dialogue *dialogue)
{
	memset(dialogue, 0, sizeof(*dialogue));
	dialogue->unanswered = 1;
}

/* ---- lines ---- */

static enum dialogue_brace
next_brace(struct dialogue_line *line, char c)
{
	enum dialogue_brace brace = line->brace;

	if (c == '{') {
		line->octets = 0;
		line->has_plus = false;
		return BRACE_OPEN;
	}
	if (c >= '0' && c <= '9' &&
	    (brace == BRACE_OPEN || brace == BRACE_DIGITS)) {
		/* Beyond INT64_MAX it is no number to anyone. */
		line->octets = line->octets > (INT64_MAX - 9) / 10
				   ? (uint64_t)INT64_MAX
				   : line->octets * 10 + (uint64_t)(c - '0');
		return BRACE_DIGITS;
	}
	if (c == '+' && brace == BRACE_DIGITS) {
		line->has_plus = true;
		return BRACE_PLUS;
	}
	if (c == '}' && (brace == BRACE_DIGITS || brace == BRACE_PLUS))
		return BRACE_CLOSED;
	return c == '\r' && brace == BRACE_CLOSED ? BRACE_CR : BRACE_NONE;
}

static void
add_char(struct dialogue_line *line, char c)
{
	if (line->len < sizeof(line->head))
		line->head[line->len] = c;
	line->len++;
	line->brace = next_brace(line, c);
	line->last = c;
}

static void
begin_line(struct dialogue_line *line)
{
	line->len = 0;
	line->last = '\0';
	line->brace = BRACE_NONE;
}

static bool
announces(const struct dialogue_line *line)
{
	return line->brace == BRACE_CLOSED || line->brace == BRACE_CR;
}

static bool
is_too_large(const struct dialogue_line *line)
{
	return line->octets > INT64_MAX / 2;
}

/* What is known of it, without CR. */
static struct span
text_of(const struct dialogue_line *line)
{
	size_t len = line->len - (line->last == '\r' && line->len > 0);

	return span_slice(
	    (struct span){ line->head, sizeof(line->head) }, 0, len);
}

/* As many of the bytes as are left of a literal. */
static size_t
pass_octets(uint64_t *octets, size_t bytes)
{
	size_t passed = *octets < bytes ? (size_t)*octets : bytes;

	*octets -= passed;
	return passed;
}

/* ---- the client ---- */

/* As the session reads it: TAG SP VERB, and nothing else. */
static bool
is_command(struct dialogue_line *line, const char *verb)
{
	struct span text = text_of(line);
	struct parse parse = { line->head, line->head + text.len };
	struct span tag;

	return line->len < sizeof(line->head) && parse_tag(&parse, &tag) &&
	       parse_space(&parse) && parse_keyword(&parse, verb) &&
	       parse_is_end(&parse);
}

static void
take_tag(struct dialogue *dialogue)
{
	struct dialogue_line *line = &dialogue->client;
	struct parse parse = { line->head, line->head + text_of(line).len };
	struct span tag = { NULL, 0 };

	dialogue->tag_len = 0;
	if (!parse_tag(&parse, &tag))
		return;
	if (tag.len > DIALOGUE_TAG_MAX) {
		dialogue->state = DIALOGUE_BROKEN;
		return;
	}
	memcpy(dialogue->tag, tag.ptr, tag.len);
	dialogue->tag_len = tag.len;
}

static void
wait_for_session(struct dialogue *dialogue, bool is_idle)
{
	dialogue->state = DIALOGUE_WAITING;
	dialogue->is_idle_asked = is_idle;
}

static void
begin_literal(struct dialogue *dialogue)
{
	const struct dialogue_line *line = &dialogue->client;

	if (is_too_large(line)) {
		dialogue->state = DIALOGUE_BROKEN;
		return;
	}
	dialogue->client_octets = line->octets;
	dialogue->is_in_command = true;
	if (!line->has_plus)
		wait_for_session(dialogue, false);
}

/*
 * One within IDLE is no command, but UNAUTHENTICATE is taken for one: the
 * session answers both (imapd/misc.c).
 */
static void
end_client_line(struct dialogue *dialogue)
{
	struct dialogue_line *line = &dialogue->client;
	bool is_first = !dialogue->is_in_command;
	bool is_leaving = is_first && is_command(line, "UNAUTHENTICATE");
	bool is_idles = dialogue->is_idling && !is_leaving;

	dialogue->is_idling = false;
	if (is_idles)
		return;
	if (is_first) {
		dialogue->unanswered++;
		take_tag(dialogue);
	}
	dialogue->is_in_command = false;
	if (dialogue->state == DIALOGUE_BROKEN)
		return;
	if (announces(line))
		begin_literal(dialogue);
	else if (is_leaving)
		dialogue->state = DIALOGUE_LEAVING;
	else if (is_first && is_command(line, "IDLE"))
		wait_for_session(dialogue, true);
}

size_t
dialogue_hear_client(struct dialogue *dialogue, struct span bytes)
{
	size_t i = 0;

	while (i < bytes.len && dialogue->state == DIALOGUE_RUNNING) {
		if (dialogue->client_octets > 0) {
			i += pass_octets(
			    &dialogue->client_octets, bytes.len - i);
			continue;
		}
		char c = bytes.ptr[i++];
		if (c != '\n') {
			add_char(&dialogue->client, c);
			continue;
		}
		end_client_line(dialogue);
		begin_line(&dialogue->client);
	}
	/* A line that broke it is not to be whole. */
	return i - (dialogue->state == DIALOGUE_BROKEN && i > 0);
}

/* ---- the session ---- */

/* "* OK" and the like, whose end is text to some clients. */
static bool
is_status(struct span text)
{
	static const char *const names[] = { "OK", "NO", "BAD", "BYE",
		"PREAUTH" };

	span_cut(&text, ' ');
	return span_is_one_of(
	    span_cut(&text, ' '), names, sizeof(names) / sizeof(*names));
}

static void
count_answer(struct dialogue *dialogue)
{
	if (dialogue->unanswered > 0)
		dialogue->unanswered--;
}

/* The client will not send the literal, or is not idling. */
static void
take_refusal(struct dialogue *dialogue)
{
	if (dialogue->state == DIALOGUE_WAITING) {
		dialogue->state = DIALOGUE_RUNNING;
		dialogue->client_octets = 0;
		dialogue->is_in_command = false;
	}
	dialogue->is_idling = false;
}

static void
take_continuation(struct dialogue *dialogue)
{
	dialogue->state = DIALOGUE_RUNNING;
	dialogue->is_idling = dialogue->is_idle_asked;
}

static void
take_tagged(struct dialogue *dialogue, struct span text)
{
	const struct span latest = { dialogue->tag, dialogue->tag_len };
	struct span tag = span_cut(&text, ' ');
	bool is_latest = latest.len > 0 && span_equal(tag, latest);
	bool is_last = dialogue->unanswered <= 1;

	count_answer(dialogue);
	dialogue->is_ok_last =
	    is_latest && span_equal_nocase(span_cut(&text, ' '), span_of("OK"));
	if (dialogue->state == DIALOGUE_LEAVING && is_last)
		dialogue->state =
		    dialogue->is_ok_last ? DIALOGUE_LEFT : DIALOGUE_BROKEN;
	else if (dialogue->state != DIALOGUE_LEAVING && is_latest)
		take_refusal(dialogue);
}

static void
take_untagged(struct dialogue *dialogue, struct span text)
{
	dialogue->is_ok_last = false;
	/* So is one answered whose tag is none. */
	if (!span_starts_nocase(text, span_of("* BAD ")))
		return;
	count_answer(dialogue);
	if (dialogue->tag_len == 0)
		take_refusal(dialogue);
}

static void
end_session_line(struct dialogue *dialogue)
{
	const struct dialogue_line *line = &dialogue->session;
	struct span text = text_of(line);
	bool is_first = !dialogue->is_in_response;
	bool is_data =
	    !is_first || (span_starts(text, span_of("* ")) && !is_status(text));
	bool is_literal = announces(line);

	if (line->last != '\r' ||
	    (is_literal && (!is_data || line->has_plus || is_too_large(line))))
		dialogue->state = DIALOGUE_BROKEN;
	else if (is_first && span_starts(text, span_of("+")))
		take_continuation(dialogue);
	else if (is_first && span_starts(text, span_of("*")))
		take_untagged(dialogue, text);
	else if (is_first)
		take_tagged(dialogue, text);
	dialogue->is_in_response = is_literal;
	dialogue->session_octets = is_literal ? line->octets : 0;
}

/* A "+" comes to who waits for it; a CR alone ends a line to some clients. */
static bool
is_fitting(const struct dialogue *dialogue, char c)
{
	const struct dialogue_line *line = &dialogue->session;

	if (line->len == 0 && c == '+' && !dialogue->is_in_response)
		return dialogue->state == DIALOGUE_WAITING;
	return line->last != '\r';
}

static bool
is_over(const struct dialogue *dialogue)
{
	return dialogue->state == DIALOGUE_LEFT ||
	       dialogue->state == DIALOGUE_BROKEN;
}

size_t
dialogue_hear_session(struct dialogue *dialogue, struct span bytes)
{
	size_t i = 0;

	while (i < bytes.len && !is_over(dialogue)) {
		if (dialogue->session_octets > 0) {
			i += pass_octets(
			    &dialogue->session_octets, bytes.len - i);
			continue;
		}
		char c = bytes.ptr[i++];
		if (c != '\n' && is_fitting(dialogue, c)) {
			add_char(&dialogue->session, c);
			continue;
		}
		if (c != '\n')
			dialogue->state = DIALOGUE_BROKEN;
		else
			end_session_line(dialogue);
		begin_line(&dialogue->session);
	}
	return i - (dialogue->state == DIALOGUE_BROKEN && i > 0);
}

bool
dialogue_has_left(const struct dialogue *dialogue)
{
	return dialogue->state == DIALOGUE_LEFT ||
	       (dialogue->state == DIALOGUE_LEAVING && dialogue->is_ok_last &&
		   dialogue->session.len == 0);
}
