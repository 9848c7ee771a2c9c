#include "queue/gather.h"

#include "base/io.h"

void
gather_init(struct gather *gather)
{
	TAILQ_INIT(gather);
}

void
gather_moved(struct gather *gather, struct gather_session *session)
{
	gather_done(gather, session);
	session->moved_ms = clock_ms();
	session->is_busy = true;
	TAILQ_INSERT_HEAD(gather, session, link);
}

void
gather_done(struct gather *gather, struct gather_session *session)
{
	if (session->is_busy)
		TAILQ_REMOVE(gather, session, link);
	session->is_busy = false;
}

bool
gather_expects(const struct gather *gather)
{
	const struct gather_session *latest = TAILQ_FIRST(gather);

	return latest != NULL && clock_ms() - latest->moved_ms < GATHER_BUSY_MS;
}
