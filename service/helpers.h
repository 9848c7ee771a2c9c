#ifndef SERVICE_HELPERS_H
#define SERVICE_HELPERS_H

/*
 * helpers - the part of checkpw that stays root, because PAM's modules ask for
 * it and a checker gets a uid of its own: a child for each question, which
 * alone reads it, answers and ends.
 */

#include "service/checker.h"
#include "service/turns.h"

/*
 * Serve the sessions that are opened over control until it closes: a worker's,
 * who has taken the turn, and those for PAM that are passed on, which take one.
 */
void helpers_serve(
    int control, const struct checkers *checkers, const struct turns *turns);

#endif
