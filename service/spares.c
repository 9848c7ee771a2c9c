#include "service/spares.h"

#include <signal.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/sharing.h"

enum {
	SPARES_MAX = 64,
	GIVING_MS = 5000, /* by then the child has ended, or serves itself */
	END_MS = 10000 /* one that was stopped does not see that it is to go */
};

static bool
is_waiting(const struct seat *seat)
{
	return seat->state == SEAT_SPARE && seat->report != -1;
}

/* One more? An account has no more that serve and wait than may serve. */
static bool
has_room(const struct login *login, uint64_t account)
{
	unsigned count = 0;
	uint64_t own = admission_count(login, account);

	for (size_t i = 0; i < login->seat_count; i++) {
		const struct seat *seat = &login->seats[i];

		count += is_waiting(seat);
		own += is_waiting(seat) && seat->account == account;
	}
	return count < SPARES_MAX &&
	       own <= login->settings->sessions_per_account;
}

/* A process that speaks is the user's: it gives no client away any more. */
static void
end_giving(struct login *login, pid_t pid)
{
	for (size_t i = 0; i < login->seat_count; i++)
		if (login->seats[i].giver == pid)
			login->seats[i].giver = 0;
}

bool
spares_take(struct login *login, struct seat *seat)
{
	end_giving(login, seat->pid);
	seat->giver = 0;
	if (seat->state != SEAT_SERVING || seat->session != -1 ||
	    login->settings->spare_ms == 0 || !has_room(login, seat->account))
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
spares_give(struct login *login, const struct seat *asking, struct span user,
    pid_t *pid)
{
	int ends[2];

	for (size_t i = 0; i < login->seat_count; i++) {
		struct seat *seat = &login->seats[i];

		if (!is_waiting(seat) || seat->account != asking->account ||
		    !span_equal(buf_span(&seat->user), user))
			continue;
		if (tell(seat, ends)) {
			seat->state = SEAT_SERVING;
			seat->giver = asking->pid;
			seat->given_until_ms = clock_ms() + GIVING_MS;
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
