#ifndef SERVICE_HELPERS_H
#define SERVICE_HELPERS_H

/*
 * helpers - the part of checkpw that stays root, because PAM's modules ask for
 * it and a checker gets a uid of its own: a child for each question, which
 * alone reads it, answers and ends.
 */

#include "service/checker.h"

/* Serve the sessions that are opened over control until it closes. */
void helpers_serve(int control, const struct checkers *checkers);

#endif
