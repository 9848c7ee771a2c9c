#include "queue/neighbour.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/control.h"
#include "base/io.h"

static const struct {
	const char *name;
	int number;
} neighbours[] = {
	{ "inject", NEIGHBOUR_INJECT },
	{ "lookup", NEIGHBOUR_LOOKUP },
	{ "resolve", NEIGHBOUR_RESOLVE },
	{ "login", NEIGHBOUR_LOGIN },
	{ "checkpw", NEIGHBOUR_CHECKPW },
	{ "local", NEIGHBOUR_LOCAL },
	{ "remote", NEIGHBOUR_REMOTE },
	{ "bounce", NEIGHBOUR_BOUNCE },
	{ "tls", NEIGHBOUR_TLS },
	{ "key", NEIGHBOUR_KEY },
	{ "filter-milter", NEIGHBOUR_FILTER_MILTER },
	{ "filter-rspamd", NEIGHBOUR_FILTER_RSPAMD },
	{ "filter-auth", NEIGHBOUR_FILTER_AUTH },
	{ "filter-site", NEIGHBOUR_FILTER_SITE },
	{ "filter-guard", NEIGHBOUR_FILTER_GUARD },
	{ "greylist", NEIGHBOUR_GREYLIST },
	{ "remote-auth", NEIGHBOUR_REMOTE_AUTH },
	{ "odmr", NEIGHBOUR_ODMR },
	{ "turned", NEIGHBOUR_TURNED },
	{ "sts", NEIGHBOUR_STS },
};

enum {
	SESSION_REQUEST_MAX = 32
};

/* The words that open a session; the NUL is sent, too. */
static struct span
session_request(char text[SESSION_REQUEST_MAX], const char *kind)
{
	snprintf(text, SESSION_REQUEST_MAX, "S1%s", kind);
	return (struct span){ text, strlen(text) + 1 };
}

int
neighbour_number(const char *name)
{
	for (size_t i = 0; i < sizeof(neighbours) / sizeof(neighbours[0]); i++)
		if (strcmp(neighbours[i].name, name) == 0)
			return neighbours[i].number;
	return -1;
}

bool
neighbour_is_given(int neighbour)
{
	return fcntl(neighbour, F_GETFD) != -1;
}

int64_t
neighbour_rest_ms(void)
{
	uint64_t seconds = control_number("timeoutneighbour", 600, 0, 86400);

	if (getenv(NEIGHBOUR_RESTS) == NULL || seconds == 0)
		return -1;
	return (int64_t)seconds * 1000;
}

int
neighbour_open_session(int control)
{
	return neighbour_open_session_of(control, "");
}

static bool
pass_session_of(int control, const char *kind, int end)
{
	char text[SESSION_REQUEST_MAX];

	return packet_send(control, session_request(text, kind), &end, 1);
}

bool
neighbour_pass_session(int control, int end)
{
	return pass_session_of(control, "", end);
}

int
neighbour_open_session_of(int control, const char *kind)
{
	int ends[2];

	if (!packet_pair(ends))
		return -1;
	bool is_sent = pass_session_of(control, kind, ends[1]);
	int error = errno;
	close(ends[1]);
	if (is_sent)
		return ends[0];
	close(ends[0]);
	errno = error;
	return -1;
}

bool
neighbour_is_pair_end(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_SEQPACKET;
}

int
neighbour_accept_session(struct packet *packet)
{
	return neighbour_accept_session_of(packet, "");
}

int
neighbour_accept_session_of(struct packet *packet, const char *kind)
{
	char text[SESSION_REQUEST_MAX];
	struct span request = session_request(text, kind);

	if (!span_equal(packet_span(packet), request) ||
	    packet->fd_count == 0 || !neighbour_is_pair_end(packet->fds[0]))
		return -1;
	return packet_take_fd(packet, 0);
}

void
neighbour_answer(int session, struct span answer, const int *fds, int fd_count)
{
	if (!packet_send(session, answer, fds, fd_count))
		shutdown(session, SHUT_RDWR);
}

bool
neighbour_wait(int session, int64_t timeout_ms, struct packet *packet)
{
	int64_t deadline = clock_ms() + timeout_ms;

	for (;;) {
		struct pollfd wait = { .fd = session, .events = POLLIN };
		int64_t left = deadline - clock_ms();
		int ready = left <= 0 ? 0 : poll(&wait, 1, (int)left);

		if (ready == 0) {
			errno = ETIMEDOUT;
			return false;
		}
		if (ready == -1 && errno != EINTR)
			return false;
		if (ready != 1)
			continue;
		int got = packet_receive(session, packet);
		if (got == 0)
			errno = ECONNRESET;
		return got == 1;
	}
}

bool
neighbour_ask(int session, struct span request, const int *fds, int fd_count,
    int64_t timeout_ms, struct packet *packet)
{
	if (packet_send(session, request, fds, fd_count) &&
	    neighbour_wait(session, timeout_ms, packet))
		return true;
	int error = errno;
	shutdown(session, SHUT_RDWR);
	errno = error;
	return false;
}
