#include "service/spares.h"

#include <signal.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/sharing.h"

enum {
	SPARES_MAX = 64,
	END_MS = 10000 /* one that was stopped does not see that it is to go */
};

static bool
is_waiting(const struct seat *seat)
{
	return seat->state == SEAT_SPARE && seat->report != -1;
}

static unsigned
count(const struct login *login)
{
	unsigned number = 0;

	for (size_t i = 0; i < login->seat_count; i++)
		number += is_waiting(&login->seats[i]);
	return number;
}

bool
spares_take(struct login *login, struct seat *seat)
{
	if (seat->state != SEAT_SERVING || seat->session != -1 ||
	    login->settings->spare_ms == 0 || count(login) >= SPARES_MAX)
		return false;
	seat->state = SEAT_SPARE;
	seat->due_ms = clock_ms() + (int64_t)login->settings->spare_ms;
	seat_end_guests(login, seat->pid);
	return true;
}

static bool
tell(struct seat *seat, int ends[2])
{
	if (!packet_pair(ends))
		return false;
	bool is_told =
	    sharing_send(seat->report, SHARING_NEXT, span_of(""), ends[0]);
	close(ends[0]);
	if (!is_told)
		close(ends[1]);
	return is_told;
}

int
spares_give(struct login *login, uint64_t account, struct span user, pid_t *pid)
{
	int ends[2];

	for (size_t i = 0; i < login->seat_count; i++) {
		struct seat *seat = &login->seats[i];

		if (!is_waiting(seat) || seat->account != account ||
		    !span_equal(buf_span(&seat->user), user))
			continue;
		if (tell(seat, ends)) {
			seat->state = SEAT_SERVING;
			seat->has_injector = false;
			*pid = seat->pid;
			return ends[1];
		}
		spares_send_away(seat);
	}
	return -1;
}

void
spares_send_away(struct seat *seat)
{
	if (seat->report == -1)
		kill(seat->pid, SIGKILL);
	seat_close_fd(&seat->report);
	seat->due_ms = clock_ms() + END_MS;
}

void
spares_stop(struct login *login)
{
	for (size_t i = 0; i < login->seat_count; i++)
		if (is_waiting(&login->seats[i]))
			spares_send_away(&login->seats[i]);
}
