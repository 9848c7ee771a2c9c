#ifndef NET_RELAYED_LINE_H
#define NET_RELAYED_LINE_H

/*
 * relayed_line - a line of IMAP or ManageSieve as it passes by, a byte at a
 * time: its beginning, whether a string is open in it, and whether a literal
 * is announced at its end (RFC 9051 section 9, RFC 5804 section 4).
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum {
	RELAYED_HEAD_MAX = 256 /* bytes that are known: a tag and a verb */
};

/* The announcement of a literal at the end of a line. */
enum relayed_brace {
	BRACE_NONE,
	BRACE_OPEN,   /* "{" */
	BRACE_DIGITS, /* "{12" */
	BRACE_PLUS,   /* "{12+" */
	BRACE_CLOSED, /* "{12}" */
	BRACE_CR      /* and the CR */
};

struct relayed_line {
	char head[RELAYED_HEAD_MAX];
	size_t len; /* of the line, which may be longer */
	char last;
	bool is_quoted; /* a string is open */
	bool is_escaped;
	enum relayed_brace brace;
	bool has_plus;
	uint64_t octets; /* at most INT64_MAX, whatever the digits say */
};

void relayed_line_begin(struct relayed_line *line);

/* The next byte, which is no LF. */
void relayed_line_add(struct relayed_line *line, char c);

/* Does a literal of line->octets follow, if it ends here? */
bool relayed_line_announces(const struct relayed_line *line);

/* Is all of it known? */
bool relayed_line_is_known(const struct relayed_line *line);

/* What is known of it, without CR. */
struct span relayed_line_text(const struct relayed_line *line);

/* As many of the bytes as are left of a literal, which are so many fewer. */
size_t relayed_pass_octets(uint64_t *octets, size_t bytes);

#endif
