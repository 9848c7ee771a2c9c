#ifndef IMAPD_ROUTE_H
#define IMAPD_ROUTE_H

/*
 * route - which commands are another user's imapd's to answer (imapd/guest.h):
 * those that name a folder below "Other Users/OWNER/", and those about the
 * selected folder if that is one of OWNER's.
 */

#include "imapd/session.h"

/*
 * True: it is answered.  What is left of the command stands in parse, untouched
 * if the answer is false.
 */
bool route_command(struct session *session, const struct parse *parse,
    bool names_folder, bool is_in_folder);

/*
 * LIST and LSUB, after what is our own: ask each owner who shares with the
 * user, and whose names the patterns may match.
 */
struct route_list {
	struct span command; /* "LIST ...", as it came */
	bool returns_subscribed;
	const struct buf *patterns; /* in UTF-8, with the reference */
	size_t count;
	bool (*is_wanted)(void *context, struct span name);
	void *context;
};
void route_list(struct session *session, const struct route_list *list);

/* Tell one "* LIST" line of an owner's, which nobody asked for. */
void route_tell_list(struct session *session, struct span line);

#endif
