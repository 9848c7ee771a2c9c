#ifndef LOCAL_PARSER_H
#define LOCAL_PARSER_H

/*
 * parser - the part of local-deliver that reads messages and alias texts.
 *
 * It has no file, no privilege and no network: only the pairs with the
 * manager, the spawner, its deliverers, lookup and queue-inject.
 */

#include "local/answers.h"
#include "local/pool.h"

struct parser {
	int manager_fd;
	int inject_fd; /* control pair with queue-inject; -1: none */
	struct buf host;
	struct expander expander;
	struct answers answers;
	struct pool pool;
	struct packet packet;
	struct buf name;    /* of the file in a Maildir, being sent */
	struct buf purpose; /* of a derived id */
	struct buf members; /* of a forward, with their DSN parameters */
	struct queue_id new_id;
	struct buf reply;
};

/* Fill what does not come from the configuration. */
void parser_init(
    struct parser *parser, int manager_fd, int spawner_fd, size_t busy_max);

/* Serve until the manager's end closes; an exit code. */
int parser_run(struct parser *parser);

#endif
