#ifndef QUEUE_ID_H
#define QUEUE_ID_H

/*
 * id - the queue id: 13 hex digits of UTC microseconds, 10 of randomness.
 *
 * It names a message in SMTP's 250, in Received, in each log line and in the
 * queue; sorted by name, messages are sorted by arrival.
 */

#include "base/span.h"

enum {
	QUEUE_ID_LEN = 23
};

struct queue_id {
	char text[QUEUE_ID_LEN + 1]; /* NUL-terminated */
};

/* A new id, now. */
struct queue_id queue_id_make(void);

/*
 * The id of a report about a message: the same each time for the same
 * (parent, purpose), so that NOREPLACE keeps a repeated one out.
 */
struct queue_id queue_id_derive(
    const struct queue_id *parent, struct span purpose);

/* False unless text is exactly an id in lower-case hex. */
bool queue_id_parse(struct span text, struct queue_id *id);

/* Microseconds since 1970 at which the id was made. */
uint64_t queue_id_time_us(const struct queue_id *id);

#endif
