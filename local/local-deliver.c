/*
 * local-deliver - put messages into the mailboxes of this host.
 *
 * started by  service/queue/run, as a neighbour of queue-manager; by hand
 * uid         root forks only, checks numbers and changes to the recipient's
 *             uid (confine -c chown,setgid,setuid); the parser is mta-local in
 *             a jail without files; each deliverer is the recipient, alias
 *             programs are mta-alias
 * fd 0        the pair with queue-manager, delivery(5); the parser's
 * fd 2        the log
 * fd 10       NEIGHBOUR_INJECT, to forward; the parser's
 * fd 11       NEIGHBOUR_LOOKUP; the parser's
 * reads       control/{concurrencylocal,programtimeout,includeprograms,uidmin,
 *             me}, /etc/passwd and /etc/group at start
 * writes      mailboxes, as their owners
 * runs        programs of aliases, as mta-alias
 * exits       0 the manager closed its pair; by hand EX_OK delivered,
 *             EX_NOUSER, EX_UNAVAILABLE failed, EX_TEMPFAIL later; EX_USAGE;
 *             EX_NOPERM a service without root; EX_SOFTWARE a part died
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"
#include "local/byhand.h"
#include "local/service.h"

static const char usage[] =
    "usage: local-deliver [-n] [-f SENDER] RECIPIENT <MESSAGE";

static bool
is_socket(int fd)
{
	int type;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
}

static int
serve(void)
{
	struct service *service = malloc(sizeof(*service));

	if (service == NULL)
		temp_fail("out of memory");
	if (!is_socket(NEIGHBOUR_SELF))
		die(EX_USAGE,
		    "name a recipient, or start it through "
		    "neighbour(8); %s",
		    usage);
	if (geteuid() != 0)
		die(EX_NOPERM, "as a service it must be started as root, to "
			       "become each recipient");
	if (!neighbour_is_given(NEIGHBOUR_LOOKUP))
		die(EX_USAGE, "no neighbour lookup: start it through "
			      "neighbour lookup { ... } local-deliver");
	service_configure(service);
	return service_run(service, NEIGHBOUR_SELF, NEIGHBOUR_LOOKUP,
	    neighbour_is_given(NEIGHBOUR_INJECT) ? NEIGHBOUR_INJECT : -1);
}

int
main(int argc, char **argv)
{
	struct byhand byhand = { .is_dry = 0 };
	int option;

	program_name("local-deliver");
	while ((option = getopt(argc, argv, ":f:hn")) != -1) {
		switch (option) {
		case 'f':
			byhand.sender = optarg;
			break;
		case 'h':
			return puts(usage) == EOF ? EX_IOERR : EX_OK;
		case 'n':
			byhand.is_dry = 1;
			break;
		default:
			die(EX_USAGE, "%s", usage);
		}
	}
	if (argc - optind > 1)
		die(EX_USAGE, "one recipient at a time; %s", usage);
	if (argc == optind)
		return serve();
	byhand.recipient = argv[optind];
	return byhand_run(&byhand);
}
