#ifndef NET_MILTERS_H
#define NET_MILTERS_H

/*
 * milters - control/milters: which milters are asked, in which order, and what
 * holds when one fails; filter-milter(8).
 */

#include "base/control.h"
#include "net/dial.h"

enum {
	MILTERS_MAX = 8
};

enum milter_default {
	MILTER_TEMPFAIL,
	MILTER_ACCEPT,
	MILTER_REJECT,
	MILTER_SHUTDOWN
};

/* A line of control/milters. */
struct milter_setting {
	struct buf text; /* its address, as written */
	struct dial dial;
	enum milter_default otherwise;
};

struct milter_settings {
	struct milter_setting items[MILTERS_MAX];
	size_t count;
	int64_t timeout_ms;         /* control/timeoutmilter */
	int64_t timeout_message_ms; /* control/timeoutmiltermessage */
};

/*
 * Read control/milters, timeoutmilter and timeoutmiltermessage.  A broken line
 * ends the program as control_complain does.
 */
void milters_read(struct milter_settings *settings);

#endif
