#ifndef FILTER_GUARD_H
#define FILTER_GUARD_H

/*
 * guard - refuse or defer recipients by what is known of the client: lists,
 * names, and whether it has been here before; filter-guard(8).
 */

#include "filter/judging.h"
#include "filter/weigh.h"
#include "net/network.h"

struct guard {
	struct weigh_settings weigh;
	int reject_at; /* control/dnsblreject; 0: never */
	bool is_greylisting;
	int greylist_at; /* control/greylistweight */
	struct network_list known;

	/* of a session */
	int greylist; /* session with greylist; -1: none */
	struct facts facts;
	struct inquiry inquiry;
	unsigned char client[16];
	bool is_stranger; /* one that is judged at all */
	bool is_weighed;
	struct weighed weighed;
	struct packet packet;
};

/* Read the control files; ends the program if one is broken. */
void guard_read_settings(struct guard *guard);

/* Test the lists that it is to ask. */
void guard_test_lists(struct guard *guard);

/* For struct filter_role. */
size_t guard_prepare(void *context, int kept[FILTER_KEPT_MAX]);
void guard_answer(void *context, int session,
    const struct filter_request *request, int message);

#endif
