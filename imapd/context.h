#ifndef IMAPD_CONTEXT_H
#define IMAPD_CONTEXT_H

/*
 * context - searches whose result is kept up to date: RETURN (UPDATE), RFC 5267
 * section 4.3, until CANCELUPDATE or until the folder is left.
 *
 * Limits  settings->contexts_max of them; one more is NOUPDATE.
 * Memory  a command and 4 bytes for each message that it found.
 */

#include "imapd/program.h"
#include "imapd/search.h"
#include "imapd/sort.h"

struct context_search {
	struct program *program;
	const struct sort_order *order;   /* NULL: as in the folder */
	const struct search_found *found; /* by it, in the selected folder */
	struct span items;                /* search_returns.items_of_new */
};

/* Does the command want UPDATE with such a tag?  Then it is answered BAD. */
bool contexts_reject_tag(
    struct session *session, const struct search_returns *returns);

/*
 * Keep the search that runs, of session->tag; or say NOUPDATE.  The program and
 * the command that it points into are taken over if it is kept.
 */
void contexts_add(struct session *session, const struct context_search *search);
void contexts_refuse(struct session *session); /* NOUPDATE */

/*
 * ESEARCH REMOVEFROM of what is expunged and still has a number: to be told
 * before EXPUNGE (section 4.3.4).
 */
void contexts_tell_expunged(struct session *session);

/*
 * What else changed, behind EXISTS and FETCH (RFC 5465 section 5).  Messages
 * from first_new on were not in the view before.  is_fresh: the view was
 * refreshed at once before this, so whoever has a lower mod-sequence than
 * another has not changed since.
 */
void contexts_tell_changes(
    struct session *session, size_t first_new, bool is_fresh);
void contexts_free(struct session *session);

#endif
