#ifndef LOCAL_SERVICE_H
#define LOCAL_SERVICE_H

/*
 * service - local-deliver's two lasting processes: the spawner, which stays
 * root, and the parser, which gives up everything.
 */

#include "local/parser.h"
#include "local/spawner.h"

struct service {
	struct spawner spawner;
	struct parser parser;
	unsigned parser_uid;
	unsigned parser_gid;
	size_t busy_max; /* deliverers at work at once */
};

/*
 * Read control/ and the users the service needs; by hand, without root, the
 * caller takes all parts himself.  Ends the program if something is missing.
 */
void service_configure(struct service *service);

/*
 * Fork the parser, be the spawner; manager_fd, lookup_fd and inject_fd (or -1)
 * are the parser's.  Returns an exit code.
 */
int service_run(
    struct service *service, int manager_fd, int lookup_fd, int inject_fd);

#endif
