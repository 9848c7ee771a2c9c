#ifndef LOCAL_SPAWNER_H
#define LOCAL_SPAWNER_H

/*
 * spawner - the part of local-deliver that is root.
 *
 * It reads fixed records from the parser, checks numbers, forks, changes
 * owners of queue files by descriptor; it opens no path and reads no message.
 */

#include <stdint.h>

struct spawner {
	int parser_fd;
	unsigned uid_min;   /* no deliverer below, but alias_uid */
	unsigned alias_uid; /* mta-alias */
	unsigned alias_gid;
	unsigned mail_gid;      /* group mail; 0: there is none */
	unsigned queue_uids[2]; /* who may own a queue file before us */
	int64_t program_timeout_ms;
};

/* Serve until the parser ends; an exit code. */
int spawner_run(const struct spawner *spawner);

#endif
