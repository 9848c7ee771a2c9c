#ifndef SERVICE_PAM_H
#define SERVICE_PAM_H

/*
 * pam - is this the password of a user of this host?
 */

#include "queue/login.h"

/*
 * Ask PAM, with /etc/pam.d/estafeta, whether this is user's password and his
 * account is good; uid 0 never.  peer is for the modules that count failures.
 */
enum checkpw_verdict pam_verdict(
    const char *user, const char *password, const char *peer);

#endif
