#ifndef FILTER_EDITS_H
#define FILTER_EDITS_H

/*
 * edits - edits that wait for the verdict they belong to; filter(5).
 */

#include "queue/filter.h"

enum {
	EDITS_BYTES_MAX = 1 << 20
};

struct edits {
	struct buf packets; /* each after its length, 4 bytes */
	bool is_bad;        /* one was none, or they are too many */
};

struct edits edits_new(void);
void edits_clear(struct edits *edits);
void edits_free(struct edits *edits);

/* Keep one; is_bad is set if it is none that filter(5) has. */
void edits_keep(struct edits *edits, const struct filter_answer *edit);

/* Send all over session; false if smtpd is gone, or is_bad is set. */
bool edits_send(const struct edits *edits, int session);

#endif
