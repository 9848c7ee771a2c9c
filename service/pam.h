#ifndef SERVICE_PAM_H
#define SERVICE_PAM_H

/*
 * pam - the part of checkpw that stays root, because PAM's modules ask for
 * it: a child for each question, which alone reads it, answers and ends.
 */

#include "queue/login.h"

/*
 * Ask PAM, with /etc/pam.d/estafeta, whether this is user's password and his
 * account is good; uid 0 never.  peer is for the modules that count failures.
 */
enum checkpw_verdict pam_verdict(
    const char *user, const char *password, const char *peer);

/* Serve the sessions that are opened over control until it closes. */
void pam_serve(int control);

#endif
