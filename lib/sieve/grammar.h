#ifndef SIEVE_GRAMMAR_H
#define SIEVE_GRAMMAR_H

/*
 * grammar - which extensions, commands, tests and tags there are, and what each
 * takes: the "Usage" lines of RFC 5228 and of its extensions as tables.
 *
 * Places   of positional arguments in struct sieve_node, from 0:
 *            address, header, envelope      names, keys
 *            body                           keys
 *            date                           header name, date part, keys
 *            currentdate                    date part, keys
 *            environment                    item, keys
 *            exists                         names
 *            hasflag                        variables or none, flags
 *            ihave                          capabilities
 *            mailboxexists                  mailboxes
 *            metadata                       mailbox, annotation, keys
 *            metadataexists                 mailbox, annotations
 *            notify_method_capability       URI, capability, keys
 *            servermetadata                 annotation, keys
 *            servermetadataexists           annotations
 *            size                           (number)
 *            spamtest, virustest            value
 *            string                         source, keys
 *            valid_notify_method            URIs
 *            addheader                      name, value
 *            deleteheader                   name, patterns or none
 *            error                          message
 *            fileinto                       mailbox
 *            global                         variables
 *            include                        script
 *            notify                         method
 *            redirect                       address
 *            reject, ereject, vacation      reason
 *            set                            variable, value
 *            setflag, addflag, removeflag   variable or none, flags
 */

#include "sieve/tree.h"

enum sieve_extension {
	EXTENSION_BODY,
	EXTENSION_ASCII_CASEMAP,
	EXTENSION_ASCII_NUMERIC,
	EXTENSION_OCTET,
	EXTENSION_UNICODE_CASEMAP,
	EXTENSION_COPY,
	EXTENSION_DATE,
	EXTENSION_DUPLICATE,
	EXTENSION_EDITHEADER,
	EXTENSION_ENCODED_CHARACTER,
	EXTENSION_ENOTIFY,
	EXTENSION_ENVELOPE,
	EXTENSION_ENVIRONMENT,
	EXTENSION_EREJECT,
	EXTENSION_FILEINTO,
	EXTENSION_IHAVE,
	EXTENSION_IMAP4FLAGS,
	EXTENSION_IMAPSIEVE,
	EXTENSION_INCLUDE,
	EXTENSION_INDEX,
	EXTENSION_MAILBOX,
	EXTENSION_MBOXMETADATA,
	EXTENSION_REGEX,
	EXTENSION_REJECT,
	EXTENSION_RELATIONAL,
	EXTENSION_SERVERMETADATA,
	EXTENSION_SPAMTEST,
	EXTENSION_SPAMTESTPLUS,
	EXTENSION_SUBADDRESS,
	EXTENSION_VACATION,
	EXTENSION_VACATION_SECONDS,
	EXTENSION_VARIABLES,
	EXTENSION_VIRUSTEST,
	EXTENSION_COUNT
};

#define EXTENSION_BIT(extension) (UINT64_C(1) << (extension))

/*
 * The bits of an extension of that name, and of those that it implies
 * (vacation-seconds: vacation); 0 if there is none.  The case counts.
 */
uint64_t grammar_extension(struct span name);

/* The same for ihave, which must be false of what changes the meaning of the
 * script's text: encoded-character and variables (RFC 5463 section 4). */
uint64_t grammar_ihave(struct span name);

/* The name of the first of the extensions that bits has; bits is not 0. */
const char *grammar_extension_name(uint64_t bits);

/* What is so much like name that it may have been meant; NULL: none is. */
const char *grammar_extension_like(struct span name);

/* ---- arguments ---- */

enum grammar_shape {
	SHAPE_NONE,
	SHAPE_STRING,
	SHAPE_LIST,
	SHAPE_NUMBER
};

/* What a string must be, as far as that can be told before a run: the names of
 * sieve/values.c's checks. */
enum grammar_content {
	CONTENT_ANY,
	CONTENT_CONSTANT,   /* no variable in it, RFC 5229 section 3 */
	CONTENT_KEY,        /* by the match type: a regular expression */
	CONTENT_ADDRESS,    /* RFC 5228 section 2.4.2.3 */
	CONTENT_ADDRESSES,  /* RFC 5230 section 4.3 */
	CONTENT_DATE_PART,  /* RFC 5260 section 4.2 */
	CONTENT_ZONE,       /* RFC 5260 section 4.1 */
	CONTENT_ENVELOPE,   /* RFC 5228 section 5.4 */
	CONTENT_FIELD,      /* RFC 5293 section 4 */
	CONTENT_IMPORTANCE, /* RFC 5435 section 3.4 */
	CONTENT_OPTION,     /* RFC 5435 section 3.5 */
	CONTENT_SCRIPT,     /* RFC 6609 section 3.2 */
	CONTENT_SET,        /* RFC 5229 section 4, RFC 6609 section 3.4.2 */
	CONTENT_VARIABLE,   /* RFC 5232 section 3 */
	CONTENT_GLOBAL,     /* RFC 6609 section 3.4.1 */
	CONTENT_COUNT
};

struct grammar_argument {
	enum grammar_shape shape;
	enum grammar_content content;
	const char *name; /* for people */
};

/* ---- commands and tests ---- */

enum grammar_tests {
	TESTS_NONE,
	TESTS_ONE,
	TESTS_LIST
};

enum {
	OPTIONAL_NONE = ARGUMENTS_MAX
};

struct grammar_command {
	const char *name;
	enum sieve_word word;
	bool is_test;
	uint64_t needs; /* all of these extensions */
	struct grammar_argument arguments[ARGUMENTS_MAX];
	unsigned optional; /* the place that may be left out */
	enum grammar_tests tests;
	bool has_block;
};

/* The command or test of that name, in either case; NULL: there is none. */
const struct grammar_command *grammar_command(struct span name);

/* Of a word; not NULL, but for none of enum sieve_word. */
const struct grammar_command *grammar_word(enum sieve_word word);

/* What is so much like name that it may have been meant; NULL: none is. */
const char *grammar_command_like(struct span name, bool is_test);

/* ---- tags ---- */

/* Tags of one group exclude each other. */
enum grammar_group {
	GROUP_MATCH,
	GROUP_COMPARATOR,
	GROUP_ADDRESS_PART,
	GROUP_LIMIT, /* size */
	GROUP_INDEX, /* RFC 5260 section 6 */
	GROUP_LAST,
	GROUP_ZONE,      /* RFC 5260 section 4 */
	GROUP_TRANSFORM, /* RFC 5173 section 5 */
	GROUP_COPY,
	GROUP_CREATE,
	GROUP_FLAGS,
	GROUP_PERIOD, /* RFC 6131 section 2 */
	GROUP_SUBJECT,
	GROUP_FROM,
	GROUP_ADDRESSES,
	GROUP_MIME,
	GROUP_HANDLE,
	GROUP_IMPORTANCE,
	GROUP_MESSAGE,
	GROUP_LOCATION, /* RFC 6609 section 3.2 */
	GROUP_ONCE,
	GROUP_OPTIONAL,
	GROUP_CASE, /* set's modifiers, RFC 5229 section 4.1 */
	GROUP_CASE_FIRST,
	GROUP_QUOTE,
	GROUP_ENCODE,
	GROUP_LENGTH,
	GROUP_UNIQUEID, /* RFC 7352 section 3.1 */
	GROUP_PERCENT,
	GROUP_COUNT
};

/* What a tag sets in struct sieve_node; its flags are added besides. */
enum grammar_sets {
	SETS_FLAG,
	SETS_MATCH,      /* value: enum sieve_match */
	SETS_COMPARATOR, /* by its argument */
	SETS_PART,       /* value: enum sieve_address_part */
	SETS_INDEX,
	SETS_SECONDS, /* value: how many one of its unit has */
	SETS_OPTION   /* value: enum sieve_option */
};

struct grammar_tag {
	const char *name; /* without the colon */
	uint64_t words;   /* whose tag it is, 1 << enum sieve_word */
	uint64_t needs;
	enum grammar_group group;
	struct grammar_argument argument;
	enum grammar_sets sets;
	int value;
	uint32_t flags;
};

/* That tag of that command; NULL: it has none. */
const struct grammar_tag *grammar_tag(struct span name, enum sieve_word word);

/* The first of a command's tags that a group has; NULL: none is. */
const struct grammar_tag *grammar_tag_of(
    enum grammar_group group, enum sieve_word word);

/* What is so much like name that it may have been meant; NULL: none is. */
const char *grammar_tag_like(struct span name, enum sieve_word word);

/* ---- comparators ---- */

/* False: there is none of that name.  needs is 0 for those that every script
 * has (RFC 5228 section 2.7.3). */
bool grammar_comparator(
    struct span name, enum sieve_comparator *comparator, uint64_t *needs);

#endif
