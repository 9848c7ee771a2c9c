#ifndef IMAPD_CAPABILITIES_H
#define IMAPD_CAPABILITIES_H

/*
 * capabilities - what CAPABILITY lists before and after the log-in.
 */

#include "base/buf.h"

struct session_settings;

/* Append each after a space, with the limits that are set; settings are NULL
 * before the log-in. */
void capabilities_add(
    struct buf *text, const struct session_settings *settings);

#endif
