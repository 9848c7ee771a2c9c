#ifndef QUEUE_SUPPRESS_H
#define QUEUE_SUPPRESS_H

/*
 * suppress - queue suppress add, list and remove.
 */

#include "queue/view.h"

/*
 * The arguments behind "suppress".  Ends the program with EX_USAGE, EX_NOPERM
 * or EX_NOINPUT and a line that says why.
 */
void suppress_run(struct view *view, int argc, char **argv, const char *usage);

#endif
