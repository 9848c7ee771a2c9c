#ifndef IMAPD_PARSE_H
#define IMAPD_PARSE_H

/*
 * parse - the grammar of commands, RFC 9051 section 9 with RFC 3501's.
 *
 * A command is whole when it is parsed: its lines, each literal behind its
 * "{N}" CRLF, and no CRLF at its end (imapd/input.h).  A function takes what
 * it names off the front and returns true, or returns false; then the command
 * is wrong unless the header says that nothing was taken.
 *
 * Memory   spans point into the command.  A quoted string is unquoted where it
 *          stands, so a command is parsed once.
 * Limits   PARSE_DEPTH_MAX levels of parentheses; the command's length.
 */

#include "base/buf.h"

enum {
	PARSE_DEPTH_MAX = 20
};

struct parse {
	char *next;
	char *end;
};

/* All of a command. */
struct parse parse_begin(const struct buf *command);

struct span parse_rest(const struct parse *parse);
bool parse_is_end(const struct parse *parse);

/* Is c next? Nothing is taken; '\0' at the end. */
char parse_peek(const struct parse *parse);

/* Take c, or nothing. */
bool parse_char(struct parse *parse, char c);
bool parse_space(struct parse *parse);

/* Take word, any case, if it is next and no atom goes on behind it. */
bool parse_keyword(struct parse *parse, const char *word);

/* The same without a look at what follows: "BODY[". */
bool parse_prefix(struct parse *parse, const char *prefix);

/* Of at least one ATOM-CHAR. */
bool parse_atom(struct parse *parse, struct span *atom);
bool parse_tag(struct parse *parse, struct span *tag);

bool parse_string(struct parse *parse, struct span *string);
bool parse_astring(struct parse *parse, struct span *string);

/* NIL, a string or a literal8 (RFC 3516): NIL has ptr NULL. */
bool parse_nstring(struct parse *parse, struct span *string);

/* A name that may have the wildcards of LIST. */
bool parse_pattern(struct parse *parse, struct span *pattern);

bool parse_number(struct parse *parse, uint64_t max, uint64_t *number);

/* "{N}", "{N+}" or "~{N}" at the end of text: a literal is to follow. */
struct literal {
	uint64_t octets;
	bool is_sync; /* the client waits for "+" */
	bool is_binary;
	size_t len; /* of its announcement, from the brace or ~ on */
};
bool parse_literal(struct span text, struct literal *literal);

/* "\Seen" or a keyword; flags as of message_flag, 0 for a keyword. */
bool parse_flag(struct parse *parse, uint32_t *flag, struct span *keyword);

/* Days since 1970: "1-Feb-2024", quoted or not. */
bool parse_date(struct parse *parse, int64_t *day);

/* Seconds since 1970: "\" 1-Feb-2024 10:20:30 +0100\"". */
bool parse_date_time(struct parse *parse, int64_t *seconds);

#endif
