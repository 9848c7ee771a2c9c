#ifndef QUEUE_SPOOL_H
#define QUEUE_SPOOL_H

/*
 * spool - the queue's folders; queue(5).
 *
 * new/ and tmp/ belong to mta-queue, group mta-inject, mode 3730: injectors
 * make files there and cannot list them.  cur/0 ... cur/f (by the id's last
 * digit) are the manager's alone.  trigger is a FIFO that takes the names of
 * accepted files, one a line; command is the manager's own, for mailq(1).
 */

#include "queue/file.h"

enum {
	SPOOL_FOLDERS = 16 /* below cur/ */
};

struct spool {
	int top;       /* the queue's folder itself */
	int arrived;   /* new/ */
	int temporary; /* tmp/ */
	int trigger;   /* opened to read and write: never waits for the other */
	size_t trigger_full; /* bytes that a full one holds at least */
};

/* Open all; ends the program with EX_TEMPFAIL and the mend. */
void spool_open(struct spool *spool);

/*
 * Make a file in new/ (or tmp/) that was not there, locked by us until it is
 * closed, mode 0660.  -1 with errno set; EEXIST if that name is taken.
 */
int spool_create(int folder, const char *name);

/* A file in tmp/ that has no name; -1 with errno set. */
int spool_scratch(const struct spool *spool);

/*
 * Tell the manager about accepted files: names, each ended by LF.  How many
 * bytes the FIFO took; the other names are still to be told.
 */
size_t spool_notify(const struct spool *spool, struct span names);

/* Append what asks it to try all mail for a domain now (ETRN), to be told among
 * the names. */
void spool_add_retry(struct buf *names, struct span domain);

/* "cur/X/NAME", relative to top. */
void spool_cur_path(const struct queue_name *name, char path[96]);

#endif
