#ifndef SERVICE_MASTERS_H
#define SERVICE_MASTERS_H

/*
 * masters - control/authmasters: accounts that may act as others, where a
 * mechanism has a name to act as (SASL's authorization identity).
 *
 * Grammar  ACCOUNT, or ACCOUNT DOMAIN..., a line: as any account, or as one of
 *          these domains.  Users of this host are of each in control/locals,
 *          or of that in control/me.
 */

#include "base/control.h"

struct masters {
	struct control_list lines;
	struct control_list locals;
	struct buf me;
};

/* A broken line ends the program as control_complain does. */
void masters_read(struct masters *masters);

/* May who has proven to be account master act as account wanted? */
bool masters_may_act(
    const struct masters *masters, struct span master, struct span wanted);

#endif
