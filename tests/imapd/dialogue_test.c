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
	{ "commands and answers",
	    { { 's', "l OK in\r\n", "" },
		{ 'c', "a NOOP\r\nb SELECT INBOX\r\n", "" },
		{ 's', "a OK done\r\n* 1 EXISTS\r\nb OK\r\n", "" } },
	    DIALOGUE_RUNNING },
	{ "what is behind UNAUTHENTICATE is held, and its answer ends it",
	    { { 's', "l OK in\r\n", "" },
		{ 'c', "a unAuthenticate\r\nb LOGIN x y\r\n",
		    "b LOGIN x y\r\n" },
		{ 's', "a OK done\r\nb OK forged\r\n", "b OK forged\r\n" },
		{ 'c', "b LOGIN x y\r\n", "b LOGIN x y\r\n" } },
	    DIALOGUE_LEFT },
	{ "LF alone ends it, too", { { 'c', "a UNAUTHENTICATE\nb", "b" } },
	    DIALOGUE_LEAVING },
	{ "more in the line is another command",
	    { { 'c',
		"a UNAUTHENTICATE \r\nb UNAUTHENTICATEX\r\n"
		"c  UNAUTHENTICATE\r\nUNAUTHENTICATE\r\nd NOOP {0+}\r\n\r\n"
		"e UNAUTHENTICATE\r\r\nUID UNAUTHENTICATE {0+}\r\n\r\n",
		"" } },
	    DIALOGUE_RUNNING },
	{ "answers to what was before it pass",
	    { { 's', "l OK in\r\n", "" },
		{ 'c', "a NOOP\r\nb UNAUTHENTICATE\r\nc", "c" },
		{ 's', "* 3 EXISTS\r\na OK done\r\n", "" },
		{ 's', "b OK done\r\n", "" } },
	    DIALOGUE_LEFT },
	{ "the same tag twice",
	    { { 's', "l OK in\r\n", "" },
		{ 'c', "a NOOP\r\na UNAUTHENTICATE\r\nc", "c" },
		{ 's', "a OK done\r\n", "" } },
	    DIALOGUE_LEAVING },
	{ "another answer to it than OK",
	    { { 's', "l OK in\r\n", "" }, { 'c', "a UNAUTHENTICATE\r\n", "" },
		{ 's', "a BAD no\r\n", "\n" } },
	    DIALOGUE_BROKEN },
	{ "the answer of another command, which was not there",
	    { { 's', "l OK in\r\n", "" }, { 'c', "a UNAUTHENTICATE\r\nb", "b" },
		{ 's', "b OK\r\n", "\n" } },
	    DIALOGUE_BROKEN },
	{ "a literal is no command",
	    { { 'c',
		"a APPEND x {18+}\r\nx UNAUTHENTICATE\r\n\r\n"
		"b APPEND x ~{018+}\r\nx UNAUTHENTICATE\r\n {1+}\r\nx\r\n",
		"" } },
	    DIALOGUE_RUNNING },
	{ "the line behind a literal is none",
	    { { 'c', "a LIST \"\" {1+}\r\nx\r\na LIST {1+}\r\nx ", "" },
		{ 'c', "{17+}\r\n", "" }, { 'c', "a UNAUTHENTICATE\r", "" },
		{ 'c', "\n", "" } },
	    DIALOGUE_RUNNING },
	{ "a literal that is asked for",
	    { { 'c', "a APPEND x {18}\r\nx UNAUTHENTICATE\r\n",
		  "x UNAUTHENTICATE\r\n" },
		{ 's', "* 1 EXISTS\r\n+ OK\r\n", "" },
		{ 'c', "x UNAUTHENTICATE\r\n\r\nb NOOP\r\n", "" } },
	    DIALOGUE_RUNNING },
	{ "one that is refused",
	    { { 'c', "a APPEND x {18}\r\n", "" }, { 's', "l OK in\r\n", "" },
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
		{ 'c', "DONE\r\nb UNAUTHENTICATE\r\nc", "c" } },
	    DIALOGUE_LEAVING },
	{ "IDLE without DONE",
	    { { 's', "l OK\r\n", "" }, { 'c', "a IDLE\r\n", "" },
		{ 's', "+ idling\r\n* 1 EXISTS\r\n", "" },
		{ 'c', "b UNAUTHENTICATE\r\nc", "c" },
		{ 's', "a BAD DONE ends IDLE\r\nb OK done\r\n", "" } },
	    DIALOGUE_LEFT },
	{ "IDLE that is refused, or ended by the session",
	    { { 'c', "a IDLE\r\n", "" }, { 's', "a BAD no\r\n", "" },
		{ 'c', "b IDLE\r\n", "" },
		{ 's', "+ idling\r\nb NO gone\r\n", "" },
		{ 'c', "c UNAUTHENTICATE\r\nd", "d" } },
	    DIALOGUE_LEAVING },
	{ "the session's literals",
	    { { 's', "* 1 FETCH (BODY[] {6}\r\n+ OK\r\n BODY[1] {4}\r\n", "" },
		{ 's', "+ \r\n", "" },
		{ 's', ")\r\n* LIST () NIL ~{3}\r\n+\r\n", "" },
		{ 's', "\r\n", "" } },
	    DIALOGUE_RUNNING },
	{ "a + that nobody waits for",
	    { { 's', "* OK\r\n+ OK\r\n", "+ OK\r\n" } }, DIALOGUE_BROKEN },
	{ "two for one literal",
	    { { 'c', "a APPEND x {1}\r\n", "" },
		{ 's', "+ OK\r\n+ OK\r\n", "+ OK\r\n" } },
	    DIALOGUE_BROKEN },
	{ "a literal in a text",
	    { { 's', "* OK x {6}\r\n+ OK\r\n", "\n+ OK\r\n" } },
	    DIALOGUE_BROKEN },
	{ "one behind a tag", { { 's', "a NO {6}\r\n", "\n" } },
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
	    { { 'c',
		"a X {1 +}\r\nb X {}\r\nc X {+}\r\nd X {1++}\r\n"
		"e X {1}x\r\nf X {{1}}\r\ng X {1}\r\r\nh X 1}\r\n",
		"" } },
	    DIALOGUE_RUNNING },
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
run(size_t i, size_t step)
{
	struct dialogue dialogue;
	bool is_right = true;

	dialogue_init(&dialogue);
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
		dialogue_init(&dialogue);
		size_t passed =
		    dialogue_hear_client(&dialogue, buf_span(&command));
		CHECK("a long tag", len == 200
					? passed == command.len - 1 &&
					      dialogue.state == DIALOGUE_LEAVING
					: dialogue.state == DIALOGUE_BROKEN);
		buf_free(&command);
	}
}

static void
test_end(void)
{
	struct dialogue dialogue;

	dialogue_init(&dialogue);
	dialogue_hear_client(&dialogue, span_of("a UNAUTHENTICATE\r\n"));
	dialogue_hear_session(&dialogue, span_of("a OK done\r\n"));
	CHECK("an end is one, though an answer was missing",
	    dialogue.state == DIALOGUE_LEAVING && dialogue_has_left(&dialogue));
	dialogue_hear_session(&dialogue, span_of("* BYE\r\n"));
	CHECK("but not behind other words", !dialogue_has_left(&dialogue));
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		run(i, SIZE_MAX / 2);
		run(i, 1);
	}
	test_tags();
	test_end();
	return test_result();
}
