#ifndef SIEVE_TREE_H
#define SIEVE_TREE_H

/*
 * tree - a checked script: what each command and test is, with its arguments in
 * the places that its table gives them.
 *
 * Made by sieve/parse.c (text to words to nodes) and sieve/check.c (nodes
 * against the tables of sieve/grammar.c); read by sieve/run.c.  A tree that was
 * made is right: the number and the types of arguments need no second look.
 *
 * Strings have no escapes, dot-stuffing or encoded characters any more (RFC
 * 5228 section 2.4.2), but their ${variables}; lines in them end with CRLF,
 * however the script's do.
 */

#include "sieve/sieve.h"

/* Commands and tests. */
enum sieve_word {
	/* controls */
	WORD_REQUIRE,
	WORD_IF,
	WORD_ELSIF,
	WORD_ELSE,
	WORD_STOP,
	WORD_SET,     /* variables */
	WORD_INCLUDE, /* include */
	WORD_RETURN,
	WORD_GLOBAL,
	/* ihave.  Also in the place of a command or a test that cannot be run,
	 * as only an ihave that is never true allows it: it fails when it is
	 * reached, and arguments[0] says why (RFC 5463 section 4). */
	WORD_ERROR,
	/* actions */
	WORD_KEEP,
	WORD_FILEINTO,
	WORD_REDIRECT,
	WORD_DISCARD,
	WORD_REJECT,
	WORD_EREJECT,
	WORD_SETFLAG, /* imap4flags */
	WORD_ADDFLAG,
	WORD_REMOVEFLAG,
	WORD_VACATION,
	WORD_NOTIFY,    /* enotify */
	WORD_ADDHEADER, /* editheader */
	WORD_DELETEHEADER,
	/* tests */
	WORD_ADDRESS,
	WORD_ALLOF,
	WORD_ANYOF,
	WORD_BODY,
	WORD_CURRENTDATE,
	WORD_DATE,
	WORD_DUPLICATE,
	WORD_ENVELOPE,
	WORD_ENVIRONMENT,
	WORD_EXISTS,
	WORD_FALSE,
	WORD_HASFLAG,
	WORD_HEADER,
	WORD_IHAVE,
	WORD_MAILBOXEXISTS,
	WORD_METADATA,
	WORD_METADATAEXISTS,
	WORD_NOT,
	WORD_NOTIFY_METHOD_CAPABILITY,
	WORD_SERVERMETADATA,
	WORD_SERVERMETADATAEXISTS,
	WORD_SIZE,
	WORD_SPAMTEST,
	WORD_STRING,
	WORD_TRUE,
	WORD_VALID_NOTIFY_METHOD,
	WORD_VIRUSTEST
};

enum sieve_match {
	MATCH_IS,
	MATCH_CONTAINS,
	MATCH_MATCHES,
	MATCH_REGEX, /* draft-murchison-sieve-regex: POSIX extended */
	MATCH_COUNT, /* relational */
	MATCH_VALUE
};

enum sieve_relation {
	RELATION_GT,
	RELATION_GE,
	RELATION_LT,
	RELATION_LE,
	RELATION_EQ,
	RELATION_NE
};

enum sieve_comparator {
	COMPARATOR_ASCII_CASEMAP, /* the default */
	COMPARATOR_OCTET,
	COMPARATOR_ASCII_NUMERIC,
	COMPARATOR_UNICODE_CASEMAP
};

enum sieve_address_part {
	ADDRESS_ALL,
	ADDRESS_LOCALPART,
	ADDRESS_DOMAIN,
	ADDRESS_USER, /* subaddress */
	ADDRESS_DETAIL
};

/* Tags that are there or not. */
enum sieve_flag {
	FLAG_COPY = 1 << 0,
	FLAG_CREATE = 1 << 1,
	FLAG_OVER = 1 << 2, /* size; else :under */
	FLAG_LAST = 1 << 3, /* index, addheader, duplicate */
	FLAG_RAW = 1 << 4,  /* body */
	FLAG_TEXT = 1 << 5,
	FLAG_MIME = 1 << 6,     /* vacation */
	FLAG_GLOBAL = 1 << 7,   /* include; else :personal */
	FLAG_ONCE = 1 << 8,     /* include */
	FLAG_OPTIONAL = 1 << 9, /* include */
	FLAG_ORIGINAL_ZONE = 1 << 10,
	FLAG_PERCENT = 1 << 11, /* spamtestplus */
	FLAG_LOWER = 1 << 12,   /* set's modifiers */
	FLAG_UPPER = 1 << 13,
	FLAG_LOWERFIRST = 1 << 14,
	FLAG_UPPERFIRST = 1 << 15,
	FLAG_QUOTEWILDCARD = 1 << 16,
	FLAG_QUOTEREGEX = 1 << 17,
	FLAG_LENGTH = 1 << 18,
	FLAG_ENCODEURL = 1 << 19,  /* enotify */
	FLAG_UNIQUEID = 1 << 20,   /* duplicate: handle, header below */
	FLAG_MATCH_GIVEN = 1 << 21 /* a match type stands there */
};

/* A tag's argument that is a string or a list; ptr NULL if it was not given. */
enum sieve_option {
	OPTION_FLAGS,      /* keep, fileinto */
	OPTION_SUBJECT,    /* vacation */
	OPTION_FROM,       /* vacation, notify */
	OPTION_ADDRESSES,  /* vacation: a list; notify :options */
	OPTION_HANDLE,     /* vacation, duplicate */
	OPTION_MESSAGE,    /* notify */
	OPTION_IMPORTANCE, /* notify */
	OPTION_ZONE,       /* date, currentdate */
	OPTION_CONTENT,    /* body: a list */
	OPTION_HEADER,     /* duplicate :header */
	OPTION_UNIQUEID,   /* duplicate :uniqueid */
	OPTION_COUNT
};

/* One string is a list of one. */
struct sieve_list {
	const struct span *items; /* NULL: not given */
	size_t count;
};

enum {
	ARGUMENTS_MAX = 3
};

struct sieve_node {
	enum sieve_word word;
	uint32_t line;
	/* What tags said, with defaults filled in. */
	enum sieve_match match;
	enum sieve_relation relation; /* of MATCH_COUNT and MATCH_VALUE */
	enum sieve_comparator comparator;
	enum sieve_address_part part;
	uint32_t flags;
	int64_t index;   /* RFC 5260: from 1; 0: not given */
	int64_t seconds; /* vacation, duplicate; -1: not given */
	struct sieve_list options[OPTION_COUNT];
	/* Positional arguments, in the places of sieve/grammar.c; one that may
	 * be left out (setflag's variable) has its place; a number stands in
	 * number. */
	struct sieve_list arguments[ARGUMENTS_MAX];
	uint64_t number;
	/* Extensions that it uses and that no require named, but an ihave that
	 * stands before it: if that has not been true by now, it fails (RFC
	 * 5463 section 4).  Bits as in required. */
	uint64_t needs;
	const struct sieve_node *tests; /* the first; if, not, allof, anyof */
	const struct sieve_node *block; /* the first; if, elsif, else */
	const struct sieve_node *next;  /* in its block or list of tests */
};

/* Extensions, as bits of a script's requires: sieve/grammar.h names them. */
struct sieve_script {
	const struct sieve_node *first;
	uint64_t required; /* 1 << enum sieve_extension */
	struct sieve_arena *arena;
};

/* ---- memory of scripts and results ---- */

/* Pieces that are freed together; out of memory ends the program. */
struct sieve_arena *sieve_arena_new(size_t max);
void sieve_arena_free(struct sieve_arena *arena);
/* Zeroed; NULL when max would be passed. */
void *sieve_arena_take(struct sieve_arena *arena, size_t size);
/* A copy; ptr NULL when max would be passed (len 0 has a ptr that is not). */
struct span sieve_arena_copy(struct sieve_arena *arena, struct span bytes);

#endif
