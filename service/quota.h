#ifndef SERVICE_QUOTA_H
#define SERVICE_QUOTA_H

/*
 * quota - how much an account has sent within an hour.
 *
 * An hour begins with an account's first message; when it is over the count
 * begins anew.  It is kept in login's memory alone: a restart forgets it.
 *
 * Limits  QUOTA_SLOTS accounts; a new one takes the place of the one, of
 *         QUOTA_WAYS, whose hour began first.
 */

#include <stdbool.h>
#include <stdint.h>

enum {
	QUOTA_HOUR_MS = 3600 * 1000,
	QUOTA_SLOTS = 8192,
	QUOTA_WAYS = 16
};

struct quota_slot {
	uint64_t account; /* a hash of its name; 0: free */
	int64_t begun_ms;
	uint64_t messages;
	uint64_t recipients;
};

struct quota {
	uint64_t messages_max; /* control/messagesperhour; 0: no limit */
	uint64_t recipients_max;
	struct quota_slot slots[QUOTA_SLOTS];
};

/* Count one more message; false, and nothing counted, if it is too much. */
bool quota_take(
    struct quota *quota, uint64_t account, uint64_t recipients, int64_t now_ms);

#endif
