#ifndef IMAPD_RIGHTS_H
#define IMAPD_RIGHTS_H

/*
 * rights - what the session's user may do, RFC 4314.  In an own mailbox that is
 * all; a guest (imapd -g) has the rights that folderacl(5) gives, judged anew
 * at each command from the folder's own file.
 */

#include "imapd/session.h"
#include "store/acl.h"

/* What the names of another account's folders begin with: OWNER/ follows. */
#define RIGHTS_OTHERS "Other Users/"

/* The answer to who lacks a right. */
extern const char rights_refused[];

bool rights_is_guest(const struct session *session);

/* On a folder of the account; 0 if its file cannot be read. */
uint32_t rights_on(const struct session *session, struct span folder);

/*
 * NULL if all that is needed is there; else the answer, which without the right
 * l is that of a folder that does not exist (RFC 4314 section 6).
 */
const char *rights_refusal(
    const struct session *session, struct span folder, uint32_t needed);

/* The same, answered: true if the command may go on. */
bool rights_require(
    struct session *session, struct span folder, uint32_t needed);

/* Has the user all of these on some folder? */
bool rights_has_somewhere(const struct session *session, uint32_t needed);

/* On the selected folder: they may be others by now. */
bool rights_require_selected(struct session *session, uint32_t needed);

/* Of system flags: those that may be changed with these rights. */
uint32_t rights_flags(uint32_t rights);

/*
 * Copies come without the flags that the user may not set where they go, RFC
 * 4314 section 4.
 */
void rights_limit_copies(
    const struct session *session, struct folder_copying *copying);

/* "* MYRIGHTS NAME RIGHTS" */
void rights_put(struct session *session, struct span folder, uint32_t rights);

/* "OWNER" of "Other Users/OWNER/...", empty if the name is not of that kind. */
struct span rights_owner(struct span name);

/* Is the name "Other Users", or of something in it? */
bool rights_is_of_others(struct span name);

#endif
