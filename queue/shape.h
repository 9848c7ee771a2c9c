#ifndef QUEUE_SHAPE_H
#define QUEUE_SHAPE_H

/*
 * shape - how much waits for each domain, by age: what Postfix calls qshape.
 */

#include "queue/file.h"

enum {
	SHAPE_AGES = 10 /* under 5, 10, 20 ... 1280 minutes, and older */
};

struct shape_row {
	struct shape_row *next;
	char *domain;
	unsigned long total;
	unsigned long ages[SHAPE_AGES];
};

struct shape {
	struct shape_row *rows[1024];
	size_t row_count;
	bool by_sender; /* the sender's domain, not the recipients' */
};

/* Count each recipient that waits (or the message, by_sender). */
void shape_add(struct shape *shape, const struct queue_file *file);

/* A table, most first, at most max rows; or a JSON object a row. */
void shape_print(const struct shape *shape, size_t max, bool is_json);

#endif
