#ifndef NET_LOAD_H
#define NET_LOAD_H

/*
 * load - do more processes want the processors than are there?
 */

#include <stdbool.h>
#include <stdint.h>

/* Those that may be used; at least 1. */
uint64_t load_processors(void);

/*
 * Do more than two processes want each of so many processors, without the
 * caller?  fd is /proc/loadavg; if it is not: no.
 */
bool load_is_high(int fd, uint64_t processors);

#endif
