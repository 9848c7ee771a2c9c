#ifndef SMTPD_LINES_H
#define SMTPD_LINES_H

/*
 * lines - a message's bytes, as they come, cut into lines.
 *
 * Limits  a line of over DATA_LINE_MAX bytes is passed over, and noted.
 * Memory  one unfinished line.
 */

#include "base/buf.h"

enum {
	DATA_LINE_MAX = 65536 /* we carry what RFC 5321 4.5.3.1.6 would not */
};

struct lines {
	struct buf carry; /* a line whose end has not come */
	bool is_used;     /* carry was returned: clear it first */
	bool is_too_long; /* some line was; it stays set */
};

void lines_init(struct lines *lines);
void lines_free(struct lines *lines);

/*
 * Take bytes up to a line's LF.  True: *line is that line without its LF,
 * valid until the next call.  False: all was taken, and its line goes on.
 */
bool lines_next(struct lines *lines, struct span *bytes, struct span *line);

/* What came after the last LF. */
struct span lines_rest(const struct lines *lines);

#endif
