#include "local/sieve_dialogue.h"

#include <string.h>

static const char unauthenticate[] = "UNAUTHENTICATE";

void
sieve_dialogue_init(struct sieve_dialogue *dialogue)
{
	memset(dialogue, 0, sizeof(*dialogue));
	dialogue->state = SIEVE_DIALOGUE_WHOLE;
}

/* ---- the client ---- */

/*
 * A literal follows also where the rest of the line is wrong, as the session
 * has it (sieve_input.c).  One that is too large for that is the end of it.
 */
static void
end_client_line(struct sieve_dialogue *dialogue)
{
	const struct relayed_line *line = &dialogue->client;
	bool is_leaving =
	    !dialogue->is_continued && relayed_line_is_known(line) &&
	    span_equal_nocase(relayed_line_text(line), span_of(unauthenticate));

	if (relayed_line_announces(line) && line->has_plus) {
		dialogue->client_octets = line->octets;
		dialogue->state = line->octets > UINT32_MAX
				      ? SIEVE_DIALOGUE_WHOLE
				  : line->octets > 0 ? SIEVE_DIALOGUE_OCTETS
						     : SIEVE_DIALOGUE_LINE;
	} else {
		dialogue->state =
		    is_leaving ? SIEVE_DIALOGUE_LEAVING : SIEVE_DIALOGUE_WHOLE;
	}
}

static void
hear_client_char(struct sieve_dialogue *dialogue, char c)
{
	if (dialogue->state == SIEVE_DIALOGUE_READY) {
		dialogue->is_continued = false;
		dialogue->state = SIEVE_DIALOGUE_LINE;
	}
	if (c != '\n') {
		relayed_line_add(&dialogue->client, c);
		return;
	}
	end_client_line(dialogue);
	dialogue->is_continued = true;
	relayed_line_begin(&dialogue->client);
}

/* Behind the last octet the command's line goes on. */
static size_t
hear_octets(struct sieve_dialogue *dialogue, size_t bytes)
{
	size_t passed = relayed_pass_octets(&dialogue->client_octets, bytes);

	if (dialogue->client_octets == 0)
		dialogue->state = SIEVE_DIALOGUE_LINE;
	return passed;
}

size_t
sieve_dialogue_hear_client(struct sieve_dialogue *dialogue, struct span bytes)
{
	size_t i = 0;

	while (i < bytes.len && dialogue->state <= SIEVE_DIALOGUE_OCTETS) {
		if (dialogue->state == SIEVE_DIALOGUE_OCTETS)
			i += hear_octets(dialogue, bytes.len - i);
		else
			hear_client_char(dialogue, bytes.ptr[i++]);
	}
	return i;
}

/* ---- the session ---- */

/* Is it that response? "OK", "OK (...", "OK {1}". */
static bool
is_response(struct span text, const char *word)
{
	return span_equal_nocase(span_cut(&text, ' '), span_of(word));
}

static bool
is_data(struct span text)
{
	return span_starts(text, span_of("\"")) ||
	       span_starts(text, span_of("{"));
}

static enum sieve_dialogue_state
state_behind(const struct sieve_dialogue *dialogue, struct span text)
{
	if (is_response(text, "BYE"))
		return SIEVE_DIALOGUE_OVER;
	if (dialogue->state == SIEVE_DIALOGUE_LEAVING)
		return is_response(text, "OK") ? SIEVE_DIALOGUE_LEFT
					       : SIEVE_DIALOGUE_BROKEN;
	return dialogue->state == SIEVE_DIALOGUE_WHOLE &&
		       (is_response(text, "OK") || is_response(text, "NO"))
		   ? SIEVE_DIALOGUE_READY
		   : SIEVE_DIALOGUE_BROKEN;
}

/* Would each client know where it ends, and what of it is text? */
static bool
is_plain(const struct sieve_dialogue *dialogue)
{
	const struct relayed_line *line = &dialogue->session;

	return line->last == '\r' && !line->is_quoted &&
	       (!relayed_line_announces(line) ||
		   (!line->has_plus && line->octets <= UINT32_MAX &&
		       dialogue->state != SIEVE_DIALOGUE_LEAVING));
}

/* Of data, or of an answer? */
static void
begin_response(struct sieve_dialogue *dialogue)
{
	struct span text = relayed_line_text(&dialogue->session);

	dialogue->is_in_data = is_data(text);
	dialogue->is_in_answer = !dialogue->is_in_data;
	if (dialogue->is_in_answer)
		dialogue->next = state_behind(dialogue, text);
	else
		dialogue->next = dialogue->state == SIEVE_DIALOGUE_WHOLE
				     ? SIEVE_DIALOGUE_WHOLE
				     : SIEVE_DIALOGUE_BROKEN;
}

static void
end_session_line(struct sieve_dialogue *dialogue)
{
	const struct relayed_line *line = &dialogue->session;

	if (!dialogue->is_in_data && !dialogue->is_in_answer)
		begin_response(dialogue);
	if (!is_plain(dialogue) || dialogue->next == SIEVE_DIALOGUE_BROKEN) {
		dialogue->state = SIEVE_DIALOGUE_BROKEN;
		return;
	}
	if (relayed_line_announces(line)) {
		dialogue->session_octets = line->octets;
		return;
	}
	if (dialogue->is_in_answer)
		dialogue->state = dialogue->next;
	dialogue->is_in_data = dialogue->is_in_answer = false;
}

static bool
goes_on(const struct sieve_dialogue *dialogue)
{
	return dialogue->state <= SIEVE_DIALOGUE_LEAVING;
}

size_t
sieve_dialogue_hear_session(struct sieve_dialogue *dialogue, struct span bytes)
{
	size_t i = 0;

	while (i < bytes.len && goes_on(dialogue)) {
		if (dialogue->session_octets > 0) {
			i += relayed_pass_octets(
			    &dialogue->session_octets, bytes.len - i);
			continue;
		}
		char c = bytes.ptr[i++];
		/* A CR alone ends a line to some clients. */
		if (c != '\n' && dialogue->session.last == '\r')
			dialogue->state = SIEVE_DIALOGUE_BROKEN;
		else if (c != '\n')
			relayed_line_add(&dialogue->session, c);
		else
			end_session_line(dialogue);
		if (c == '\n')
			relayed_line_begin(&dialogue->session);
	}
	/* A line that broke it is not to be whole. */
	return i - (dialogue->state == SIEVE_DIALOGUE_BROKEN && i > 0);
}

/* ---- for the relay ---- */

static size_t
hear_client(void *dialogue, struct span bytes)
{
	return sieve_dialogue_hear_client(dialogue, bytes);
}

static size_t
hear_session(void *dialogue, struct span bytes)
{
	return sieve_dialogue_hear_session(dialogue, bytes);
}

static enum relaying_state
state_of(const void *context)
{
	const struct sieve_dialogue *dialogue = context;

	switch (dialogue->state) {
	case SIEVE_DIALOGUE_LEAVING:
		return RELAYING_LEAVING;
	case SIEVE_DIALOGUE_LEFT:
		return RELAYING_LEFT;
	case SIEVE_DIALOGUE_OVER:
		return RELAYING_OVER;
	case SIEVE_DIALOGUE_BROKEN:
		return RELAYING_BROKEN;
	case SIEVE_DIALOGUE_READY:
	case SIEVE_DIALOGUE_LINE:
	case SIEVE_DIALOGUE_OCTETS:
	case SIEVE_DIALOGUE_WHOLE:
		break;
	}
	return RELAYING_ON;
}

const struct relaying_protocol sieve_dialogue_protocol = {
	.hear_client = hear_client,
	.hear_session = hear_session,
	.state = state_of,
};
