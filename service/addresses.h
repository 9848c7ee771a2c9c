#ifndef SERVICE_ADDRESSES_H
#define SERVICE_ADDRESSES_H

/*
 * addresses - control/NAMEaddresses: where a service listens.
 */

#include "base/control.h"

/*
 * "192.0.2.1", "192.0.2.1:2525", "[2001:db8::1]:25", "2001:db8::1", "*:587":
 * the host, and the port, or nothing.
 */
void addresses_split(struct span text, struct buf *host, struct buf *service);

/* Read a file.  A broken line ends the program as control_complain does. */
struct control_list addresses_read(const char *name);

#endif
