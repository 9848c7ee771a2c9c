#ifndef QUEUE_SELECT_H
#define QUEUE_SELECT_H

/*
 * select - which messages queue(1) is asked about.
 *
 * All that is given must hold.  Patterns are fnmatch(3)'s, ASCII case ignored.
 */

#include "queue/file.h"

enum {
	SELECT_IDS_MAX = 1000
};

struct selection {
	const char *const *ids; /* the caller's; none: any */
	size_t id_count;
	const char *sender;
	const char *recipient; /* one that still waits */
	const char *domain;    /* of one that still waits */
	const char *field;     /* "Name: pattern", of the message's header */
	int64_t older_s;       /* at least; 0: any */
	int64_t younger_s;     /* at most; 0: any */
	bool is_all;
	bool is_held; /* only those */
};

/* Does it say anything?  What changes mail must not be asked about all. */
bool selection_says(const struct selection *selection);

/* "90", "90s", "15m", "4h" or "5d" in seconds; false if it is none. */
bool selection_age(const char *text, int64_t *seconds);

bool selection_has(const struct selection *selection,
    const struct queue_file *file, bool is_held);

#endif
