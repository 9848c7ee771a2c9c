#ifndef BASE_SYNCER_H
#define BASE_SYNCER_H

/*
 * syncer - one sync in flight, made by a thread, for all who wait.
 *
 * What was written before syncer_start is on stable storage when a successful
 * result for it comes: the files that were added, or all of one file system.
 * What is written while a sync runs waits for the next one.
 * Start it before the jail closes (it needs a thread).
 */

#include <stdbool.h>

struct syncer;

/*
 * The file system is that of the descriptor.  Ends the program with EX_TEMPFAIL
 * if the thread cannot be made.
 */
struct syncer *syncer_new(int file_system_fd);

/* Becomes readable when a result is there. */
int syncer_fd(const struct syncer *syncer);

/*
 * The next sync is of this new file and of others that are added, and of
 * nothing else (file_sync_all); fd stays the caller's, open until the result.
 * There must be no sync in flight.
 */
void syncer_add(struct syncer *syncer, int fd);

/* Begin a sync; there must be none in flight. */
void syncer_start(struct syncer *syncer);

/* Take the result: 0, or the errno of the sync that failed. */
int syncer_result(struct syncer *syncer);

#endif
