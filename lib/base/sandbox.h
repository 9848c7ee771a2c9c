#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

/*
 * sandbox - give up, for good, what a program will not need again.
 *
 * Three layers (DESIGN section 3): confine(8) closes the outer jail before the
 * program runs; the program closes the inner one with sandbox_enter after its
 * last open and before the first byte from outside; a program that forks a
 * child for each session closes that child's own layer with sandbox_session.
 *
 * A system call that is not allowed ends the process with SIGSYS.  Allowed
 * always: reading, writing, polling and closing descriptors that are open,
 * pipes, packets, memory without execution, clocks, exit.
 */

#include <stdbool.h>
#include <stddef.h>

/*
 * Was this built with sanitizers? Those make system calls and map memory of
 * their own, so such a build has the wider jail: uid, groups, no seccomp.
 */
bool sandbox_is_sanitized(void);

/* Ends the program if its effective user or group is root. */
void require_unprivileged(void);

enum sandbox {
	SANDBOX_PIPES = 0,            /* only what is allowed always */
	SANDBOX_FORK = 1 << 0,        /* fork and wait for children */
	SANDBOX_ACCEPT = 1 << 1,      /* accept from an open listener */
	SANDBOX_SOCKETPAIR = 1 << 2,  /* make pairs to hand out */
	SANDBOX_CONNECT = 1 << 3,     /* TCP and UDP clients, IPv4 and IPv6 */
	SANDBOX_READ_FILES = 1 << 4,  /* open and list; never to write */
	SANDBOX_WRITE_FILES = 1 << 5, /* make, change, link, sync files */
	SANDBOX_THREADS = 1 << 6,     /* threads; no processes */
	SANDBOX_BECOME = 1 << 7,      /* change uid, gid and groups */
	SANDBOX_EXECUTE = 1 << 8,     /* run other programs */
	SANDBOX_CHOWN = 1 << 9,       /* change a file's owner, by descriptor */
	SANDBOX_SIGNAL = 1 << 10,     /* signal other processes */
	SANDBOX_LAYER = 1 << 11,      /* close a further layer, in a child */
	SANDBOX_CONNECT_LOCAL = 1 << 12, /* clients of sockets with a path */
	SANDBOX_WATCH_FILES = 1 << 13,   /* hear of changes (inotify) */
	SANDBOX_EPOLL = 1 << 14,         /* begin an event loop */
};

/*
 * Close the inner jail: no_new_privs, no core files, not dumpable, seccomp
 * with what allowed names.  Files are forbidden by landlock too unless
 * allowed names them (confine(8) then bounds which).  Ends the program with
 * EX_TEMPFAIL if the kernel refuses.
 */
void sandbox_enter(unsigned allowed);

/*
 * The same for a program that forks a child for each session, of which each
 * closes its own layer with sandbox_session: of what is allowed here, only
 * session_allowed is left to it.
 */
struct sandbox_layer;
struct sandbox_layer *sandbox_enter_for_sessions(
    unsigned allowed, unsigned session_allowed);

/*
 * In the child, before the first byte: close every descriptor above 2 but the
 * count that are kept, at most SANDBOX_KEPT_MAX, and close the layer; ends the
 * child if the kernel refuses.
 */
enum {
	SANDBOX_KEPT_MAX = 16
};
void sandbox_session(
    const struct sandbox_layer *layer, const int *kept, size_t count);

/*
 * The list of confine(8): everything but what no program of the suite ever
 * does (ptrace, mount, bpf, modules, namespaces, io_uring, keys, ...).
 */
void sandbox_outer(void);

/* Become another user for good; ends the program unless all of it holds. */
void become_user(
    unsigned uid, unsigned gid, const unsigned *groups, unsigned group_count);

#endif
