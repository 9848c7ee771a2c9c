#ifndef SEND_CHANNEL_H
#define SEND_CHANNEL_H

/*
 * channel - one destination, one connection, any number of messages.
 */

#include "send/connect.h"

/* Serve the channel on fd until the manager closes it.  Exit code. */
int channel_run(const struct send_settings *settings, struct helpers *helpers,
    const struct target *target, int fd);

#endif
