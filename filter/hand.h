#ifndef FILTER_HAND_H
#define FILTER_HAND_H

/*
 * hand - a filter on descriptors, filter(5) "By hand": a message on standard
 * input, the facts as arguments, the edited message on standard output, the
 * verdict as exit status.
 *
 * The filter itself is a child that answers a session; this side asks it as
 * smtpd would.
 */

#include "filter/judging.h"

/* Exit code. */
int hand_run(const struct filter_role *role, int argc, char **argv);

#endif
