#ifndef SERVICE_SEATS_H
#define SERVICE_SEATS_H

/*
 * seats - login(8)'s parent: a seat for each session with the acceptor, and
 * later for the user's process that came of it; for SMTP the seat stays with
 * the session, which asks before each message whether its account may send it.
 *
 * It looks at the part of a request that has no secret, delays it if its
 * network failed before, forks a child that does the rest (attempt.h), and
 * counts.
 */

#include <stdint.h>

#include "base/buf.h"
#include "queue/login.h"
#include "service/masters.h"

struct login_settings {
	enum login_service service;
	const char *program;           /* in /var/mta/bin; NULL: none */
	struct buf me;                 /* for the challenges */
	struct masters masters;        /* control/authmasters */
	bool offers_apop;              /* control/apop */
	uint64_t uid_min;              /* control/uidmin */
	uint64_t delay_max_ms;         /* control/logindelaymax */
	bool has_injector;             /* for scripts of IMAPSIEVE */
	uint64_t sessions_per_account; /* control/SERVICEperuser */
	uint64_t messages_per_hour;    /* control/messagesperhour; 0: any */
	uint64_t recipients_per_hour;  /* control/recipientsperhour */
	uint64_t guests_max;           /* control/imapdguests: IMAP, SMTP */
	uint64_t shares_max;           /* control/imapdshares, IMAP only */
	uint64_t spare_ms;             /* control/timeoutspare; 0: off */
	int64_t rest_ms;               /* neighbour_rest_ms */
};

enum {
	SEATS_MAX = 4096
};

/*
 * Serve until the control pair closes, or for rest_ms there was no seat; then
 * let users' sessions end, five seconds at most.  A neighbour that is gone ends
 * the program (EX_TEMPFAIL).
 */
void seats_serve(const struct login_settings *settings);

#endif
