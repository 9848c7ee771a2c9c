#ifndef QUEUE_BOUNCE_H
#define QUEUE_BOUNCE_H

/*
 * bounce - writing one delivery status notification, RFC 3464.
 */

#include "queue/file.h"
#include "queue/report.h"

struct bounce_settings {
	struct buf me;
	struct buf double_to;  /* control/doublebounceto */
	uint64_t original_max; /* control/bouncebytes: return it whole up to */
};

struct bounce {
	const struct bounce_settings *settings;
	const struct report *report;
	const struct queue_file *file;
	struct span sender; /* of the message; with VERP of its recipient */
	uint64_t first;     /* the slot of the file's first recipient */
	bool is_double;
	bool has_failed;     /* the queue file could not be read */
	struct buf failures; /* text about each recipient, for people */
	struct buf statuses; /* the same for machines */
	size_t count;        /* recipients it speaks of */
	struct buf text;     /* the finished message */
	struct buf envelope;
};

/*
 * Write the notification into bounce->text and bounce->envelope.  False if
 * none is due (nobody to tell, or nobody wants it); then why says it.  Of
 * no use if bounce->has_failed then.
 */
bool bounce_write(struct bounce *bounce, const char **why);
void bounce_free(struct bounce *bounce);

#endif
