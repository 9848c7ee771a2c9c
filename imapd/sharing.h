#ifndef IMAPD_SHARING_H
#define IMAPD_SHARING_H

/*
 * sharing - what login(8) knows of accounts that share folders.
 */

#include "imapd/session.h"
#include "queue/sharing.h"

/* Tell with whom the account shares now.  ACCOUNT_LIMIT: with more than it may,
 * and than before; what was told before holds. */
enum account_status sharing_publish(struct session *session);

/* Append the names of those who share with the user, each ended by LF. */
bool sharing_owners(struct session *session, struct buf *owners);

/*
 * A guest's imapd at owner's mailbox, or (SHARING_READ_URLS) one for URLs: its
 * client's end, or -1; *is_later: not because there is no such owner.
 */
int sharing_open(struct session *session, enum sharing_kind kind,
    struct span owner, bool *is_later);

/*
 * May the account send one more message, to so many? It is counted then.
 * False: not now, *is_later: as that cannot be told.
 */
bool sharing_may_send(
    struct session *session, uint64_t recipients, bool *is_later);

/* A session with queue-inject, which stays the session's; or -1. */
int sharing_injector(struct session *session);

/* The session ends: so does that one. */
void sharing_free(struct session *session);

#endif
