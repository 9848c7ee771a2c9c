/*
 * tree_test - what a script's text becomes: strings, tags and arguments in
 * their places, and what an ihave defers.
 */

#include "sieve/tree.h"

#include "sieve/grammar.h"
#include "test.h"

/* A script that must compile; freed by its test. */
static struct sieve_script *
compiled(const char *text)
{
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	struct sieve_script *script = sieve_compile(span_of(text), &errors);

	CHECK(text, script != NULL && errors.len == 0);
	if (errors.len > 0)
		printf("# %.*s", (int)errors.len, errors.data);
	buf_free(&errors);
	return script;
}

/* Of all commands, also within each other, the first that is such a word. */
static const struct sieve_node *
find(const struct sieve_node *node, enum sieve_word word)
{
	for (; node != NULL; node = node->next) {
		const struct sieve_node *found;

		if (node->word == word)
			return node;
		if ((found = find(node->tests, word)) != NULL ||
		    (found = find(node->block, word)) != NULL)
			return found;
	}
	return NULL;
}

static bool
is(struct sieve_list list, const char *first)
{
	return list.items != NULL && list.count > 0 &&
	       span_equal(list.items[0], span_of(first));
}

/* ---- strings ---- */

/* The value of a string, as it stands in a script that requires all that
 * changes strings. */
static const struct {
	const char *text;
	const char *value;
} strings[] = {
	{ "\"\"", "" },
	{ "\"a\"", "a" },
	{ "\"\\\"\\\\\\a\"", "\"\\a" },
	{ "\"a\nb\r\nc\"", "a\r\nb\r\nc" },
	{ "\"a\\\nb\"", "a\r\nb" },
	{ "\"/* # */\"", "/* # */" },
	{ "text:\n.\n", "" },
	{ "text: \t # more\r\na\r\n.\r\n", "a\r\n" },
	{ "TEXT:\n..\n...\n..a\n.a\n\n.\n", ".\r\n..\r\n.a\r\n.a\r\n\r\n" },
	{ "text:\na\\\"\n.\n", "a\\\"\r\n" },
	{ "\"\xc3\xa4\"", "\xc3\xa4" },
	/* RFC 5228 section 2.4.2.4 */
	{ "\"$${hex:40}\"", "$@" },
	{ "\"${hex: 40 }\"", "@" },
	{ "\"${HEX: 40}\"", "@" },
	{ "\"${hex:40\"", "${hex:40" },
	{ "\"${hex:400}\"", "${hex:400}" },
	{ "\"${hex:4${hex:30}}\"", "${hex:40}" },
	{ "\"${unicode:40}\"", "@" },
	{ "\"${ unicode:40}\"", "${ unicode:40}" },
	{ "\"${UNICODE:40}\"", "@" },
	{ "\"${UnICoDE:0000040}\"", "@" },
	{ "\"${Unicode:40}\"", "@" },
	{ "\"${Unicode:Cool}\"", "${Unicode:Cool}" },
	{ "\"${hex:}\"", "${hex:}" },
	{ "\"${hex: }\"", "${hex: }" },
	{ "\"${hex:4 1\n42\t}\"", "\x04\x01"
				  "B" },
	{ "\"${hex:fF}\"", "\xff" },
	{ "\"${unicode:e4 20ac 1F600}\"",
	    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ "\"${unicode:10ffff}${unicode:D7FF}\"",
	    "\xf4\x8f\xbf\xbf\xed\x9f\xbf" },
	{ "\"${unicode:110000x}\"", "${unicode:110000x}" },
	{ "\"$\\{hex:40}\"", "@" },
	/* RFC 5229 section 3.1: before variables are. */
	{ "\"dear${hex:20 24 7b 4e}ame}\"", "dear ${Name}" },
};

static void
test_strings(void)
{
	struct buf text = buf_new(1000);

	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
		buf_clear(&text);
		buf_printf(&text,
		    "require [\"variables\", \"encoded-character\"];\n"
		    "set \"a\" %s;",
		    strings[i].text);
		struct sieve_script *script = compiled(buf_string(&text));

		if (script != NULL)
			CHECK(strings[i].text,
			    is(find(script->first, WORD_SET)->arguments[1],
				strings[i].value));
		sieve_free(script);
	}
	buf_free(&text);
	struct sieve_script *plain =
	    compiled("if header \"a\" \"${hex:40}\" { }");
	CHECK("nothing is decoded that is not required",
	    plain != NULL &&
		is(plain->first->tests->arguments[1], "${hex:40}"));
	sieve_free(plain);
}

/* ---- numbers ---- */

static const struct {
	const char *text;
	uint64_t value;
} numbers[] = {
	{ "0", 0 },
	{ "007", 7 },
	{ "1k", 1024 },
	{ "2M", 2 << 20 },
	{ "4G", UINT64_C(4) << 30 },
	{ "2147483647", 2147483647 },
	{ "9223372036854775807", INT64_MAX },
	{ "9007199254740991K", UINT64_C(9007199254740991) << 10 },
};

static void
test_numbers(void)
{
	struct buf text = buf_new(100);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		buf_clear(&text);
		buf_printf(&text, "if size :under %s { }", numbers[i].text);
		struct sieve_script *script = compiled(buf_string(&text));

		if (script != NULL)
			CHECK(numbers[i].text,
			    script->first->tests->number == numbers[i].value &&
				script->first->tests->flags == 0);
		sieve_free(script);
	}
	buf_free(&text);
}

/* ---- tags ---- */

static void
test_matching(void)
{
	struct sieve_script *script = compiled(
	    "require [\"relational\", \"comparator-i;ascii-numeric\", "
	    "\"subaddress\", \"index\"];\n"
	    "if anyof (header \"a\" \"b\",\n"
	    "ADDRESS :Count \"GE\" :comparator \"i;ascii-numeric\" :detail\n"
	    ":index 2 :last [\"a\", \"b\"] [\"c\"]) { }");
	if (script == NULL)
		return;
	const struct sieve_node *plain = find(script->first, WORD_HEADER);
	const struct sieve_node *full = find(script->first, WORD_ADDRESS);
	CHECK("defaults", plain->match == MATCH_IS && plain->flags == 0 &&
			      plain->comparator == COMPARATOR_ASCII_CASEMAP &&
			      plain->index == 0 && plain->seconds == -1 &&
			      plain->part == ADDRESS_ALL && plain->line == 2 &&
			      plain->needs == 0);
	CHECK("all that was given",
	    full->match == MATCH_COUNT && full->relation == RELATION_GE &&
		full->comparator == COMPARATOR_ASCII_NUMERIC &&
		full->part == ADDRESS_DETAIL && full->index == 2 &&
		full->flags == (FLAG_LAST | FLAG_MATCH_GIVEN) &&
		full->line == 3 && full->arguments[0].count == 2 &&
		is(full->arguments[1], "c"));
	CHECK("beside each other", plain->next == full && full->next == NULL);
	sieve_free(script);
}

static void
test_options(void)
{
	struct sieve_script *script = compiled(
	    "require [\"vacation-seconds\", \"fileinto\", \"imap4flags\", "
	    "\"copy\", \"mailbox\", \"body\", \"duplicate\"];\n"
	    "fileinto :copy :create :flags [\"a\", \"b\"] \"box\";\n"
	    "vacation :days 2 :subject \"s\" :from \"a@b.example\"\n"
	    ":addresses \"c\" :mime :handle \"h\" \"r\";\n"
	    "if body \"a\" { } elsif duplicate :uniqueid \"u\" :seconds 5 { }");
	if (script == NULL)
		return;
	const struct sieve_node *file = find(script->first, WORD_FILEINTO);
	const struct sieve_node *vacation = find(script->first, WORD_VACATION);
	const struct sieve_node *duplicate =
	    find(script->first, WORD_DUPLICATE);
	CHECK("fileinto", file->flags == (FLAG_COPY | FLAG_CREATE) &&
			      file->options[OPTION_FLAGS].count == 2 &&
			      is(file->arguments[0], "box"));
	CHECK("vacation",
	    vacation->seconds == 172800 && vacation->flags == FLAG_MIME &&
		is(vacation->options[OPTION_SUBJECT], "s") &&
		is(vacation->options[OPTION_FROM], "a@b.example") &&
		is(vacation->options[OPTION_ADDRESSES], "c") &&
		is(vacation->options[OPTION_HANDLE], "h") &&
		is(vacation->arguments[0], "r"));
	CHECK("body is :text by default",
	    find(script->first, WORD_BODY)->flags == FLAG_TEXT);
	CHECK("duplicate", duplicate->flags == FLAG_UNIQUEID &&
			       duplicate->seconds == 5 &&
			       is(duplicate->options[OPTION_UNIQUEID], "u") &&
			       duplicate->options[OPTION_HEADER].items == NULL);
	sieve_free(script);
}

static const struct {
	const char *argument;
	int64_t seconds;
} periods[] = {
	{ "", -1 },
	{ ":days 0", 86400 },
	{ ":days 1", 86400 },
	{ ":days 9223372036854775807", INT32_MAX },
	{ ":seconds 0", 0 },
	{ ":seconds 30", 30 },
	{ ":seconds 2147483648", INT32_MAX },
};

/* RFC 5230 section 4.1, RFC 6131 section 2: none of them is an error. */
static void
test_periods(void)
{
	struct buf text = buf_new(200);

	for (size_t i = 0; i < sizeof(periods) / sizeof(*periods); i++) {
		buf_clear(&text);
		buf_printf(&text,
		    "require \"vacation-seconds\"; vacation %s \"a\";",
		    periods[i].argument);
		struct sieve_script *script = compiled(buf_string(&text));

		if (script != NULL)
			CHECK(periods[i].argument,
			    find(script->first, WORD_VACATION)->seconds ==
				periods[i].seconds);
		sieve_free(script);
	}
	buf_free(&text);
}

/* ---- arguments that may be left out ---- */

static void
test_left_out(void)
{
	struct sieve_script *script = compiled(
	    "require [\"imap4flags\", \"variables\", \"editheader\"];\n"
	    "setflag \"f\"; addflag \"v\" [\"f\", \"g\"];\n"
	    "deleteheader \"h\"; if hasflag [\"v\", \"w\"] \"f\" {\n"
	    "deleteheader :contains \"h\" \"p\"; }");
	if (script == NULL)
		return;
	const struct sieve_node *set = find(script->first, WORD_SETFLAG);
	const struct sieve_node *add = find(script->first, WORD_ADDFLAG);
	const struct sieve_node *has = find(script->first, WORD_HASFLAG);
	const struct sieve_node *test = find(script->first, WORD_IF);
	const struct sieve_node *delete =
	    find(script->first, WORD_DELETEHEADER);
	CHECK("setflag",
	    set->arguments[0].items == NULL && is(set->arguments[1], "f"));
	CHECK("addflag",
	    is(add->arguments[0], "v") && add->arguments[1].count == 2);
	CHECK("hasflag",
	    has->arguments[0].count == 2 && is(has->arguments[1], "f"));
	CHECK("deleteheader", is(delete->arguments[0], "h") &&
				  delete->arguments[1].items == NULL);
	CHECK("deleteheader with patterns",
	    is(test->block->arguments[1], "p") &&
		test->block->match == MATCH_CONTAINS);
	sieve_free(script);
}

/* ---- RFC 5463 ---- */

static void
test_ihave(void)
{
	struct sieve_script *script =
	    compiled("require \"ihave\";\n"
		     "if allof (ihave [\"fileinto\", \"copy\"], true)\n"
		     "{ fileinto :copy \"a\"; }\n"
		     "fileinto \"b\";");
	if (script == NULL)
		return;
	uint64_t copy = EXTENSION_BIT(EXTENSION_COPY);
	uint64_t file = EXTENSION_BIT(EXTENSION_FILEINTO);
	CHECK("what an ihave allows is needed",
	    find(script->first, WORD_FILEINTO)->needs == (file | copy));
	CHECK("also after its block",
	    script->first->next->next->word == WORD_FILEINTO &&
		script->first->next->next->needs == file);
	CHECK(
	    "it is not required", !sieve_requires(script, span_of("fileinto")));
	CHECK("what ihave may name",
	    grammar_ihave(span_of("fileinto")) == file &&
		grammar_ihave(span_of("variables")) == 0 &&
		grammar_ihave(span_of("encoded-character")) == 0 &&
		grammar_ihave(span_of("nothing")) == 0);
	sieve_free(script);
}

/* What is not known fails when it is run, and no sooner. */
static void
test_deferred(void)
{
	struct sieve_script *script = compiled(
	    "require \"ihave\";\n"
	    "if allof (ihave \"nothing\", marvel :of \"a\") {\n"
	    "frobnicate :x 1 [\"a\"] { keep; }\n"
	    "redirect :slowly \"a@example.org\"; set \"a\" \"b\"; }\n"
	    "else { if header :comparator \"i;x\" \"a\" \"b\" { stop; } }");
	if (script == NULL)
		return;
	const struct sieve_node *test = find(script->first, WORD_ALLOF);
	const struct sieve_node *block = find(script->first, WORD_IF)->block;
	CHECK("a test",
	    test->tests->next->word == WORD_ERROR &&
		is(test->tests->next->arguments[0], "unknown test \"marvel\""));
	CHECK("a command",
	    block->word == WORD_ERROR && block->line == 3 &&
		is(block->arguments[0], "unknown command \"frobnicate\""));
	CHECK("a tag", block->next->word == WORD_ERROR &&
			   is(block->next->arguments[0],
			       "\"redirect\" has no tag \":slowly\""));
	CHECK("an extension", block->next->next->word == WORD_ERROR);
	CHECK("no more", block->next->next->next == NULL);
	CHECK("a comparator",
	    find(find(script->first, WORD_ELSE)->block, WORD_IF)->tests->word ==
		WORD_ERROR);
	sieve_free(script);
}

int
main(void)
{
	test_strings();
	test_numbers();
	test_matching();
	test_options();
	test_periods();
	test_left_out();
	test_ihave();
	test_deferred();
	return test_result();
}
