#ifndef QUEUE_FILTERS_H
#define QUEUE_FILTERS_H

/*
 * filters - control/filters: which filters are asked, in which order, and
 * what holds when one fails; filter(5).
 */

#include "base/control.h"

enum {
	FILTERS_MAX = 5
};

struct filters {
	size_t count;
	const char *names[FILTERS_MAX];
	int neighbours[FILTERS_MAX]; /* enum neighbour_fd */
	bool is_open[FILTERS_MAX];   /* a failure lets mail pass: guard's */
};

/* Take one out, if it is there. */
void filters_drop(struct filters *filters, int neighbour);

/* Read the file.  A broken line ends the program as control_complain does. */
void filters_read(struct filters *filters);

#endif
