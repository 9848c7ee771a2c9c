/*
 * local_test - loop detection, exit codes, command records, expansion.
 */

#include <stdlib.h>

#include "local/command.h"
#include "local/expand.h"
#include "local/header.h"
#include "local/program.h"
#include "test.h"

static const struct {
	const char *header;
	bool has;
} headers[] = {
	{ "Delivered-To: r@example.org\n\n", true },
	{ "Subject: x\ndelivered-to:R@Example.org \n\n", true },
	{ "Subject: x\n\nDelivered-To: r@example.org\n", false },
	{ "Delivered-To: rr@example.org\n\n", false },
	{ "X-Delivered-To: r@example.org\n\n", false },
	{ "", false },
	{ "Delivered-To: r@example.org", true },
};

static const struct {
	int code;
	enum verdict_kind kind;
} codes[] = { { 0, VERDICT_DELIVERED }, { 99, VERDICT_DELIVERED },
	{ 100, VERDICT_FAILED }, { 64, VERDICT_FAILED }, { 65, VERDICT_FAILED },
	{ 70, VERDICT_FAILED }, { 76, VERDICT_FAILED }, { 77, VERDICT_FAILED },
	{ 78, VERDICT_FAILED }, { 112, VERDICT_FAILED }, { 1, VERDICT_LATER },
	{ 67, VERDICT_LATER }, { 75, VERDICT_LATER }, { 111, VERDICT_LATER },
	{ 127, VERDICT_LATER } };

/* lookup's answers to this test. */
static const struct {
	const char *address;
	enum lookup_kind kind;
	const char *target;
	const char *owner;
} world[] = {
	{ "all", LOOKUP_ALIAS, "joe, x@r.example, sub, JOE", "" },
	{ "sub", LOOKUP_ALIAS, "y@r.example, \"|cmd\", /file, /dir/", "own@h" },
	{ "joe", LOOKUP_MAILBOX, "", "" },
	{ "circle", LOOKUP_ALIAS, "circle2", "" },
	{ "circle2", LOOKUP_ALIAS, "circle", "" },
	{ "own", LOOKUP_ALIAS, "own, z@r.example", "" },
	{ "\\own", LOOKUP_MAILBOX, "", "" },
	{ "bad", LOOKUP_ALIAS, "joe, nobody", "" },
	{ "inc", LOOKUP_ALIAS, ":include:/list, :include:/list", "" },
	{ "broken", LOOKUP_LATER, "", "" },
	{ "deep", LOOKUP_ALIAS, "deep+1", "" },
	{ "deep+1", LOOKUP_ALIAS, "deep+2", "" },
};

static void
ask_world(void *context, struct span address, struct packet *packet,
    struct lookup_answer *answer)
{
	(void)context, (void)packet;
	*answer = (struct lookup_answer){ .kind = LOOKUP_UNKNOWN };
	if (span_index(address, '@') < address.len)
		answer->kind = LOOKUP_REMOTE;
	for (size_t i = 0; i < sizeof(world) / sizeof(world[0]); i++) {
		if (!span_equal_nocase(address, span_of(world[i].address)))
			continue;
		*answer = (struct lookup_answer){ .kind = world[i].kind,
			.uid = 1001,
			.gid = 1001,
			.account = address,
			.home = span_of("/home"),
			.mailbox = span_of("maildir:/home/Maildir"),
			.target = span_of(world[i].target),
			.owner = span_of(world[i].owner),
			.text = span_of("no table") };
	}
}

/* The kinds of the actions, in order, and how it stands. */
static void
describe(const struct expansion *expansion, char *text, size_t size)
{
	size_t len = 0;

	for (const struct action *action = expansion->actions;
	     action != NULL && len + 3 < size; action = action->next)
		text[len++] = (char)action->kind;
	if (expansion->is_failed)
		text[len++] = '-';
	if (expansion->is_later)
		text[len++] = '~';
	text[len] = '\0';
}

static const struct {
	const char *recipient;
	const char *result;
} expansions[] = {
	{ "joe", "L" },
	{ "x@r.example", "W" },
	{ "all", "LWWPFL" }, /* two forwards: sub has an owner */
	{ "circle", "" },
	{ "own", "LW" },
	{ "bad", "L-" },
	{ "inc", "I" },
	{ "broken", "~" },
	{ "nobody", "-" },
	{ "deep", "-" },
};

static void
test_expansions(void)
{
	const struct expander expander = { .lookup = ask_world };
	struct expansion expansion;
	char text[64];

	for (size_t i = 0; i < sizeof(expansions) / sizeof(expansions[0]);
	     i++) {
		expand_start(
		    &expansion, &expander, span_of(expansions[i].recipient));
		describe(&expansion, text, sizeof(text));
		CHECK(expansions[i].recipient,
		    strcmp(text, expansions[i].result) == 0);
		if (strcmp(text, expansions[i].result) != 0)
			printf("# %s\n", text);
		expand_free(&expansion);
	}
	expand_start(&expansion, &expander, span_of("inc"));
	struct action *include = expand_take_include(&expansion);
	expand_include(&expansion, include,
	    span_of("# list\njoe, a@r.example\n\n  b@r.example\n"
		    ":include:/list\n"));
	describe(&expansion, text, sizeof(text));
	CHECK("an include adds members, and never itself",
	    strcmp(text, "LW") == 0);
	expand_include(&expansion, include, span_of("|cmd"));
	CHECK("an include may not name programs", expansion.is_later);
	action_free(include);
	expand_free(&expansion);
}

static void
test_commands(void)
{
	struct buf bytes = buf_new(PACKET_MAX);
	struct command parsed;
	const struct command command = { .number = 7,
		.kind = COMMAND_FORWARD,
		.path = span_of("/p"),
		.sender = span_of(""),
		.recipient = span_of("r@example.org"),
		.recipients = { "Ta\0Tb\0", 6 },
		.offset = 3,
		.length = 1 << 20,
		.is_8bit = true,
		.may_be_there = true };

	command_add(&bytes, &command);
	CHECK("a command is read as it was written",
	    command_parse(buf_span(&bytes), &parsed) && parsed.number == 7 &&
		parsed.kind == COMMAND_FORWARD && parsed.offset == 3 &&
		parsed.length == 1 << 20 && parsed.is_8bit &&
		parsed.may_be_there && !parsed.is_whole &&
		span_equal(parsed.path, command.path) &&
		span_equal(parsed.recipients, command.recipients));
	CHECK("half a command is none",
	    !command_parse(span_slice(buf_span(&bytes), 0, 8), &parsed));
	CHECK("nothing is no command", !command_parse(span_of(""), &parsed));
	buf_free(&bytes);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		CHECK(headers[i].header,
		    header_has_delivered_to(span_of(headers[i].header),
			span_of("r@example.org")) == headers[i].has);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		CHECK("exit code",
		    program_verdict(codes[i].code) == codes[i].kind);
	test_commands();
	test_expansions();
	return test_result();
}
