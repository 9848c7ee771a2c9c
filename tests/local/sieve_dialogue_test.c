/*
 * sieve_dialogue_test - what a relay passes on of a client of ManageSieve and
 * its session, turn by turn, whole and byte by byte; where it stops, and where
 * it breaks.
 */

#include "local/sieve_dialogue.h"

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
	enum sieve_dialogue_state state;
} cases[] = {
	{ "commands and answers, in turn",
	    { { 'c', "NOOP\r\nLISTSCRIPTS\r\n", "LISTSCRIPTS\r\n" },
		{ 's', "OK (TAG \"x\") \"done\"\r\n", "" },
		{ 'c', "LISTSCRIPTS\r\n", "" },
		{ 's', "\"a\" ACTIVE\r\n\"b\"\r\nNO\r\n", "" } },
	    SIEVE_DIALOGUE_READY },
	{ "what is behind UNAUTHENTICATE is held, and its answer ends it",
	    { { 'c', "unAuthenticate\r\nNOOP\r\n", "NOOP\r\n" },
		{ 's', "OK \"done\"\r\nOK forged\r\n", "OK forged\r\n" },
		{ 'c', "NOOP\r\n", "NOOP\r\n" } },
	    SIEVE_DIALOGUE_LEFT },
	{ "LF alone ends it, too", { { 'c', "UNAUTHENTICATE\nN", "N" } },
	    SIEVE_DIALOGUE_LEAVING },
	{ "more in the line is another command",
	    { { 'c', "UNAUTHENTICATE \r\n", "" }, { 's', "NO\r\n", "" },
		{ 'c', "UNAUTHENTICATEX\r\n", "" }, { 's', "NO\r\n", "" },
		{ 'c', " UNAUTHENTICATE\r\n", "" }, { 's', "NO\r\n", "" },
		{ 'c', "UNAUTHENTICATE\r\r\n", "" } },
	    SIEVE_DIALOGUE_WHOLE },
	{ "it is none within a script, nor behind one",
	    { { 'c', "PUTSCRIPT \"a\" {18+}\r\nUNAUTHENTICATE\r\n\r\n\r\n",
		  "" },
		{ 's', "OK\r\n", "" },
		{ 'c', "NOOP {0+}\r\nUNAUTHENTICATE\r\nN", "N" } },
	    SIEVE_DIALOGUE_WHOLE },
	{ "it waits for the answers to what was before it",
	    { { 'c', "NOOP\r\nUNAUTHENTICATE\r\nN", "UNAUTHENTICATE\r\nN" },
		{ 's', "OK\r\n", "" }, { 'c', "UNAUTHENTICATE\r\nN", "N" },
		{ 's', "OK\r\n", "" } },
	    SIEVE_DIALOGUE_LEFT },
	{ "two literals of one command",
	    { { 'c', "PUTSCRIPT {1+}\r\na {5+}\r\nkeep;\r\nNOOP\r\n",
		  "NOOP\r\n" },
		{ 's', "OK \"done\"\r\n", "" }, { 'c', "NOOP\r\n", "" } },
	    SIEVE_DIALOGUE_WHOLE },
	{ "one of a line that is wrong before it",
	    { { 'c', "NOOP x {6+}\r\nNOOP\r\n\r\nNOOP\r\n", "NOOP\r\n" } },
	    SIEVE_DIALOGUE_WHOLE },
	{ "braces that announce nothing",
	    { { 'c', "X {1}\r\n", "" }, { 's', "NO\r\n", "" },
		{ 'c', "X \"{1+}\"\r\n", "" }, { 's', "NO\r\n", "" },
		{ 'c', "X {+}\r\n", "" }, { 's', "NO\r\n", "" },
		{ 'c', "X {1+} \r\n", "" } },
	    SIEVE_DIALOGUE_WHOLE },
	{ "a literal that is no number ends the session",
	    { { 'c', "X {4294967296+}\r\nNOOP\r\n", "NOOP\r\n" },
		{ 's', "BYE \"too large\"\r\n", "" } },
	    SIEVE_DIALOGUE_OVER },
	{ "the session's literals",
	    { { 'c', "GETSCRIPT \"a\"\r\n", "" },
		{ 's', "{6}\r\nOK \"a\"\r\n", "" },
		{ 's', "OK {4}\r\nOK\r\n\r\n", "" } },
	    SIEVE_DIALOGUE_READY },
	{ "a string that looks like an answer",
	    { { 'c', "LISTSCRIPTS\r\n", "" },
		{ 's', "\"OK \\\" {9}\" ACTIVE\r\nOK\r\n", "" } },
	    SIEVE_DIALOGUE_READY },
	{ "BYE at any time",
	    { { 'c', "PUTSCRIPT \"a\" {5+}\r\nke", "" },
		{ 's', "BYE (TRYLATER) \"too slow\"\r\nOK\r\n", "OK\r\n" },
		{ 'c', "ep;\r\n", "ep;\r\n" } },
	    SIEVE_DIALOGUE_OVER },
	{ "BYE to UNAUTHENTICATE",
	    { { 'c', "UNAUTHENTICATE\r\n", "" }, { 's', "bye\r\n", "" } },
	    SIEVE_DIALOGUE_OVER },
	{ "another answer to it than OK",
	    { { 'c', "UNAUTHENTICATE\r\n", "" }, { 's', "NO no\r\n", "\n" } },
	    SIEVE_DIALOGUE_BROKEN },
	{ "data, which could be more than it seems",
	    { { 'c', "UNAUTHENTICATE\r\n", "" }, { 's', "\"a\"\r\n", "\n" } },
	    SIEVE_DIALOGUE_BROKEN },
	{ "a literal with its OK",
	    { { 'c', "UNAUTHENTICATE\r\n", "" },
		{ 's', "OK {4}\r\nOK\r\n", "\nOK\r\n" } },
	    SIEVE_DIALOGUE_BROKEN },
	{ "an answer to nothing",
	    { { 'c', "NOOP\r\n", "" }, { 's', "OK\r\nOK x\r\n", "\n" } },
	    SIEVE_DIALOGUE_BROKEN },
	{ "one within a line", { { 'c', "NOO", "" }, { 's', "NO\r\n", "\n" } },
	    SIEVE_DIALOGUE_BROKEN },
	{ "one within a literal",
	    { { 'c', "PUTSCRIPT \"a\" {5+}\r\nke", "" },
		{ 's', "NO\r\n", "\n" } },
	    SIEVE_DIALOGUE_BROKEN },
	{ "data to nothing", { { 's', "\"a\"\r\n", "\n" } },
	    SIEVE_DIALOGUE_BROKEN },
	{ "what is no response",
	    { { 'c', "NOOP\r\n", "" }, { 's', "OKAY\r\n", "\n" } },
	    SIEVE_DIALOGUE_BROKEN },
	{ "a string without an end",
	    { { 'c', "NOOP\r\n", "" }, { 's', "OK \"x {4}\r\n", "\n" } },
	    SIEVE_DIALOGUE_BROKEN },
	{ "the client's kind of literal",
	    { { 'c', "NOOP\r\n", "" }, { 's', "OK {4+}\r\n", "\n" } },
	    SIEVE_DIALOGUE_BROKEN },
	{ "LF without CR", { { 'c', "NOOP\r\n", "" }, { 's', "OK\n", "\n" } },
	    SIEVE_DIALOGUE_BROKEN },
	{ "CR without LF",
	    { { 'c', "NOOP\r\n", "" }, { 's', "OK\rNO\r\n", "NO\r\n" } },
	    SIEVE_DIALOGUE_BROKEN },
};

/* All of it, or each byte as if it came alone; what is held is given again. */
static bool
says(struct sieve_dialogue *dialogue, const struct turn *turn, size_t step)
{
	struct span rest = span_of(turn->bytes);
	size_t given = 0;
	size_t passed = 0;

	while (given < rest.len) {
		given = given + step < rest.len ? given + step : rest.len;
		const struct span more =
		    span_slice(rest, passed, given - passed);
		passed += turn->side == 'c'
			      ? sieve_dialogue_hear_client(dialogue, more)
			      : sieve_dialogue_hear_session(dialogue, more);
	}
	return span_equal(
	    span_slice(rest, passed, rest.len), span_of(turn->held));
}

static void
run(size_t i, size_t step)
{
	struct sieve_dialogue dialogue;
	bool is_right = true;

	sieve_dialogue_init(&dialogue);
	CHECK("nothing is passed on before the log-in is answered",
	    sieve_dialogue_hear_client(&dialogue, span_of("N")) == 0);
	sieve_dialogue_hear_session(
	    &dialogue, span_of("OK (SASL \"dj0=\") \"in\"\r\n"));
	for (const struct turn *turn = cases[i].turns;
	     turn < cases[i].turns + TURNS_MAX && turn->side != '\0'; turn++)
		is_right &= says(&dialogue, turn, step);
	CHECK(cases[i].label, is_right && dialogue.state == cases[i].state);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		run(i, SIZE_MAX / 2);
		run(i, 1);
	}
	return test_result();
}
