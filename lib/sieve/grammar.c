#include "sieve/grammar.h"

#include "sieve/suggest.h"

#define NEEDS(extension) EXTENSION_BIT(EXTENSION_##extension)

/* ---- extensions ---- */

static const struct {
	const char *name;
	uint64_t implies;
} extensions[EXTENSION_COUNT] = {
	[EXTENSION_BODY] = { "body", 0 },
	[EXTENSION_ASCII_CASEMAP] = { "comparator-i;ascii-casemap", 0 },
	[EXTENSION_ASCII_NUMERIC] = { "comparator-i;ascii-numeric", 0 },
	[EXTENSION_OCTET] = { "comparator-i;octet", 0 },
	[EXTENSION_UNICODE_CASEMAP] = { "comparator-i;unicode-casemap", 0 },
	[EXTENSION_COPY] = { "copy", 0 },
	[EXTENSION_DATE] = { "date", 0 },
	[EXTENSION_DUPLICATE] = { "duplicate", 0 },
	[EXTENSION_EDITHEADER] = { "editheader", 0 },
	[EXTENSION_ENCODED_CHARACTER] = { "encoded-character", 0 },
	[EXTENSION_ENOTIFY] = { "enotify", 0 },
	[EXTENSION_ENVELOPE] = { "envelope", 0 },
	[EXTENSION_ENVIRONMENT] = { "environment", 0 },
	[EXTENSION_EREJECT] = { "ereject", 0 },
	[EXTENSION_FILEINTO] = { "fileinto", 0 },
	[EXTENSION_IHAVE] = { "ihave", 0 },
	[EXTENSION_IMAP4FLAGS] = { "imap4flags", 0 },
	[EXTENSION_IMAPSIEVE] = { "imapsieve", 0 },
	[EXTENSION_INCLUDE] = { "include", 0 },
	[EXTENSION_INDEX] = { "index", 0 },
	[EXTENSION_MAILBOX] = { "mailbox", 0 },
	[EXTENSION_MBOXMETADATA] = { "mboxmetadata", 0 },
	[EXTENSION_REGEX] = { "regex", 0 },
	[EXTENSION_REJECT] = { "reject", 0 },
	[EXTENSION_RELATIONAL] = { "relational", 0 },
	[EXTENSION_SERVERMETADATA] = { "servermetadata", 0 },
	[EXTENSION_SPAMTEST] = { "spamtest", 0 },
	/* RFC 5235 section 3.2: the test is there with either. */
	[EXTENSION_SPAMTESTPLUS] = { "spamtestplus", NEEDS(SPAMTEST) },
	[EXTENSION_SUBADDRESS] = { "subaddress", 0 },
	[EXTENSION_VACATION] = { "vacation", 0 },
	/* RFC 6131 section 2. */
	[EXTENSION_VACATION_SECONDS] = { "vacation-seconds", NEEDS(VACATION) },
	[EXTENSION_VARIABLES] = { "variables", 0 },
	[EXTENSION_VIRUSTEST] = { "virustest", 0 },
};

uint64_t
grammar_extension(struct span name)
{
	for (size_t i = 0; i < EXTENSION_COUNT; i++)
		if (span_equal(name, span_of(extensions[i].name)))
			return EXTENSION_BIT(i) | extensions[i].implies;
	return 0;
}

uint64_t
grammar_ihave(struct span name)
{
	uint64_t bits = grammar_extension(name);

	return bits & (NEEDS(ENCODED_CHARACTER) | NEEDS(VARIABLES)) ? 0 : bits;
}

const char *
grammar_extension_name(uint64_t bits)
{
	size_t i = 0;

	while (i < EXTENSION_COUNT - 1 && !(bits & EXTENSION_BIT(i)))
		i++;
	return extensions[i].name;
}

const char *
grammar_extension_like(struct span name)
{
	struct suggestion suggestion = suggest_for(name);

	for (size_t i = 0; i < EXTENSION_COUNT; i++)
		suggest(&suggestion, extensions[i].name);
	return suggestion.best;
}

void
sieve_add_extensions(struct buf *into)
{
	for (size_t i = 0; i < EXTENSION_COUNT; i++) {
		if (i > 0)
			buf_add_char(into, ' ');
		buf_add_string(into, extensions[i].name);
	}
}

bool
sieve_requires(const struct sieve_script *script, struct span extension)
{
	uint64_t bits = grammar_extension(extension);

	return bits != 0 && (script->required & bits) == bits;
}

/* ---- comparators ---- */

static const struct {
	const char *name;
	enum sieve_comparator comparator;
	uint64_t needs;
} comparators[] = {
	{ "i;ascii-casemap", COMPARATOR_ASCII_CASEMAP, 0 },
	{ "i;ascii-numeric", COMPARATOR_ASCII_NUMERIC, NEEDS(ASCII_NUMERIC) },
	{ "i;octet", COMPARATOR_OCTET, 0 },
	{ "i;unicode-casemap", COMPARATOR_UNICODE_CASEMAP,
	    NEEDS(UNICODE_CASEMAP) },
};

bool
grammar_comparator(
    struct span name, enum sieve_comparator *comparator, uint64_t *needs)
{
	for (size_t i = 0; i < sizeof(comparators) / sizeof(*comparators); i++)
		if (span_equal_nocase(name, span_of(comparators[i].name))) {
			*comparator = comparators[i].comparator;
			*needs = comparators[i].needs;
			return true;
		}
	return false;
}

/* ---- commands and tests ---- */

#define STRING(content, name)                                                  \
	{                                                                      \
		SHAPE_STRING, CONTENT_##content, name                          \
	}
#define LIST(content, name)                                                    \
	{                                                                      \
		SHAPE_LIST, CONTENT_##content, name                            \
	}
#define KEYS LIST(KEY, "keys")

static const struct grammar_command commands[] = {
	{ .name = "require",
	    .word = WORD_REQUIRE,
	    .arguments = { LIST(CONSTANT, "capabilities") },
	    .optional = OPTIONAL_NONE },
	{ .name = "if",
	    .word = WORD_IF,
	    .optional = OPTIONAL_NONE,
	    .tests = TESTS_ONE,
	    .has_block = true },
	{ .name = "elsif",
	    .word = WORD_ELSIF,
	    .optional = OPTIONAL_NONE,
	    .tests = TESTS_ONE,
	    .has_block = true },
	{ .name = "else",
	    .word = WORD_ELSE,
	    .optional = OPTIONAL_NONE,
	    .has_block = true },
	{ .name = "stop", .word = WORD_STOP, .optional = OPTIONAL_NONE },
	{ .name = "set",
	    .word = WORD_SET,
	    .needs = NEEDS(VARIABLES),
	    .arguments = { STRING(SET, "variable"), STRING(ANY, "value") },
	    .optional = OPTIONAL_NONE },
	{ .name = "include",
	    .word = WORD_INCLUDE,
	    .needs = NEEDS(INCLUDE),
	    .arguments = { STRING(SCRIPT, "script") },
	    .optional = OPTIONAL_NONE },
	{ .name = "return",
	    .word = WORD_RETURN,
	    .needs = NEEDS(INCLUDE),
	    .optional = OPTIONAL_NONE },
	{ .name = "global",
	    .word = WORD_GLOBAL,
	    .needs = NEEDS(INCLUDE) | NEEDS(VARIABLES),
	    .arguments = { LIST(GLOBAL, "variables") },
	    .optional = OPTIONAL_NONE },
	{ .name = "error",
	    .word = WORD_ERROR,
	    .needs = NEEDS(IHAVE),
	    .arguments = { STRING(ANY, "message") },
	    .optional = OPTIONAL_NONE },
	{ .name = "keep", .word = WORD_KEEP, .optional = OPTIONAL_NONE },
	{ .name = "fileinto",
	    .word = WORD_FILEINTO,
	    .needs = NEEDS(FILEINTO),
	    .arguments = { STRING(ANY, "mailbox") },
	    .optional = OPTIONAL_NONE },
	{ .name = "redirect",
	    .word = WORD_REDIRECT,
	    .arguments = { STRING(ADDRESS, "address") },
	    .optional = OPTIONAL_NONE },
	{ .name = "discard", .word = WORD_DISCARD, .optional = OPTIONAL_NONE },
	{ .name = "reject",
	    .word = WORD_REJECT,
	    .needs = NEEDS(REJECT),
	    .arguments = { STRING(ANY, "reason") },
	    .optional = OPTIONAL_NONE },
	{ .name = "ereject",
	    .word = WORD_EREJECT,
	    .needs = NEEDS(EREJECT),
	    .arguments = { STRING(ANY, "reason") },
	    .optional = OPTIONAL_NONE },
	{ .name = "setflag",
	    .word = WORD_SETFLAG,
	    .needs = NEEDS(IMAP4FLAGS),
	    .arguments = { STRING(VARIABLE, "variable"), LIST(ANY, "flags") },
	    .optional = 0 },
	{ .name = "addflag",
	    .word = WORD_ADDFLAG,
	    .needs = NEEDS(IMAP4FLAGS),
	    .arguments = { STRING(VARIABLE, "variable"), LIST(ANY, "flags") },
	    .optional = 0 },
	{ .name = "removeflag",
	    .word = WORD_REMOVEFLAG,
	    .needs = NEEDS(IMAP4FLAGS),
	    .arguments = { STRING(VARIABLE, "variable"), LIST(ANY, "flags") },
	    .optional = 0 },
	{ .name = "vacation",
	    .word = WORD_VACATION,
	    .needs = NEEDS(VACATION),
	    .arguments = { STRING(ANY, "reason") },
	    .optional = OPTIONAL_NONE },
	{ .name = "notify",
	    .word = WORD_NOTIFY,
	    .needs = NEEDS(ENOTIFY),
	    .arguments = { STRING(ANY, "method") },
	    .optional = OPTIONAL_NONE },
	{ .name = "addheader",
	    .word = WORD_ADDHEADER,
	    .needs = NEEDS(EDITHEADER),
	    .arguments = { STRING(FIELD, "field name"), STRING(ANY, "value") },
	    .optional = OPTIONAL_NONE },
	{ .name = "deleteheader",
	    .word = WORD_DELETEHEADER,
	    .needs = NEEDS(EDITHEADER),
	    .arguments = { STRING(FIELD, "field name"), LIST(KEY, "patterns") },
	    .optional = 1 },
	{ .name = "address",
	    .word = WORD_ADDRESS,
	    .is_test = true,
	    .arguments = { LIST(ANY, "header names"), KEYS },
	    .optional = OPTIONAL_NONE },
	{ .name = "allof",
	    .word = WORD_ALLOF,
	    .is_test = true,
	    .optional = OPTIONAL_NONE,
	    .tests = TESTS_LIST },
	{ .name = "anyof",
	    .word = WORD_ANYOF,
	    .is_test = true,
	    .optional = OPTIONAL_NONE,
	    .tests = TESTS_LIST },
	{ .name = "body",
	    .word = WORD_BODY,
	    .is_test = true,
	    .needs = NEEDS(BODY),
	    .arguments = { KEYS },
	    .optional = OPTIONAL_NONE },
	{ .name = "currentdate",
	    .word = WORD_CURRENTDATE,
	    .is_test = true,
	    .needs = NEEDS(DATE),
	    .arguments = { STRING(DATE_PART, "date part"), KEYS },
	    .optional = OPTIONAL_NONE },
	{ .name = "date",
	    .word = WORD_DATE,
	    .is_test = true,
	    .needs = NEEDS(DATE),
	    .arguments = { STRING(ANY, "header name"),
		STRING(DATE_PART, "date part"), KEYS },
	    .optional = OPTIONAL_NONE },
	{ .name = "duplicate",
	    .word = WORD_DUPLICATE,
	    .is_test = true,
	    .needs = NEEDS(DUPLICATE),
	    .optional = OPTIONAL_NONE },
	{ .name = "envelope",
	    .word = WORD_ENVELOPE,
	    .is_test = true,
	    .needs = NEEDS(ENVELOPE),
	    .arguments = { LIST(ENVELOPE, "envelope parts"), KEYS },
	    .optional = OPTIONAL_NONE },
	{ .name = "environment",
	    .word = WORD_ENVIRONMENT,
	    .is_test = true,
	    .needs = NEEDS(ENVIRONMENT),
	    .arguments = { STRING(ANY, "item name"), KEYS },
	    .optional = OPTIONAL_NONE },
	{ .name = "exists",
	    .word = WORD_EXISTS,
	    .is_test = true,
	    .arguments = { LIST(ANY, "header names") },
	    .optional = OPTIONAL_NONE },
	{ .name = "false",
	    .word = WORD_FALSE,
	    .is_test = true,
	    .optional = OPTIONAL_NONE },
	{ .name = "hasflag",
	    .word = WORD_HASFLAG,
	    .is_test = true,
	    .needs = NEEDS(IMAP4FLAGS),
	    .arguments = { LIST(VARIABLE, "variables"), LIST(KEY, "flags") },
	    .optional = 0 },
	{ .name = "header",
	    .word = WORD_HEADER,
	    .is_test = true,
	    .arguments = { LIST(ANY, "header names"), KEYS },
	    .optional = OPTIONAL_NONE },
	{ .name = "ihave",
	    .word = WORD_IHAVE,
	    .is_test = true,
	    .needs = NEEDS(IHAVE),
	    .arguments = { LIST(CONSTANT, "capabilities") },
	    .optional = OPTIONAL_NONE },
	{ .name = "mailboxexists",
	    .word = WORD_MAILBOXEXISTS,
	    .is_test = true,
	    .needs = NEEDS(MAILBOX),
	    .arguments = { LIST(ANY, "mailboxes") },
	    .optional = OPTIONAL_NONE },
	{ .name = "metadata",
	    .word = WORD_METADATA,
	    .is_test = true,
	    .needs = NEEDS(MBOXMETADATA),
	    .arguments = { STRING(ANY, "mailbox"), STRING(ANY, "annotation"),
		KEYS },
	    .optional = OPTIONAL_NONE },
	{ .name = "metadataexists",
	    .word = WORD_METADATAEXISTS,
	    .is_test = true,
	    .needs = NEEDS(MBOXMETADATA),
	    .arguments = { STRING(ANY, "mailbox"), LIST(ANY, "annotations") },
	    .optional = OPTIONAL_NONE },
	{ .name = "not",
	    .word = WORD_NOT,
	    .is_test = true,
	    .optional = OPTIONAL_NONE,
	    .tests = TESTS_ONE },
	{ .name = "notify_method_capability",
	    .word = WORD_NOTIFY_METHOD_CAPABILITY,
	    .is_test = true,
	    .needs = NEEDS(ENOTIFY),
	    .arguments = { STRING(ANY, "method"), STRING(ANY, "capability"),
		KEYS },
	    .optional = OPTIONAL_NONE },
	{ .name = "servermetadata",
	    .word = WORD_SERVERMETADATA,
	    .is_test = true,
	    .needs = NEEDS(SERVERMETADATA),
	    .arguments = { STRING(ANY, "annotation"), KEYS },
	    .optional = OPTIONAL_NONE },
	{ .name = "servermetadataexists",
	    .word = WORD_SERVERMETADATAEXISTS,
	    .is_test = true,
	    .needs = NEEDS(SERVERMETADATA),
	    .arguments = { LIST(ANY, "annotations") },
	    .optional = OPTIONAL_NONE },
	{ .name = "size",
	    .word = WORD_SIZE,
	    .is_test = true,
	    .arguments = { { SHAPE_NUMBER, CONTENT_ANY, "limit" } },
	    .optional = OPTIONAL_NONE },
	{ .name = "spamtest",
	    .word = WORD_SPAMTEST,
	    .is_test = true,
	    .needs = NEEDS(SPAMTEST),
	    .arguments = { STRING(KEY, "value") },
	    .optional = OPTIONAL_NONE },
	{ .name = "string",
	    .word = WORD_STRING,
	    .is_test = true,
	    .needs = NEEDS(VARIABLES),
	    .arguments = { LIST(ANY, "source"), KEYS },
	    .optional = OPTIONAL_NONE },
	{ .name = "true",
	    .word = WORD_TRUE,
	    .is_test = true,
	    .optional = OPTIONAL_NONE },
	{ .name = "valid_notify_method",
	    .word = WORD_VALID_NOTIFY_METHOD,
	    .is_test = true,
	    .needs = NEEDS(ENOTIFY),
	    .arguments = { LIST(ANY, "methods") },
	    .optional = OPTIONAL_NONE },
	{ .name = "virustest",
	    .word = WORD_VIRUSTEST,
	    .is_test = true,
	    .needs = NEEDS(VIRUSTEST),
	    .arguments = { STRING(KEY, "value") },
	    .optional = OPTIONAL_NONE },
};

enum {
	COMMAND_COUNT = sizeof(commands) / sizeof(*commands)
};

const struct grammar_command *
grammar_command(struct span name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (span_equal_nocase(name, span_of(commands[i].name)))
			return &commands[i];
	return NULL;
}

const struct grammar_command *
grammar_word(enum sieve_word word)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (commands[i].word == word)
			return &commands[i];
	return NULL;
}

const char *
grammar_command_like(struct span name, bool is_test)
{
	struct suggestion suggestion = suggest_for(name);

	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (commands[i].is_test == is_test)
			suggest(&suggestion, commands[i].name);
	return suggestion.best;
}
