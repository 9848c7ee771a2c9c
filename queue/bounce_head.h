#ifndef QUEUE_BOUNCE_HEAD_H
#define QUEUE_BOUNCE_HEAD_H

/*
 * bounce_head - the header of a report, in ASCII if the sender's address is.
 */

#include "queue/bounce.h"

/*
 * Append it to bounce->text, with the empty line behind it.  original: the
 * header of the message that it is about; is_8bit: some part is 8bit.
 */
void bounce_head_add(
    struct bounce *bounce, struct span to, struct span original, bool is_8bit);

#endif
