#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/paths.h"
#include "service/mtactl.h"

/*
 * Services that not every host wants.  One that is off is service/.NAME, which
 * the supervisor passes over: it costs no process.
 */

struct places {
	char on[PATH_MAX];
	char off[PATH_MAX];
	char down[PATH_MAX]; /* how they were off before */
};

/* No path, and none of the supervisor's own folders. */
static struct places
places_of(const char *name)
{
	struct places places;

	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
		die(EX_USAGE, "%s is no service's name", name);
	snprintf(places.on, sizeof(places.on), MTA_SERVICE "/%s", name);
	snprintf(places.off, sizeof(places.off), MTA_SERVICE "/.%s", name);
	snprintf(
	    places.down, sizeof(places.down), MTA_SERVICE "/%s/down", name);
	return places;
}

static _Noreturn void
complain(const char *name)
{
	if (errno == ENOENT)
		die(EX_USAGE, "there is no service %s: ls -A %s", name,
		    MTA_SERVICE);
	die_errno(EX_CANTCREAT, "cannot switch %s", name);
}

int
mtactl_enable(const char *name)
{
	struct places places = places_of(name);

	if (access(places.on, F_OK) == -1 &&
	    rename(places.off, places.on) == -1)
		complain(name);
	if (unlink(places.down) == -1 && errno != ENOENT)
		complain(name);
	return mtactl_start();
}

/* The supervisor, if it runs, lets go of what it does not see any more. */
int
mtactl_disable(const char *name)
{
	struct places places = places_of(name);
	const char *const end[] = { "s6-svc", "-wD", "-T", "20000", "-d",
		places.on, NULL };
	const char *const scan[] = { "s6-svscanctl", "-an", MTA_SERVICE, NULL };

	if (access(places.on, F_OK) == -1 && access(places.off, F_OK) == 0)
		return EX_OK;
	if (mtactl_is_running() && mtactl_run(end) != 0)
		die(EX_UNAVAILABLE, "%s does not stop", name);
	if (rename(places.on, places.off) == -1)
		complain(name);
	if (mtactl_is_running() && mtactl_run(scan) != 0)
		die(EX_UNAVAILABLE, "the supervisor does not hear");
	return EX_OK;
}
