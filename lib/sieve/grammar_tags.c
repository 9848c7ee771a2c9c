#include "sieve/grammar.h"

#include "sieve/suggest.h"

#define NEEDS(extension) EXTENSION_BIT(EXTENSION_##extension)
#define OF(word)         (UINT64_C(1) << WORD_##word)

/* RFC 5228 section 2.7.1 and those of the extensions that compare. */
#define COMPARING                                                              \
	(OF(ADDRESS) | OF(BODY) | OF(CURRENTDATE) | OF(DATE) | OF(ENVELOPE) |  \
	    OF(ENVIRONMENT) | OF(HASFLAG) | OF(HEADER) | OF(METADATA) |        \
	    OF(NOTIFY_METHOD_CAPABILITY) | OF(SERVERMETADATA) | OF(SPAMTEST) | \
	    OF(STRING) | OF(VIRUSTEST) | OF(DELETEHEADER))
#define ADDRESSING (OF(ADDRESS) | OF(ENVELOPE))
#define INDEXED    (OF(ADDRESS) | OF(DATE) | OF(HEADER))
#define DATES      (OF(CURRENTDATE) | OF(DATE))

#define STRING(content, name)                                                  \
	{                                                                      \
		SHAPE_STRING, CONTENT_##content, name                          \
	}
#define LIST(content, name)                                                    \
	{                                                                      \
		SHAPE_LIST, CONTENT_##content, name                            \
	}
#define NUMBER(name)                                                           \
	{                                                                      \
		SHAPE_NUMBER, CONTENT_ANY, name                                \
	}
#define NOTHING                                                                \
	{                                                                      \
		SHAPE_NONE, CONTENT_ANY, NULL                                  \
	}
#define FLAG(flag)      SETS_FLAG, 0, FLAG_##flag
#define MATCH(match)    SETS_MATCH, MATCH_##match, FLAG_MATCH_GIVEN
#define PART(part)      SETS_PART, ADDRESS_##part, 0
#define OPTION(option)  SETS_OPTION, OPTION_##option, 0
#define SECONDS(number) SETS_SECONDS, number, 0

static const struct grammar_tag tags[] = {
	/* RFC 5228 section 2.7 */
	{ "is", COMPARING, 0, GROUP_MATCH, NOTHING, MATCH(IS) },
	{ "contains", COMPARING, 0, GROUP_MATCH, NOTHING, MATCH(CONTAINS) },
	{ "matches", COMPARING, 0, GROUP_MATCH, NOTHING, MATCH(MATCHES) },
	{ "comparator", COMPARING, 0, GROUP_COMPARATOR,
	    STRING(CONSTANT, "name"), SETS_COMPARATOR, 0, 0 },
	{ "all", ADDRESSING, 0, GROUP_ADDRESS_PART, NOTHING, PART(ALL) },
	{ "localpart", ADDRESSING, 0, GROUP_ADDRESS_PART, NOTHING,
	    PART(LOCALPART) },
	{ "domain", ADDRESSING, 0, GROUP_ADDRESS_PART, NOTHING, PART(DOMAIN) },
	{ "over", OF(SIZE), 0, GROUP_LIMIT, NOTHING, FLAG(OVER) },
	{ "under", OF(SIZE), 0, GROUP_LIMIT, NOTHING, SETS_FLAG, 0, 0 },
	/* draft-murchison-sieve-regex */
	{ "regex", COMPARING, NEEDS(REGEX), GROUP_MATCH, NOTHING,
	    MATCH(REGEX) },
	{ "quoteregex", OF(SET), NEEDS(REGEX), GROUP_QUOTE, NOTHING,
	    FLAG(QUOTEREGEX) },
	/* RFC 5231 section 4 */
	{ "count", COMPARING, NEEDS(RELATIONAL), GROUP_MATCH,
	    STRING(CONSTANT, "relation"), MATCH(COUNT) },
	{ "value", COMPARING, NEEDS(RELATIONAL), GROUP_MATCH,
	    STRING(CONSTANT, "relation"), MATCH(VALUE) },
	/* RFC 5233 section 4 */
	{ "user", ADDRESSING, NEEDS(SUBADDRESS), GROUP_ADDRESS_PART, NOTHING,
	    PART(USER) },
	{ "detail", ADDRESSING, NEEDS(SUBADDRESS), GROUP_ADDRESS_PART, NOTHING,
	    PART(DETAIL) },
	/* RFC 5260 sections 4 to 6 */
	{ "index", INDEXED, NEEDS(INDEX), GROUP_INDEX, NUMBER("value"),
	    SETS_INDEX, 0, 0 },
	{ "last", INDEXED, NEEDS(INDEX), GROUP_LAST, NOTHING, FLAG(LAST) },
	{ "zone", DATES, 0, GROUP_ZONE, STRING(ZONE, "time zone"),
	    OPTION(ZONE) },
	{ "originalzone", OF(DATE), 0, GROUP_ZONE, NOTHING,
	    FLAG(ORIGINAL_ZONE) },
	/* RFC 5293 sections 4 and 5 */
	{ "index", OF(DELETEHEADER), 0, GROUP_INDEX, NUMBER("value"),
	    SETS_INDEX, 0, 0 },
	{ "last", OF(ADDHEADER) | OF(DELETEHEADER), 0, GROUP_LAST, NOTHING,
	    FLAG(LAST) },
	/* RFC 5173 section 5 */
	{ "raw", OF(BODY), 0, GROUP_TRANSFORM, NOTHING, FLAG(RAW) },
	{ "content", OF(BODY), 0, GROUP_TRANSFORM, LIST(ANY, "content types"),
	    OPTION(CONTENT) },
	{ "text", OF(BODY), 0, GROUP_TRANSFORM, NOTHING, FLAG(TEXT) },
	/* RFC 3894, RFC 5490 section 3.2, RFC 5232 section 5 */
	{ "copy", OF(FILEINTO) | OF(REDIRECT), NEEDS(COPY), GROUP_COPY, NOTHING,
	    FLAG(COPY) },
	{ "create", OF(FILEINTO), NEEDS(MAILBOX), GROUP_CREATE, NOTHING,
	    FLAG(CREATE) },
	{ "flags", OF(FILEINTO) | OF(KEEP), NEEDS(IMAP4FLAGS), GROUP_FLAGS,
	    LIST(ANY, "flags"), OPTION(FLAGS) },
	/* RFC 5230 section 4, RFC 6131 section 2 */
	{ "days", OF(VACATION), 0, GROUP_PERIOD, NUMBER("value"),
	    SECONDS(86400) },
	{ "seconds", OF(VACATION), NEEDS(VACATION_SECONDS), GROUP_PERIOD,
	    NUMBER("value"), SECONDS(1) },
	{ "subject", OF(VACATION), 0, GROUP_SUBJECT, STRING(ANY, "text"),
	    OPTION(SUBJECT) },
	{ "from", OF(VACATION), 0, GROUP_FROM, STRING(ADDRESSES, "address"),
	    OPTION(FROM) },
	{ "addresses", OF(VACATION), 0, GROUP_ADDRESSES, LIST(ANY, "addresses"),
	    OPTION(ADDRESSES) },
	{ "mime", OF(VACATION), 0, GROUP_MIME, NOTHING, FLAG(MIME) },
	{ "handle", OF(VACATION), 0, GROUP_HANDLE, STRING(ANY, "name"),
	    OPTION(HANDLE) },
	/* RFC 5435 section 3 */
	{ "from", OF(NOTIFY), 0, GROUP_FROM, STRING(ANY, "author"),
	    OPTION(FROM) },
	{ "importance", OF(NOTIFY), 0, GROUP_IMPORTANCE,
	    STRING(IMPORTANCE, "value"), OPTION(IMPORTANCE) },
	{ "options", OF(NOTIFY), 0, GROUP_ADDRESSES, LIST(OPTION, "options"),
	    OPTION(ADDRESSES) },
	{ "message", OF(NOTIFY), 0, GROUP_MESSAGE, STRING(ANY, "text"),
	    OPTION(MESSAGE) },
	/* RFC 6609 section 3.2 */
	{ "personal", OF(INCLUDE), 0, GROUP_LOCATION, NOTHING, SETS_FLAG, 0,
	    0 },
	{ "global", OF(INCLUDE), 0, GROUP_LOCATION, NOTHING, FLAG(GLOBAL) },
	{ "once", OF(INCLUDE), 0, GROUP_ONCE, NOTHING, FLAG(ONCE) },
	{ "optional", OF(INCLUDE), 0, GROUP_OPTIONAL, NOTHING, FLAG(OPTIONAL) },
	/* RFC 5229 section 4.1: one of each precedence; RFC 5435 section 6 */
	{ "lower", OF(SET), 0, GROUP_CASE, NOTHING, FLAG(LOWER) },
	{ "upper", OF(SET), 0, GROUP_CASE, NOTHING, FLAG(UPPER) },
	{ "lowerfirst", OF(SET), 0, GROUP_CASE_FIRST, NOTHING,
	    FLAG(LOWERFIRST) },
	{ "upperfirst", OF(SET), 0, GROUP_CASE_FIRST, NOTHING,
	    FLAG(UPPERFIRST) },
	{ "quotewildcard", OF(SET), 0, GROUP_QUOTE, NOTHING,
	    FLAG(QUOTEWILDCARD) },
	{ "encodeurl", OF(SET), NEEDS(ENOTIFY), GROUP_ENCODE, NOTHING,
	    FLAG(ENCODEURL) },
	{ "length", OF(SET), 0, GROUP_LENGTH, NOTHING, FLAG(LENGTH) },
	/* RFC 7352 section 3 */
	{ "handle", OF(DUPLICATE), 0, GROUP_HANDLE, STRING(ANY, "name"),
	    OPTION(HANDLE) },
	{ "header", OF(DUPLICATE), 0, GROUP_UNIQUEID,
	    STRING(ANY, "header name"), OPTION(HEADER) },
	{ "uniqueid", OF(DUPLICATE), 0, GROUP_UNIQUEID, STRING(ANY, "value"),
	    SETS_OPTION, OPTION_UNIQUEID, FLAG_UNIQUEID },
	{ "seconds", OF(DUPLICATE), 0, GROUP_PERIOD, NUMBER("value"),
	    SECONDS(1) },
	{ "last", OF(DUPLICATE), 0, GROUP_LAST, NOTHING, FLAG(LAST) },
	/* RFC 5235 section 3.2 */
	{ "percent", OF(SPAMTEST), NEEDS(SPAMTESTPLUS), GROUP_PERCENT, NOTHING,
	    FLAG(PERCENT) },
};

enum {
	TAG_COUNT = sizeof(tags) / sizeof(*tags)
};

static bool
is_of(const struct grammar_tag *tag, enum sieve_word word)
{
	return (tag->words >> word & 1) != 0;
}

const struct grammar_tag *
grammar_tag(struct span name, enum sieve_word word)
{
	for (size_t i = 0; i < TAG_COUNT; i++)
		if (is_of(&tags[i], word) &&
		    span_equal_nocase(name, span_of(tags[i].name)))
			return &tags[i];
	return NULL;
}

const struct grammar_tag *
grammar_tag_of(enum grammar_group group, enum sieve_word word)
{
	for (size_t i = 0; i < TAG_COUNT; i++)
		if (tags[i].group == group && is_of(&tags[i], word))
			return &tags[i];
	return NULL;
}

const char *
grammar_tag_like(struct span name, enum sieve_word word)
{
	struct suggestion suggestion = suggest_for(name);

	for (size_t i = 0; i < TAG_COUNT; i++)
		if (is_of(&tags[i], word))
			suggest(&suggestion, tags[i].name);
	return suggestion.best;
}
