#include "smtpd/pace.h"

void
pace_begin(
    struct pace *pace, const struct pace_settings *settings, int64_t now_ms)
{
	*pace = (struct pace){ .settings = settings,
		.session_ends_ms = now_ms + settings->session_ms };
}

/* The first window is twice as long: the grace. */
void
pace_begin_message(struct pace *pace, int64_t now_ms)
{
	pace->window_ends_ms = now_ms + 2 * pace->settings->window_ms;
	pace->bytes = 0;
}

void
pace_take(struct pace *pace, uint64_t bytes)
{
	pace->bytes += bytes;
}

void
pace_end_message(struct pace *pace)
{
	pace->window_ends_ms = 0;
}

static void
limit(struct pace *pace, enum pace_limit what, int64_t *until, int64_t other)
{
	if (other >= *until)
		return;
	*until = other;
	pace->limit = what;
}

/* Who has brought enough in this window has until the end of the next. */
static void
limit_message(struct pace *pace, int64_t *until, int64_t now_ms)
{
	const struct pace_settings *settings = pace->settings;
	uint64_t wanted = settings->rate * (uint64_t)settings->window_ms / 1000;
	int64_t next = now_ms + settings->window_ms;

	if (pace->window_ends_ms == 0 || settings->rate == 0)
		return;
	if (pace->bytes >= wanted && now_ms >= pace->window_ends_ms) {
		pace->window_ends_ms = next;
		pace->bytes = 0;
	}
	if (pace->bytes < wanted)
		limit(pace, PACE_RATE, until, pace->window_ends_ms);
}

int64_t
pace_until(
    struct pace *pace, int64_t began_ms, int64_t now_ms, bool is_strained)
{
	const struct pace_settings *settings = pace->settings;
	int64_t until = began_ms + settings->command_ms;

	pace->limit = PACE_COMMAND;
	if (is_strained)
		limit(pace, PACE_STRAIN, &until,
		    began_ms + settings->strained_ms);
	limit_message(pace, &until, now_ms);
	limit(pace, PACE_SESSION, &until, pace->session_ends_ms);
	return until;
}

const char *
pace_reply(const struct pace *pace)
{
	switch (pace->limit) {
	case PACE_COMMAND:
		return "421 4.4.2 too slow, closing: see control/timeoutsmtpd";
	case PACE_STRAIN:
		return "421 4.4.2 too slow for a busy server, closing: see "
		       "control/timeoutstrain";
	case PACE_RATE:
		return "421 4.4.2 too few bytes a second, closing: see "
		       "control/mindatarate";
	case PACE_SESSION:
		return "421 4.7.0 this session lasts too long, closing: see "
		       "control/sessionmax";
	}
	return "421 4.4.2 too slow: closing";
}
