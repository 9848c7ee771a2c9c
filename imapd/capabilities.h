#ifndef IMAPD_CAPABILITIES_H
#define IMAPD_CAPABILITIES_H

/*
 * capabilities - what CAPABILITY lists before and after the log-in.
 */

#include "base/buf.h"

/* Append each after a space; message_max 0: APPENDLIMIT is not listed. */
void capabilities_add(
    struct buf *text, bool is_logged_in, uint64_t message_max);

#endif
