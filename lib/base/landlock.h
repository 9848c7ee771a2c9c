#ifndef BASE_LANDLOCK_H
#define BASE_LANDLOCK_H

/*
 * landlock - which files this process and its children may still touch.
 *
 * Works at whatever version the kernel has (0 is none: only logged by the
 * caller).  What a version does not know it does not stop; seccomp is the
 * first wall (DESIGN section 3), this is the second.
 */

#include <stdbool.h>
#include <stddef.h>

enum landlock_access {
	LANDLOCK_READ = 1 << 0,    /* read files, list folders */
	LANDLOCK_EXECUTE = 1 << 1, /* ... and execute them */
	LANDLOCK_WRITE = 1 << 2,   /* write, make, remove, link, rename */
};

struct landlock_path {
	const char *path;
	unsigned access;
};

/* The kernel's version, at most what control/landlockmax says; 0: none. */
int landlock_version(void);

/*
 * From now on only these paths (those that exist), and no TCP bind and
 * connect if no_network; signals and abstract sockets stay inside.  False
 * with errno set if the kernel has landlock and refuses.
 */
bool landlock_restrict(
    const struct landlock_path *paths, size_t count, bool no_network);

/*
 * The same in two steps for a session: a rule set made before the fork (-1 if
 * the kernel has none or the version cannot scope) and entered after it.  It
 * forbids every file, signals and abstract sockets to the outside, and TCP if
 * no_network.
 */
int landlock_session_rules(bool no_network);
bool landlock_enter(int rules);

#endif
