#ifndef QUEUE_HOLDRULES_H
#define QUEUE_HOLDRULES_H

/*
 * holdrules - standing rules by which mail is held as it arrives; queue(5).
 *
 * Grammar  queue/holdrules, a line a rule: its number, when it was made
 *          (microseconds since 1970), by whose uid, SENDER, DOMAIN.  SENDER is
 *          an address, "*@DOMAIN", "<>" or "*" for any; DOMAIN, a recipient's,
 *          or "*".  '#' begins a line that is none.  Domains are in A-labels;
 *          a message's may be in either form.
 * Limits   HOLDRULES_MAX rules.
 * Errors   a line without sense ends the program with EX_TEMPFAIL, as one of
 *          control/ does.
 * Cost     one look-up for each recipient, however many rules there are.
 */

#include "queue/envelope.h"

enum {
	HOLDRULES_MAX = 10000,
	HOLDRULES_BYTES_MAX = 8 << 20,
	HOLDRULE_TEXT_MAX = 640
};

struct holdrule {
	uint64_t number;
	uint64_t made_us;
	uint64_t uid;
	struct span sender;
	struct span domain;
	uint64_t hash; /* of the last two */
};

struct holdrules {
	struct buf text; /* owns what the items point into */
	struct holdrule *items;
	size_t count;
	size_t *by_hash; /* their indexes */
};

/*
 * Of the queue's folder; no file is no rule.  holdrules_load leaves no rules,
 * and says so, if the file cannot be read now; holdrules_read ends the program.
 */
bool holdrules_load(struct holdrules *rules, int top);
void holdrules_read(struct holdrules *rules, int top);
void holdrules_free(struct holdrules *rules);

/* One that was made before that, and that the message fits; or NULL. */
const struct holdrule *holdrules_find(const struct holdrules *rules,
    const struct envelope *envelope, uint64_t made_before_us);

/* May they stand in a rule?  Neither pattern nor space, but as above. */
bool holdrule_is_sender(struct span text);
bool holdrule_is_domain(struct span text);

/* Its line, with LF; and the same for people: "from SENDER to DOMAIN". */
void holdrule_add_line(struct buf *out, const struct holdrule *rule);
void holdrule_add_text(struct buf *out, const struct holdrule *rule);

#endif
