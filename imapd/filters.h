#ifndef IMAPD_FILTERS_H
#define IMAPD_FILTERS_H

/*
 * filters - which folders are meant: RFC 5465 section 6 with RFC 7377 section
 * 2.2's subtree-one.
 *
 * Limits  FILTERS_NAMES_MAX names of folders.
 * Memory  filters_free, also of an object of zeros.
 */

#include "imapd/session.h"

enum {
	FILTERS_NAMES_MAX = 1000
};

enum filter_kind {
	FILTER_SELECTED = 1 << 0,
	FILTER_PERSONAL = 1 << 1, /* and inboxes: .qmail may deliver anywhere */
	FILTER_SUBSCRIBED = 1 << 2,
	FILTER_MAILBOXES = 1 << 3,
	FILTER_SUBTREE = 1 << 4,
	FILTER_SUBTREE_ONE = 1 << 5
};

struct filters {
	unsigned kinds;   /* all that are there */
	struct buf names; /* UTF-8 */
	struct buf items; /* of struct filter, one a name */
};

/* "mailboxes (a b) subtree c selected" */
bool filters_parse(struct filters *filters, const struct session *session,
    struct parse *parse);
/* One of them. */
bool filters_parse_one(struct filters *filters, const struct session *session,
    struct parse *parse);
void filters_free(struct filters *filters);

/* The name with that number, and what is meant of it; false behind the last. */
bool filters_name(const struct filters *filters, size_t number,
    enum filter_kind *kind, struct span *name);

/* Is it one of those, selected apart? */
bool filters_match(
    const struct filters *filters, const struct account_folder *folder);

#endif
