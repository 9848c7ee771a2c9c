#ifndef SEND_POLICIES_H
#define SEND_POLICIES_H

/*
 * policies - the MTA-STS policies that were fetched, one file each below
 * /var/mta/sts, named as its domain; sts(8) has the format.
 *
 * What the files hold was read and written anew before: none has a byte more of
 * a stranger's than a policy needs.  A file is replaced whole, synced; when it
 * was last modified is when its policy was last used, to the day.
 */

#include "net/sts.h"

enum {
	POLICIES_DAY_S = 86400,
	POLICIES_IDLE_S = 30 * POLICIES_DAY_S /* not kept fresh after that */
};

/* One of them, and what is known of it; times as time(2). */
struct kept {
	struct sts_policy policy;
	char id[STS_ID_MAX + 1];
	int64_t fetched_s;
	int64_t used_s;
	bool is_read; /* its file, whatever it says */
};

/* Remove what a crash left behind; how many files there are. */
size_t policies_open(void);

/* False if there is none that has not expired.  Mode none without one. */
bool policies_load(const char *domain, struct kept *kept);

/* Is there a file, whatever it holds? */
bool policies_has(const char *domain);

/* It is used: note the day. */
void policies_use(const char *domain, const struct kept *kept);

/*
 * Keep it, and let go of the one that was not used for longest if there would
 * be more than max (*count is kept right).  False, with a line in the log, if
 * that fails: the file that there was is whole.
 */
bool policies_save(
    const char *domain, const struct kept *kept, size_t max, size_t *count);

bool policies_drop(const char *domain);

/* Is it so old that it is to be fetched anew, though it counts yet? */
bool policies_is_due(const struct kept *kept);

/* Each file that is there; name is a domain's.  False ends it. */
void policies_each(
    bool (*visit)(const char *domain, void *context), void *context);

/* For a person: a line each. */
int policies_print(void);

#endif
