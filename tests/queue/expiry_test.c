/*
 * expiry_test - a message whose time is over while it is noted that it waits:
 * its destination may be forgotten in that moment.  The clock is ours.
 */

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <time.h>

#include "queue/destinations.h"
#include "queue/manager.h"

#include "test.h"

enum {
	NOW = 2000000000,
	KEPT_MAX = 16,
	LOOKS_MAX = 20 /* at the clock, while one message is sorted */
};

static time_t seconds = NOW;

/* In place of libc's: a second goes by with each look. */
int
clock_gettime(clockid_t clock, struct timespec *time)
{
	(void)clock;
	*time = (struct timespec){ .tv_sec = seconds++ };
	return 0;
}

/* What was freed is not what it was, nor kept aside as small things are. */
static void
spoil_what_is_freed(void)
{
	void *kept[KEPT_MAX];

	mallopt(M_PERTURB, 0xa5);
	for (int i = 0; i < KEPT_MAX; i++)
		kept[i] = malloc(sizeof(struct destination));
	for (int i = 0; i < KEPT_MAX; i++)
		free(kept[i]);
}

/* Sort a message with BY=...;R for a domain that is fetched with ATRN. */
static void
sort(struct manager *manager, int64_t by)
{
	struct message *message = calloc(1, sizeof(*message));
	struct active *active = calloc(1, sizeof(*active));
	struct envelope *envelope = &active->file.envelope;
	const struct recipient recipient = { .address =
						 span_of("ann@customer.test") };
	struct buf records = buf_new(1000);

	envelope_add_recipient(&records, &recipient);
	envelope->recipients = buf_span(&records);
	envelope->recipient_count = 1;
	envelope->by = (struct deliver_by){ .time = by, .mode = 'R' };
	active->file.slot_count = 1;
	active->slots = calloc(1, sizeof(*active->slots));
	active->slots[0].state = SLOT_WAITING;
	active->marks = calloc(1, 1);
	active->in_hand = calloc(1, 1);
	active->jobs = 1;         /* ours: nobody concludes it */
	active->is_marked = true; /* nor is it written soon */
	message->active = active;
	schedule_sort(manager, message);
	CHECK("the message waits for its destination, or has failed",
	    (message->errands == NULL) ==
		(active->slots[0].state == SLOT_FAILED));
	bool is_known =
	    destination_find(manager, span_of("customer.test")) != NULL;
	CHECK("the destination is known as long as something waits for it",
	    is_known == (message->errands != NULL));
	CHECK("our hold is all that is left", active->jobs == 1);
	if (message->errands != NULL)
		errand_remove(manager, message->errands);
	buf_free(&records);
	free(active->slots);
	free(active->marks);
	free(active->in_hand);
	free(active);
	free(message);
}

int
main(void)
{
	static struct manager manager;
	struct span item = span_of("customer.test: alice");

	spoil_what_is_freed();
	manager.me = buf_new(100);
	buf_add_string(&manager.me, "a.test");
	manager.spool.top = AT_FDCWD; /* where there is no list of addresses */
	manager.odmr_domains =
	    (struct control_list){ .items = &item, .count = 1 };
	manager.lifetime_s = UINT32_MAX;
	manager.retry_min_s = manager.retry_max_s = 300;
	for (int looks = 0; looks < LOOKS_MAX; looks++) {
		seconds = NOW;
		sort(&manager, NOW + looks);
	}
	return test_result();
}
