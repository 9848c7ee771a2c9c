#ifndef BASE_SYNCER_H
#define BASE_SYNCER_H

/*
 * syncer - one sync in flight, made by a thread, for all who wait.
 *
 * The thread calls syncfs(2) on the file system of one descriptor.  What was
 * written before syncer_start is on stable storage when a successful result
 * for it comes; what is written while a sync runs waits for the next one.
 * Start it before the jail closes (it needs a thread).
 */

#include <stdbool.h>

struct syncer;

/* Ends the program with EX_TEMPFAIL if the thread cannot be made. */
struct syncer *syncer_new(int file_system_fd);

/* Becomes readable when a result is there. */
int syncer_fd(const struct syncer *syncer);

/* Begin a sync; there must be none in flight. */
void syncer_start(struct syncer *syncer);

/* Take the result: 0, or the errno of the sync that failed. */
int syncer_result(struct syncer *syncer);

#endif
