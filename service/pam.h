#ifndef SERVICE_PAM_H
#define SERVICE_PAM_H

/*
 * pam - is this the password of a user of this host?
 */

#include "queue/login.h"

/*
 * Load PAM's modules and NSS's, once, before the children fork that ask them.
 * The file is read by each child anew; a module that was replaced on disk is
 * used after a restart, as libpam itself.
 */
void pam_prepare(void);

/*
 * Ask PAM, with /etc/pam.d/estafeta, whether this is user's password and his
 * account is good; uid 0 never.  peer is for the modules that count failures.
 */
enum checkpw_verdict pam_verdict(
    const char *user, const char *password, const char *peer);

#endif
