#ifndef IMAPD_SORT_H
#define IMAPD_SORT_H

/*
 * sort - SORT's order, RFC 5256 and RFC 5957.
 *
 * Limits  SORT_KEYS_MAX criteria.
 * Memory  the keys of all messages while it runs; 12 bytes for each until
 *         sort_forget.
 */

#include "imapd/session.h"

enum {
	SORT_KEYS_MAX = 16
};

enum sort_criterion {
	BY_ARRIVAL,
	BY_CC,
	BY_DATE,
	BY_FROM,
	BY_SIZE,
	BY_SUBJECT,
	BY_TO,
	BY_DISPLAY_FROM,
	BY_DISPLAY_TO,
	BY_RELEVANCY /* RFC 6203: the highest first */
};

struct sort_order {
	struct {
		enum sort_criterion criterion;
		bool is_reverse;
	} keys[SORT_KEYS_MAX];
	size_t count;
	bool is_inverted;      /* RFC 4790 section 3.3: of texts, not numbers */
	const uint8_t *scores; /* BY_RELEVANCY: of each message */
};

/* "(REVERSE DATE SUBJECT)" */
bool sort_parse(struct sort_order *order, struct parse *parse);

bool sort_is_by_relevancy(const struct sort_order *order);

/*
 * Of the selected folder: in that order, then by number.  That of all messages
 * is remembered for the next time, until sort_forget.  False: some could not be
 * read, and sort first.
 */
bool sort_picks(struct session *session, const struct sort_order *order,
    struct picks *picks);

/* While nothing is asked, and when the folder is left. */
void sort_forget(struct session *session);

#endif
