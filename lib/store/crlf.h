#ifndef STORE_CRLF_H
#define STORE_CRLF_H

/*
 * crlf - a message's lines as the wire has them: each ended by CRLF, whether
 * it was kept with LF or CRLF, and the last one ended, too.  They are handed
 * out in pieces of up to 8 KiB, which end anywhere.
 */

#include "base/span.h"

struct crlf {
	bool (*take)(void *context, struct span piece);
	void *context;
	char last; /* byte that came in; '\n' at first */
};

/* Both are false as soon as take is. */
bool crlf_add(struct crlf *crlf, struct span bytes);
bool crlf_end(struct crlf *crlf);

#endif
