#ifndef QUEUE_STANDING_H
#define QUEUE_STANDING_H

/*
 * standing - queue limits: what the manager knows of each destination.
 */

#include "queue/view.h"

/* Ask it, and print what it says; ends the program if it says nothing. */
void standing_print(const struct view *view);

#endif
