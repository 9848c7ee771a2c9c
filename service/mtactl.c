/*
 * mtactl - set up, start, stop, look into and explain the mail system.
 *
 * started by  the administrator; make install, make up
 * uid         root for all but status and trace
 * reads       everything below /var/mta
 * writes      uids and groups, folders, users/, control/virtualdomains
 * runs        s6-svscan, s6-svwait, s6-svstat, s6-svscanctl, groupadd, useradd
 * exits       0; EX_USAGE; EX_NOPERM; EX_CONFIG when check finds a fault;
 *             EX_UNAVAILABLE when a service does not start
 */

#include "service/mtactl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"

static const char usage[] =
    "usage: mtactl init                 make uids and folders\n"
    "       mtactl start | stop | status\n"
    "       mtactl enable|disable SERVICE\n"
    "       mtactl check                look for faults in the settings\n"
    "       mtactl user add|del|passwd ADDRESS\n"
    "       mtactl user list\n"
    "       mtactl trace QUEUE-ID | MESSAGE-ID";

static const struct {
	const char *name;
	int (*run)(void);
	int needs_root;
} verbs[] = {
	{ "init", mtactl_init, 1 },
	{ "start", mtactl_start, 1 },
	{ "stop", mtactl_stop, 1 },
	{ "status", mtactl_status, 0 },
	{ "check", mtactl_check, 1 },
};

static void
require_root(const char *verb)
{
	if (geteuid() != 0)
		die(EX_NOPERM, "%s is for root: try sudo", verb);
}

int
main(int argc, char **argv)
{
	program_name("mtactl");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc == 3 && strcmp(argv[1], "trace") == 0)
		return mtactl_trace(argv[2]);
	if (argc == 3 && (strcmp(argv[1], "enable") == 0 ||
			     strcmp(argv[1], "disable") == 0)) {
		require_root(argv[1]);
		return argv[1][0] == 'e' ? mtactl_enable(argv[2])
					 : mtactl_disable(argv[2]);
	}
	if (argc >= 3 && strcmp(argv[1], "user") == 0) {
		require_root(argv[1]);
		return mtactl_user(argc - 2, argv + 2);
	}
	for (size_t i = 0; argc == 2 && i < sizeof(verbs) / sizeof(*verbs);
	     i++) {
		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		if (verbs[i].needs_root)
			require_root(argv[1]);
		return verbs[i].run();
	}
	die(EX_USAGE, "%s", usage);
}
