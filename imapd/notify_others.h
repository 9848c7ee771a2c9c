#ifndef IMAPD_NOTIFY_OTHERS_H
#define IMAPD_NOTIFY_OTHERS_H

/*
 * notify_others - NOTIFY (RFC 5465) of other users' folders: each owner whose
 * folders are meant has a guest (imapd/guest.h), which is told what of the
 * request is about these, watches them, and judges itself what the user may
 * know.  What it says goes to the client.
 *
 * Told     no owner learns of another's names, or the user's.
 * Limits   NOTIFY_OWNERS_MAX owners, and what login(8) gives.  Who shares
 *          nothing when it is asked is left out until a command reaches him,
 *          who was silent for good.
 * Ends     a guest that makes room for another is asked anew, with STATUS, and
 *          left out if he shares nothing any more or is silent; one that ends
 *          by itself, tells no more or cannot be had again ends all notices,
 *          and the session if it has the selected folder and ends.
 */

#include <poll.h>

#include "imapd/guest.h"
#include "imapd/notify_parse.h"

enum {
	NOTIFY_OWNERS_MAX = GUESTS_MAX - 1
};

/*
 * Tell all guests what request, or NULL before the first NOTIFY, wants of them.
 * What they say of it is told.  NULL, or what NOTIFY is answered: too many
 * owners, or one that cannot be had.
 */
const char *notify_others_set(struct session *session,
    const struct notify_request *request, bool has_status);

/* The same to this one, which is about to have the selected folder; false: it
 * ended. */
bool notify_others_select(struct session *session, struct guest *guest);

/* The subscriptions may be others. */
bool notify_others_update(
    struct session *session, const struct notify_request *request);

/* Is each guest there that was told, and each told that came? False if one
 * cannot be had. */
bool notify_others_keep(
    struct session *session, const struct notify_request *request);

/* Where they are heard, at most GUESTS_MAX; returns how many. */
size_t notify_others_poll(
    const struct session *session, struct pollfd polled[GUESTS_MAX]);

/* One line of each that has said something; true if there was one. */
bool notify_others_hear(struct session *session);

/* IDLE begins or ends: what SELECTED-DELAYED puts off is told, and is not put
 * off in between. */
void notify_others_idle(struct session *session, bool is_idle);

#endif
