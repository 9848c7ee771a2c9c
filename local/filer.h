#ifndef LOCAL_FILER_H
#define LOCAL_FILER_H

/*
 * filer - the deliverer's side of sieve-deliver(8), which delivers by the
 * script of a Maildir's owner and sees nothing but that Maildir: started when
 * a script is active, kept for the messages that follow.
 */

#include <limits.h>
#include <sys/types.h>

#include "base/packet.h"
#include "queue/delivery.h"

struct filer {
	pid_t pid; /* 0: none runs */
	int fd;
	char maildir[PATH_MAX];
	struct packet packet;
};

/* Is a script active there? */
bool filer_is_wanted(const char *maildir);

/*
 * Have a command of the parser done, which came with these descriptors (the
 * second is -1, or a session with queue-inject).  The verdict's spans last
 * until the next call.
 */
void filer_deliver(struct filer *filer, const char *maildir,
    struct span command, const int fds[2], struct verdict *verdict);

/* It ends when its pair does. */
void filer_end(struct filer *filer);

#endif
