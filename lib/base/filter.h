#ifndef BASE_FILTER_H
#define BASE_FILTER_H

/*
 * filter - the seccomp programs of sandbox.h: which system calls, and with
 * which arguments.
 */

#include <linux/filter.h>

enum {
	FILTER_MAX = 512 /* instructions */
};

struct filter {
	unsigned len;
	struct sock_filter code[FILTER_MAX];
};

/* What enum sandbox allows, and nothing else. */
void filter_build(struct filter *filter, unsigned allowed);

/* For a session of a parent that has such a filter: what it may not. */
void filter_build_layer(
    struct filter *filter, unsigned parent, unsigned allowed);

/* What nobody in the suite does. */
void filter_build_outer(struct filter *filter);

#endif
