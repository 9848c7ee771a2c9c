#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

/* scratch - a unit test's own folder: current while it runs, gone at its end.
 */

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char scratch_folder[] = "/tmp/estafeta-test.XXXXXX";
static pid_t scratch_owner; /* its children exit, too */

static int
scratch_remove_entry(
    const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)kind, (void)place;
	return remove(path);
}

static void
scratch_remove(void)
{
	if (getpid() == scratch_owner)
		nftw(scratch_folder, scratch_remove_entry, 8,
		    FTW_DEPTH | FTW_PHYS);
}

/* Exits 1 where there can be none. */
static inline void
scratch_enter(void)
{
	scratch_owner = getpid();
	if (mkdtemp(scratch_folder) == NULL || chdir(scratch_folder) == -1 ||
	    atexit(scratch_remove) != 0) {
		perror("# no folder in /tmp");
		exit(1);
	}
}

#endif
