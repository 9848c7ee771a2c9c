#ifndef SIEVE_SHOW_H
#define SIEVE_SHOW_H

/*
 * show - what a script leaves, for people and tests: an action a line.
 *
 *   keep                            fileinto "MAILBOX"
 *   redirect ADDRESS                reject "REASON"
 *   vacation "REASON"               notify METHOD "MESSAGE"
 *   discard                         what is left where nothing keeps it
 *
 * Behind it, where they matter: create, flags (...), days N or seconds N, from,
 * subject, handle, importance; and header, with the edited one on the lines
 * that follow, each behind two spaces.
 */

#include "sieve/sieve.h"

/* Append it. */
void sieve_show_result(struct buf *out, const struct sieve_result *result);

#endif
