#include "imapd/progress.h"

#include <poll.h>

#include "imapd/output.h"

enum {
	PENDING_MAX = 4096 /* what a socket that is writable takes at once */
};

void
progress_begin(struct session *session)
{
	session->progress = (struct progress){
		.next_ms = clock_ms() + (int64_t)session->settings->progress_ms
	};
}

static bool
would_wait(const struct session *session)
{
	struct pollfd out = { session->out->fd, POLLOUT, 0 };

	return session->out->status != IO_OK ||
	       session->out->used > PENDING_MAX || poll(&out, 1, 0) != 1 ||
	       (out.revents & POLLOUT) == 0;
}

static void
put_notice(struct session *session)
{
	const struct progress *progress = &session->progress;

	put(session, "* OK [INPROGRESS (");
	put_nstring(session, session->tag);
	put_format(session, " %llu ", (unsigned long long)progress->done);
	if (progress->goal > 0)
		put_format(session, "%llu", (unsigned long long)progress->goal);
	else
		put(session, "NIL");
	put_format(session, ")] %s\r\n",
	    language_say(session->language, "it goes on"));
	writer_flush(session->out);
}

void
progress_tick(void *context)
{
	struct session *session = context;
	struct progress *progress = &session->progress;
	int64_t now_ms = clock_ms();

	progress->done++;
	if (now_ms < progress->next_ms)
		return;
	progress->next_ms = now_ms + (int64_t)session->settings->progress_ms;
	if (!would_wait(session))
		put_notice(session);
}
