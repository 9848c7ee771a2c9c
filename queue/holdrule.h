#ifndef QUEUE_HOLDRULE_H
#define QUEUE_HOLDRULE_H

/*
 * holdrule - queue holdrule add, list and remove.
 */

#include "queue/select.h"
#include "queue/view.h"

/*
 * The arguments behind "holdrule".  Ends the program with EX_USAGE, EX_NOPERM
 * or EX_NOINPUT and a line that says why.  True: what is queued already and is
 * in *selection is to be held, too.
 */
bool holdrule_run(struct view *view, int argc, char **argv, const char *usage,
    struct selection *selection);

#endif
