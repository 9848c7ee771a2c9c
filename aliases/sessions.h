#ifndef ALIASES_SESSIONS_H
#define ALIASES_SESSIONS_H

/*
 * sessions - lookup(8)'s wire: the control pair and the sessions it opened.
 */

#include "aliases/answer.h"

struct server;

/* Made before the jail closes; ends the program if it cannot be. */
struct server *sessions_open(struct directory *directory);

/*
 * Answer until the control pair closes.  A session that sends what is no
 * request is closed; the control pair is told LOOKUP_LATER.
 */
void sessions_serve(struct server *server);

/* The answer to one request packet; false if it is none. */
bool sessions_answer(
    struct directory *directory, struct span request, struct buf *reply);

#endif
