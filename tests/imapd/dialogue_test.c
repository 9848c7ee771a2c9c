/*
 * dialogue_test - what a relay passes on of a client and its session, turn by
 * turn, whole and byte by byte; where it stops, and where it breaks.
 */

#include "imapd/dialogue.h"

#include "base/buf.h"
#include "test.h"

enum {
	TURNS_MAX = 8
};

/* What one side says, and what is held back of it, if anything, by then. */
struct turn {
	char side; /* 'c' or 's'; 0: the end */
	const char *bytes;
	const char *held;
};

static const struct {
	const char *label;
	struct turn turns[TURNS_MAX];
	enum dialogue_state state;
} cases[] = {
	{ "commands and answers, in turn",
	    { { 'c', "a NOOP\r\nb SELECT INBOX\r\n", "b SELECT INBOX\r\n" },
		{ 's', "* 1 EXISTS\r\na OK done\r\n* 2 EXISTS\r\n", "" },
		{ 'c', "b SELECT INBOX\r\n", "" }, { 's', "b OK\r\n", "" } },
	    DIALOGUE_READY },
	{ "what is behind UNAUTHENTICATE is held, and its answer ends it",
	    { { 'c', "a unAuthenticate\r\nb LOGIN x y\r\n", "b LOGIN x y\r\n" },
		{ 's', "a OK done\r\nb OK forged\r\n", "b OK forged\r\n" },
		{ 'c', "b LOGIN x y\r\n", "b LOGIN x y\r\n" } },
	    DIALOGUE_LEFT },
	{ "LF alone ends it, too", { { 'c', "a UNAUTHENTICATE\nb", "b" } },
	    DIALOGUE_LEAVING },
	{ "more in the line is another command",
	    { { 'c', "a UNAUTHENTICATE \r\n", "" }, { 's', "a BAD\r\n", "" },
		{ 'c', "b UNAUTHENTICATEX\r\n", "" }, { 's', "b BAD\r\n", "" },
		{ 'c', "c  UNAUTHENTICATE\r\n", "" }, { 's', "c BAD\r\n", "" },
		{ 'c', "UNAUTHENTICATE\r\n", "" } },
	    DIALOGUE_WHOLE },
	{ "or behind a literal",
	    { { 'c', "d NOOP {0+}\r\n\r\n", "" }, { 's', "d BAD\r\n", "" },
		{ 'c', "e UNAUTHENTICATE\r\r\n", "" }, { 's', "e BAD\r\n", "" },
		{ 'c', "UID UNAUTHENTICATE {0+}\r\n\r\n", "" } },
	    DIALOGUE_WHOLE },
	{ "it waits for the answers to what was before it",
	    { { 'c', "a NOOP\r\nb UNAUTHENTICATE\r\nc",
		  "b UNAUTHENTICATE\r\nc" },
		{ 's', "* 3 EXISTS\r\na OK done\r\n", "" },
		{ 'c', "b UNAUTHENTICATE\r\nc", "c" },
		{ 's', "b OK done\r\n", "" } },
	    DIALOGUE_LEFT },
	{ "the same tag twice",
	    { { 'c', "a NOOP\r\n", "" }, { 's', "a OK done\r\n", "" },
		{ 'c', "a UNAUTHENTICATE\r\nc", "c" } },
	    DIALOGUE_LEAVING },
	{ "another answer to it than OK",
	    { { 'c', "a UNAUTHENTICATE\r\n", "" },
		{ 's', "a BAD no\r\n", "\n" } },
	    DIALOGUE_BROKEN },
	{ "the answer of another command, which was not there",
	    { { 'c', "a UNAUTHENTICATE\r\nb", "b" },
		{ 's', "b OK\r\n", "\n" } },
	    DIALOGUE_BROKEN },
	{ "an answer before its command, which would refuse a literal",
	    { { 'c', "a NOOP\r\n", "" },
		{ 's', "a OK\r\nb NO quota\r\n", "\n" } },
	    DIALOGUE_BROKEN },
	{ "one between a command's literals",
	    { { 'c', "a APPEND x {2}\r\n", "" }, { 's', "+ OK\r\n", "" },
		{ 'c', "xx", "" }, { 's', "a NO quota\r\n", "\n" } },
	    DIALOGUE_BROKEN },
	{ "one within a line",
	    { { 'c', "a NOO", "" }, { 's', "a NO\r\n", "\n" } },
	    DIALOGUE_BROKEN },
	{ "* BAD to nothing", { { 's', "* BAD what\r\n", "\n" } },
	    DIALOGUE_BROKEN },
	{ "* BAD within IDLE",
	    { { 'c', "a IDLE\r\n", "" }, { 's', "+ idling\r\n", "" },
		{ 's', "* BAD what\r\n", "\n" } },
	    DIALOGUE_BROKEN },
	{ "a literal is no command",
	    { { 'c', "a APPEND x {18+}\r\nx UNAUTHENTICATE\r\n\r\n", "" },
		{ 's', "a OK\r\n", "" },
		{ 'c',
		    "b APPEND x ~{018+}\r\nx UNAUTHENTICATE\r\n {1+}\r\nx\r\n",
		    "" } },
	    DIALOGUE_WHOLE },
	{ "the line behind a literal is none",
	    { { 'c', "a LIST \"\" {1+}\r\nx\r\n", "" }, { 's', "a OK\r\n", "" },
		{ 'c', "a LIST {1+}\r\nx ", "" }, { 'c', "{17+}\r\n", "" },
		{ 'c', "a UNAUTHENTICATE\r", "" }, { 'c', "\n", "" } },
	    DIALOGUE_WHOLE },
	{ "a literal that is asked for",
	    { { 'c', "a APPEND x {18}\r\nx UNAUTHENTICATE\r\n",
		  "x UNAUTHENTICATE\r\n" },
		{ 's', "* 1 EXISTS\r\n+ OK\r\n", "" },
		{ 'c', "x UNAUTHENTICATE\r\n\r\nb NOOP\r\n", "b NOOP\r\n" } },
	    DIALOGUE_WHOLE },
	{ "one without octets",
	    { { 'c', "a APPEND x {0}\r\n", "" }, { 's', "+ OK\r\n", "" },
		{ 'c', "\r\n", "" } },
	    DIALOGUE_WHOLE },
	{ "one that is refused",
	    { { 'c', "a APPEND x {18}\r\n", "" },
		{ 'c', "x UNAUTHENTICATE\r\n", "x UNAUTHENTICATE\r\n" },
		{ 's', "a NO [OVERQUOTA]\r\n", "" },
		{ 'c', "x UNAUTHENTICATE\r\ny", "y" } },
	    DIALOGUE_LEAVING },
	{ "one of a command whose tag is none",
	    { { 'c', "+ {18}\r\n", "" }, { 's', "* BAD what\r\n", "" },
		{ 'c', "x UNAUTHENTICATE\r\ny", "y" } },
	    DIALOGUE_LEAVING },
	{ "IDLE and DONE",
	    { { 'c', "a IDLE\r\nDONE\r\nb UNAUTHENTICATE\r\nc",
		  "DONE\r\nb UNAUTHENTICATE\r\nc" },
		{ 's', "+ idling\r\n", "" },
		{ 'c', "DONE\r\nb UNAUTHENTICATE\r\nc",
		    "b UNAUTHENTICATE\r\nc" },
		{ 's', "a OK\r\n", "" },
		{ 'c', "b UNAUTHENTICATE\r\nc", "c" } },
	    DIALOGUE_LEAVING },
	{ "IDLE without DONE",
	    { { 'c', "a IDLE\r\n", "" },
		{ 's', "+ idling\r\n* 1 EXISTS\r\n", "" },
		{ 'c', "b UNAUTHENTICATE\r\nc", "c" },
		{ 's', "a BAD DONE ends IDLE\r\nb OK done\r\n", "" } },
	    DIALOGUE_LEFT },
	{ "IDLE that is refused",
	    { { 'c', "a IDLE\r\n", "" }, { 's', "a BAD no\r\n", "" },
		{ 'c', "c UNAUTHENTICATE\r\nd", "d" } },
	    DIALOGUE_LEAVING },
	{ "or ended by the session, while the client says DONE",
	    { { 'c', "b IDLE\r\n", "" },
		{ 's', "+ idling\r\nb NO gone\r\n", "" },
		{ 'c', "DONE\r\nc UNAUTHENTICATE\r\n", "c UNAUTHENTICATE\r\n" },
		{ 's', "DONE BAD\r\n", "" },
		{ 'c', "c UNAUTHENTICATE\r\nd", "d" } },
	    DIALOGUE_LEAVING },
	{ "the session's literals",
	    { { 's', "* 1 FETCH (BODY[] {6}\r\n+ OK\r\n BODY[1] {4}\r\n", "" },
		{ 's', "+ \r\n", "" },
		{ 's', ")\r\n* LIST () \"a\\\"\\\\\" ~{3}\r\n+\r\n", "" },
		{ 's', "\r\n", "" } },
	    DIALOGUE_READY },
	{ "one in a string",
	    { { 's', "* LIST () \"/\" \"foo\\\" {6}\r\n+ OK\r\n",
		"\n+ OK\r\n" } },
	    DIALOGUE_BROKEN },
	{ "a + that nobody waits for",
	    { { 's', "* OK\r\n+ OK\r\n", "+ OK\r\n" } }, DIALOGUE_BROKEN },
	{ "two for one literal",
	    { { 'c', "a APPEND x {1}\r\n", "" },
		{ 's', "+ OK\r\n+ OK\r\n", "+ OK\r\n" } },
	    DIALOGUE_BROKEN },
	{ "a literal in a text",
	    { { 's', "* OK x {6}\r\n+ OK\r\n", "\n+ OK\r\n" } },
	    DIALOGUE_BROKEN },
	{ "one behind a tag",
	    { { 'c', "a NOOP\r\n", "" }, { 's', "a NO {6}\r\n", "\n" } },
	    DIALOGUE_BROKEN },
	{ "one that is sent without being asked for",
	    { { 's', "* LIST {6+}\r\n", "\n" } }, DIALOGUE_BROKEN },
	{ "LF without CR", { { 's', "* x\n+ OK\r\n", "\n+ OK\r\n" } },
	    DIALOGUE_BROKEN },
	{ "CR without LF", { { 's', "* x\r+ OK\r\n", "+ OK\r\n" } },
	    DIALOGUE_BROKEN },
	{ "a literal that is no number",
	    { { 'c', "a X {9223372036854775808+}\r\n", "\n" } },
	    DIALOGUE_BROKEN },
	{ "braces that announce nothing",
	    { { 'c', "a X {1 +}\r\n", "" }, { 's', "a BAD\r\n", "" },
		{ 'c', "b X {}\r\n", "" }, { 's', "b BAD\r\n", "" },
		{ 'c', "c X {+}\r\n", "" }, { 's', "c BAD\r\n", "" },
		{ 'c', "d X {1++}\r\n", "" } },
	    DIALOGUE_WHOLE },
	{ "nor these",
	    { { 'c', "e X {1}x\r\n", "" }, { 's', "e BAD\r\n", "" },
		{ 'c', "f X {{1}}\r\n", "" }, { 's', "f BAD\r\n", "" },
		{ 'c', "g X {1}\r\r\n", "" }, { 's', "g BAD\r\n", "" },
		{ 'c', "h X 1}\r\n", "" } },
	    DIALOGUE_WHOLE },
};

/* All of it, or each byte as if it came alone; what is held is given again. */
static bool
says(struct dialogue *dialogue, const struct turn *turn, size_t step)
{
	struct span rest = span_of(turn->bytes);
	size_t given = 0;
	size_t passed = 0;

	while (given < rest.len) {
		given = given + step < rest.len ? given + step : rest.len;
		const struct span more =
		    span_slice(rest, passed, given - passed);
		passed += turn->side == 'c'
			      ? dialogue_hear_client(dialogue, more)
			      : dialogue_hear_session(dialogue, more);
	}
	return span_equal(
	    span_slice(rest, passed, rest.len), span_of(turn->held));
}

static void
begin(struct dialogue *dialogue)
{
	dialogue_init(dialogue, span_of("l"));
	CHECK("nothing is passed on before the log-in is answered",
	    dialogue_hear_client(dialogue, span_of("a")) == 0);
	dialogue_hear_session(dialogue, span_of("l OK in\r\n"));
}

static void
run(size_t i, size_t step)
{
	struct dialogue dialogue;
	bool is_right = true;

	begin(&dialogue);
	for (const struct turn *turn = cases[i].turns;
	     turn < cases[i].turns + TURNS_MAX && turn->side != '\0'; turn++)
		is_right &= says(&dialogue, turn, step);
	CHECK(cases[i].label, is_right && dialogue.state == cases[i].state);
}

static void
test_tags(void)
{
	static const char tail[] = " UNAUTHENTICATE\r\nb";
	struct dialogue dialogue;

	for (size_t len = 200; len <= 201; len++) {
		struct buf command = buf_new(1000);

		for (size_t i = 0; i < len; i++)
			buf_add_char(&command, 'a');
		buf_add_string(&command, tail);
		begin(&dialogue);
		size_t passed =
		    dialogue_hear_client(&dialogue, buf_span(&command));
		CHECK("a long tag", len == 200
					? passed == command.len - 1 &&
					      dialogue.state == DIALOGUE_LEAVING
					: dialogue.state == DIALOGUE_BROKEN);
		buf_free(&command);
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		run(i, SIZE_MAX / 2);
		run(i, 1);
	}
	test_tags();
	return test_result();
}
