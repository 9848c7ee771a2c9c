#ifndef QUEUE_INJECTOR_H
#define QUEUE_INJECTOR_H

/*
 * injector - the two faces of queue-inject, and the file both write.
 */

#include <stdint.h>

#include "base/buf.h"
#include "queue/file.h"
#include "queue/inject.h"
#include "queue/spool.h"

enum {
	INJECTOR_DATABYTES = 50 << 20, /* default of control/databytes */
	INJECTOR_INLINE_MAX = 65536    /* kept in memory until it is whole */
};

struct injector {
	struct spool spool;
	uint64_t size_max; /* bytes of a message; 0: no limit */
};

/* A message on its way into the queue. */
struct incoming {
	struct queue_name name;
	int fd;         /* its file, locked; -1 before it exists */
	bool is_in_tmp; /* under tmp/ID, to be renamed */
	bool is_in_new;
	uint64_t written;    /* bytes of the file so far */
	uint64_t head_bytes; /* of them, the plain form's two first lines */
	struct queue_sum *sum;
	struct buf start; /* the message's first bytes, not yet written */
};

void incoming_init(struct incoming *incoming, const struct queue_id *id);

/*
 * Take the next bytes of the message.  What passes INJECTOR_INLINE_MAX goes to
 * a file in tmp/, in the form that envelope_so_far asks for (NULL: full).
 * False with errno set; EFBIG if it passes the limit.
 */
bool incoming_add(struct injector *injector, struct incoming *incoming,
    struct span bytes, const struct envelope *envelope_so_far);

/*
 * Write what is missing and give the file its name in new/.  After this it
 * waits only for a sync.  False with errno set.
 */
bool incoming_finish(struct injector *injector, struct incoming *incoming,
    struct span envelope_bytes, const struct envelope *envelope);

/* Remove the file, if any, under whatever name it has. */
void incoming_abort(struct injector *injector, struct incoming *incoming);

/* Close and forget; the file stays. */
void incoming_free(struct incoming *incoming);

/* Append "NAME\n" for the trigger. */
void incoming_add_name(const struct incoming *incoming, struct buf *names);

int injector_run_program(struct injector *injector, unsigned caller);
int injector_serve(struct injector *injector);

#endif
