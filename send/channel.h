#ifndef SEND_CHANNEL_H
#define SEND_CHANNEL_H

/*
 * channel - one destination, one connection, any number of messages.
 */

#include "send/connect.h"

/*
 * Ask the manager for a connection to this MX host.  If there may be none now
 * it has taken its message back, and the process ends.
 */
void channel_ask(int manager, struct span host);

/*
 * Serve the channel on fd until the manager closes it.  A connection that is
 * given is used, and when it ends so does the channel; -1: one is made.  Exit
 * code.
 */
int channel_run(const struct send_settings *settings, struct helpers *helpers,
    const struct channel_opening *target, int fd, int given);

#endif
