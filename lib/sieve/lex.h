#ifndef SIEVE_LEX_H
#define SIEVE_LEX_H

/*
 * lex - a script's text as words: RFC 5228 section 8.1.
 *
 * Grammar  Lines end with CRLF, or with LF alone as files have them; a CR alone
 *          is an error, and so is a NUL, and what is not UTF-8.
 * Limits   LEX_STRING_MAX bytes in a string, numbers up to LEX_NUMBER_MAX.
 * Memory   a string's is the arena's; identifiers and tags are in the text.
 */

#include "sieve/tree.h"

enum {
	LEX_STRING_MAX = 256 << 10
};
#define LEX_NUMBER_MAX ((uint64_t)INT64_MAX)

enum lex_kind {
	LEX_END,
	LEX_IDENTIFIER, /* text */
	LEX_TAG,        /* text, without its colon */
	LEX_NUMBER,     /* number */
	LEX_STRING,     /* text: without escapes and dot-stuffing, CRLF lines */
	LEX_SEPARATOR,  /* separator: one of [ ] ( ) { } , ; */
	LEX_WRONG,      /* text: all of it; problem begins what is said of it */
	LEX_FULL        /* the arena has no more room */
};

struct lex_token {
	enum lex_kind kind;
	uint32_t line; /* where it begins, from 1 */
	struct span text;
	uint64_t number;
	char separator;
	const char *problem;
};

struct lex {
	struct span rest;
	uint32_t line;
	struct sieve_arena *arena;
};

/* The words of text, which must stay; their strings are put into arena. */
struct lex lex_new(struct span text, struct sieve_arena *arena);

/* The next word; at the end, LEX_END again and again. */
struct lex_token lex_next(struct lex *lex);

#endif
