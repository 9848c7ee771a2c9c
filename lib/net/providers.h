#ifndef NET_PROVIDERS_H
#define NET_PROVIDERS_H

/*
 * providers - control/odmrfetch: hosts that keep our mail until we ask for it,
 * RFC 2645.
 *
 * Grammar  HOST [DOMAIN[,DOMAIN]...] a line; HOST is as smtproutes has it, a
 *          name or [ADDRESS], perhaps with "smtps:" before and :PORT behind
 *          it.  A domain is as DNS has it; without one we ask for all.
 */

#include "net/routes.h"

enum {
	PROVIDERS_PORT = 366,
	PROVIDERS_DOMAINS_MAX = 1000, /* bytes of a line of ATRN */
	PROVIDERS_MAX = 100
};

struct provider {
	struct span text; /* HOST, with all that stands by it */
	struct route route;
	struct span domains; /* with commas between, or empty */
};

/* Read the file.  A line without sense ends the program: control_complain. */
struct control_list providers_read(void);

/* False if line is none.  *provider points into line. */
bool provider_parse(struct span line, struct provider *provider);

#endif
