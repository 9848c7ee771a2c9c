#ifndef SMTPD_PACE_H
#define SMTPD_PACE_H

/*
 * pace - how slow a client may be.
 *
 *   a command, or the next part of a message  control/timeoutsmtpd; under
 *       strain control/timeoutstrain, from those that have brought nothing
 *   a message  after control/datawindow seconds of grace at least
 *       control/mindatarate bytes a second, on average over each such time
 *   a session  control/sessionmax
 *
 * All times are of clock_ms.  It is looked at while a client is waited for, so
 * that what the server takes is nobody's fault.
 */

#include <stdbool.h>
#include <stdint.h>

struct pace_settings {
	int64_t command_ms;
	int64_t strained_ms;
	int64_t session_ms;
	int64_t window_ms;
	uint64_t rate; /* bytes a second; 0: any */
};

enum pace_limit {
	PACE_COMMAND,
	PACE_STRAIN,
	PACE_RATE,
	PACE_SESSION
};

struct pace {
	const struct pace_settings *settings;
	int64_t session_ends_ms;
	int64_t window_ends_ms; /* of a message; 0: none comes now */
	uint64_t bytes;         /* in that window */
	enum pace_limit limit;  /* which was the nearest */
};

void pace_begin(
    struct pace *pace, const struct pace_settings *settings, int64_t now_ms);

/* A message begins, some bytes of it have come, it has ended. */
void pace_begin_message(struct pace *pace, int64_t now_ms);
void pace_take(struct pace *pace, uint64_t bytes);
void pace_end_message(struct pace *pace);

/*
 * Until when to wait for what began at began_ms; pace->limit says what was
 * passed if that is not in the future.
 */
int64_t pace_until(
    struct pace *pace, int64_t began_ms, int64_t now_ms, bool is_strained);

/* What a client is told that has passed pace->limit. */
const char *pace_reply(const struct pace *pace);

#endif
