#ifndef SIEVE_REGEX_PROGRAM_H
#define SIEVE_REGEX_PROGRAM_H

/*
 * regex_program - what regex_parse.c makes of a pattern and regex.c runs. Jumps
 * are relative, so that a piece can be moved and copied.
 */

#include "sieve/regex.h"

enum regex_operation {
	REGEX_CHARACTER, /* low */
	REGEX_ANY,
	/* A set: count items follow, each low to high or a class. */
	REGEX_SET,
	REGEX_RANGE,
	REGEX_CLASS, /* low is a class's number */
	REGEX_BEGIN,
	REGEX_END,
	REGEX_BOUND,      /* \b: between a word's character and another */
	REGEX_NO_BOUND,   /* \B */
	REGEX_WORD_BEGIN, /* \< */
	REGEX_WORD_END,   /* \> */
	REGEX_SAVE,       /* low: a place's number */
	REGEX_SPLIT,      /* to first, rather than to second */
	REGEX_JUMP,       /* to first */
	REGEX_MATCH
};

struct regex_instruction {
	enum regex_operation operation;
	bool is_negated; /* a set, or a class in it */
	uint32_t low;    /* also: a set's number of items */
	uint32_t high;
	int32_t first;
	int32_t second;
};

enum regex_class {
	REGEX_ALNUM,
	REGEX_ALPHA,
	REGEX_BLANK,
	REGEX_CNTRL,
	REGEX_DIGIT,
	REGEX_GRAPH,
	REGEX_LOWER,
	REGEX_PRINT,
	REGEX_PUNCT,
	REGEX_SPACE,
	REGEX_UPPER,
	REGEX_XDIGIT,
	REGEX_WORD, /* \w */
	REGEX_CLASS_COUNT
};

#endif
