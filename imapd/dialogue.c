#include "imapd/dialogue.h"

#include <string.h>

#include "imapd/parse.h"

static void
set_tag(struct dialogue_tag *place, struct span tag)
{
	place->len = tag.len <= sizeof(place->text) ? tag.len : 0;
	memcpy(place->text, tag.ptr == NULL ? "" : tag.ptr, place->len);
}

static bool
is_tag(const struct dialogue_tag *tag, struct span text)
{
	return tag->len > 0 &&
	       span_equal(text, (struct span){ tag->text, tag->len });
}

void
dialogue_init(struct dialogue *dialogue, struct span tag)
{
	memset(dialogue, 0, sizeof(*dialogue));
	dialogue->state = DIALOGUE_WHOLE;
	set_tag(&dialogue->tag, tag);
}

static bool
is_too_large(const struct relayed_line *line)
{
	return line->octets > INT64_MAX / 2;
}

/* ---- the client ---- */

/* As the session reads it: TAG SP VERB, and nothing else. */
static bool
is_command(struct relayed_line *line, const char *verb)
{
	struct span text = relayed_line_text(line);
	struct parse parse = { line->head, line->head + text.len };
	struct span tag;

	return relayed_line_is_known(line) && parse_tag(&parse, &tag) &&
	       parse_space(&parse) && parse_keyword(&parse, verb) &&
	       parse_is_end(&parse);
}

/* A command's first line. */
static void
begin_command(struct dialogue *dialogue)
{
	struct relayed_line *line = &dialogue->client;
	struct parse parse = { line->head,
		line->head + relayed_line_text(line).len };
	struct span tag = { NULL, 0 };

	if (!parse_tag(&parse, &tag))
		tag.len = 0;
	if (tag.len > DIALOGUE_TAG_MAX)
		dialogue->state = DIALOGUE_BROKEN;
	else
		set_tag(&dialogue->tag, tag);
}

static void
begin_literal(struct dialogue *dialogue)
{
	const struct relayed_line *line = &dialogue->client;

	dialogue->client_octets = line->octets;
	dialogue->state = is_too_large(line) ? DIALOGUE_BROKEN
			  : line->has_plus   ? DIALOGUE_OCTETS
					     : DIALOGUE_ASKING;
}

/*
 * What ends IDLE is no command, but UNAUTHENTICATE is taken for one: the
 * session answers both (imapd/misc.c).
 */
static void
end_idle(struct dialogue *dialogue)
{
	if (!is_command(&dialogue->client, "UNAUTHENTICATE")) {
		dialogue->state = DIALOGUE_WHOLE;
		return;
	}
	dialogue->idle_tag = dialogue->tag;
	dialogue->is_idle_due = true;
	dialogue->state = DIALOGUE_LEAVING;
	begin_command(dialogue);
}

/* is_first: it is a command's, not one behind a literal. */
static void
end_client_line(struct dialogue *dialogue, bool is_first)
{
	struct relayed_line *line = &dialogue->client;
	bool was_idling = dialogue->is_idle;

	dialogue->is_idle = false;
	if (was_idling) {
		end_idle(dialogue);
		return;
	}
	if (is_first)
		begin_command(dialogue);
	if (dialogue->state == DIALOGUE_BROKEN)
		return;
	if (relayed_line_announces(line)) {
		begin_literal(dialogue);
	} else if (is_first && is_command(line, "UNAUTHENTICATE")) {
		dialogue->state = DIALOGUE_LEAVING;
	} else {
		dialogue->is_idle = is_first && is_command(line, "IDLE");
		dialogue->state = DIALOGUE_WHOLE;
	}
}

/* Are the client's bytes wanted? */
static bool
is_clients_turn(const struct dialogue *dialogue)
{
	switch (dialogue->state) {
	case DIALOGUE_READY:
	case DIALOGUE_LINE:
	case DIALOGUE_OCTETS:
	case DIALOGUE_IDLING:
		return true;
	case DIALOGUE_ASKING:
	case DIALOGUE_WHOLE:
	case DIALOGUE_LEAVING:
	case DIALOGUE_LEFT:
	case DIALOGUE_BROKEN:
		break;
	}
	return false;
}

static void
hear_client_char(struct dialogue *dialogue, char c)
{
	if (dialogue->state == DIALOGUE_READY) {
		dialogue->is_continued = false;
		dialogue->state = DIALOGUE_LINE;
	}
	if (c != '\n') {
		relayed_line_add(&dialogue->client, c);
		return;
	}
	end_client_line(dialogue, !dialogue->is_continued);
	dialogue->is_continued = true;
	relayed_line_begin(&dialogue->client);
}

/* Behind the last octet the command's line goes on. */
static size_t
hear_octets(struct dialogue *dialogue, size_t bytes)
{
	size_t passed = relayed_pass_octets(&dialogue->client_octets, bytes);

	if (dialogue->client_octets == 0)
		dialogue->state = DIALOGUE_LINE;
	return passed;
}

size_t
dialogue_hear_client(struct dialogue *dialogue, struct span bytes)
{
	size_t i = 0;

	while (i < bytes.len && is_clients_turn(dialogue)) {
		if (dialogue->state == DIALOGUE_OCTETS)
			i += hear_octets(dialogue, bytes.len - i);
		else
			hear_client_char(dialogue, bytes.ptr[i++]);
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

/* Is a "+" due?  It is the client's turn then. */
static bool
is_asked(const struct dialogue *dialogue)
{
	return dialogue->state == DIALOGUE_ASKING ||
	       (dialogue->state == DIALOGUE_WHOLE && dialogue->is_idle);
}

static void
take_continuation(struct dialogue *dialogue)
{
	dialogue->state = dialogue->is_idle ? DIALOGUE_IDLING : DIALOGUE_OCTETS;
	if (dialogue->state == DIALOGUE_OCTETS && dialogue->client_octets == 0)
		dialogue->state = DIALOGUE_LINE;
}

/* Of a command that is whole, or whose literal the client then does not send.
 */
static void
take_answer(struct dialogue *dialogue, bool is_it)
{
	bool is_due = dialogue->state == DIALOGUE_ASKING ||
		      dialogue->state == DIALOGUE_WHOLE ||
		      dialogue->state == DIALOGUE_IDLING;

	dialogue->state = is_due && is_it ? DIALOGUE_READY : DIALOGUE_BROKEN;
	dialogue->is_idle = false;
}

static void
take_tagged(struct dialogue *dialogue, struct span text)
{
	struct span tag = span_cut(&text, ' ');
	bool is_ok = span_equal_nocase(span_cut(&text, ' '), span_of("OK"));

	if (dialogue->state != DIALOGUE_LEAVING) {
		take_answer(dialogue, is_tag(&dialogue->tag, tag));
	} else if (dialogue->is_idle_due) {
		dialogue->is_idle_due = false;
		if (!is_tag(&dialogue->idle_tag, tag))
			dialogue->state = DIALOGUE_BROKEN;
	} else {
		dialogue->state = is_ok && is_tag(&dialogue->tag, tag)
				      ? DIALOGUE_LEFT
				      : DIALOGUE_BROKEN;
	}
}

static void
end_session_line(struct dialogue *dialogue)
{
	const struct relayed_line *line = &dialogue->session;
	struct span text = relayed_line_text(line);
	bool is_first = !dialogue->is_in_response;
	bool is_data =
	    !is_first || (span_starts(text, span_of("* ")) && !is_status(text));
	bool is_literal = relayed_line_announces(line);

	if (line->last != '\r' ||
	    (is_literal && (!is_data || line->has_plus || line->is_quoted ||
			       is_too_large(line))))
		dialogue->state = DIALOGUE_BROKEN;
	else if (is_first && span_starts(text, span_of("+")))
		take_continuation(dialogue);
	else if (is_first && span_starts_nocase(text, span_of("* BAD ")))
		/* What cannot be told from its tag is answered so, too. */
		take_answer(dialogue, dialogue->state != DIALOGUE_IDLING);
	else if (is_first && !span_starts(text, span_of("*")))
		take_tagged(dialogue, text);
	dialogue->is_in_response = is_literal;
	dialogue->session_octets = is_literal ? line->octets : 0;
}

/* A CR alone ends a line to some clients. */
static bool
is_fitting(const struct dialogue *dialogue, char c)
{
	const struct relayed_line *line = &dialogue->session;

	if (line->len == 0 && c == '+' && !dialogue->is_in_response)
		return is_asked(dialogue);
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
			i += relayed_pass_octets(
			    &dialogue->session_octets, bytes.len - i);
			continue;
		}
		char c = bytes.ptr[i++];
		if (c != '\n' && is_fitting(dialogue, c)) {
			relayed_line_add(&dialogue->session, c);
			continue;
		}
		if (c != '\n')
			dialogue->state = DIALOGUE_BROKEN;
		else
			end_session_line(dialogue);
		relayed_line_begin(&dialogue->session);
	}
	return i - (dialogue->state == DIALOGUE_BROKEN && i > 0);
}

/* ---- for the relay ---- */

static size_t
hear_client(void *dialogue, struct span bytes)
{
	return dialogue_hear_client(dialogue, bytes);
}

static size_t
hear_session(void *dialogue, struct span bytes)
{
	return dialogue_hear_session(dialogue, bytes);
}

static enum relaying_state
state_of(const void *context)
{
	const struct dialogue *dialogue = context;

	switch (dialogue->state) {
	case DIALOGUE_LEAVING:
		return RELAYING_LEAVING;
	case DIALOGUE_LEFT:
		return RELAYING_LEFT;
	case DIALOGUE_BROKEN:
		return RELAYING_BROKEN;
	case DIALOGUE_READY:
	case DIALOGUE_LINE:
	case DIALOGUE_OCTETS:
	case DIALOGUE_ASKING:
	case DIALOGUE_WHOLE:
	case DIALOGUE_IDLING:
		break;
	}
	return RELAYING_ON;
}

const struct relaying_protocol dialogue_protocol = {
	.hear_client = hear_client,
	.hear_session = hear_session,
	.state = state_of,
};
