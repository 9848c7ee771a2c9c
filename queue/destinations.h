#ifndef QUEUE_DESTINATIONS_H
#define QUEUE_DESTINATIONS_H

/*
 * destinations - where mail goes: its queue, how much of it may be on its way
 * at once, and when it is left alone.
 */

#include "queue/manager.h"

/* Of mail for a domain that has no route of its own; NULL: there is none. */
struct destination *destination_find(
    const struct manager *manager, struct span domain);
/* The one of a recipient, as routing.h says; made if it is new. */
struct destination *destination_of(struct manager *manager,
    const struct message *message, struct span address);
bool destination_is(const struct manager *manager,
    const struct destination *destination, const struct message *message,
    struct span address);
/* At the end of a ring; the first of one, or NULL. */
void ring_add(struct ring *ring, struct destination *destination);
struct destination *ring_take(struct ring *ring);
/* It could not be reached lately, or asks for its mail itself. */
bool destination_is_blocked(const struct destination *destination);
/* Why, in a recipient's slot. */
const char *destination_why_blocked(const struct destination *destination);
bool destination_has_work(const struct destination *destination);
/* It has work and may have one more channel: give it a turn. */
void destination_consider(
    struct manager *manager, struct destination *destination);
/* The next whose turn it is, or NULL. */
struct destination *destination_turn(struct manager *manager);
/* Try it again, whatever it did lately. */
void destination_unblock(
    struct manager *manager, struct destination *destination);
void destination_unblock_all(struct manager *manager);
/* What a transaction said of it. */
void destination_note(struct manager *manager, struct destination *destination,
    enum channel_note note);
/* May a message go now?  It counts as gone. */
bool destination_paces(struct destination *destination);
/* Limits were read again. */
void destination_limit_all(struct manager *manager);
/* Forget it if there is nothing to remember. */
void destination_release(
    struct manager *manager, struct destination *destination);

#endif
