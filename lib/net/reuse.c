#include "net/reuse.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/packet.h"
#include "net/network.h"

enum {
	EVENTS_MAX = 16
};

/* ---- the acceptor ---- */

void
reuse_init(struct reuse *reuse, bool is_on)
{
	*reuse = (struct reuse){ .is_on = is_on };
	reuse->watch = epoll_create1(EPOLL_CLOEXEC);
	if (reuse->watch == -1)
		temp_fail("cannot watch sessions");
}

/* It is no free one's place any more, but its process's until that has ended.
 */
static void
send_away(struct places *places, struct place *place)
{
	place_set_free(places, place, false);
	place_send_away(place);
}

/* TLS ends with its process, as what hears of it does. */
static bool
may_come_again(const struct reuse *reuse, const struct peer *peer,
    unsigned char address[16])
{
	return reuse->is_on && !peer->begins_tls &&
	       network_of_socket(&peer->address, address);
}

struct place *
reuse_hand_over(struct reuse *reuse, struct places *places,
    const struct peer *peer, int client)
{
	const struct span words = { (const char *)peer, sizeof(*peer) };
	unsigned char address[16];
	struct place *place;

	if (places->free == 0 || !may_come_again(reuse, peer, address))
		return NULL;
	while ((place = places_find_free(places, address)) != NULL) {
		place_set_free(places, place, false);
		if (packet_send(place->again, words, &client, 1))
			return place;
		send_away(places, place);
	}
	return NULL;
}

/* Has it come lately?  From now on it has. */
static bool
came_lately(struct reuse *reuse, const unsigned char address[16])
{
	int64_t now = clock_ms();

	for (unsigned i = 0; i < REUSE_RECENT; i++) {
		if (memcmp(reuse->recent[i].address, address, 16) != 0)
			continue;
		bool is_lately = now - reuse->recent[i].came_ms < REUSE_MS;
		reuse->recent[i].came_ms = now;
		return is_lately;
	}
	memcpy(reuse->recent[reuse->oldest].address, address, 16);
	reuse->recent[reuse->oldest].came_ms = now;
	reuse->oldest = (reuse->oldest + 1) % REUSE_RECENT;
	return false;
}

/* The acceptor never waits for one that does not read. */
void
reuse_open(
    struct reuse *reuse, const struct peer *peer, bool is_one, int ends[2])
{
	unsigned char address[16];

	ends[0] = ends[1] = -1;
	if (is_one && may_come_again(reuse, peer, address) &&
	    came_lately(reuse, address) &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, ends) == -1)
		ends[0] = ends[1] = -1;
}

void
reuse_close(const int ends[2])
{
	for (size_t i = 0; i < 2; i++)
		if (ends[i] != -1)
			close(ends[i]);
}

void
reuse_keep(struct reuse *reuse, struct places *places, struct place *place,
    const struct peer *peer, const int ends[2])
{
	struct epoll_event event = { .events = EPOLLIN,
		.data.u64 = (uint64_t)(place - places->all) };

	if (ends[0] == -1)
		return;
	close(ends[0]);
	place->again = ends[1];
	network_of_socket(&peer->address, place->address);
	if (epoll_ctl(reuse->watch, EPOLL_CTL_ADD, ends[1], &event) == -1)
		place_send_away(place);
}

/* A word that is too much, or an end, and we are done with it. */
static void
hear_one(struct places *places, struct place *place)
{
	char word;

	if (place->pid == 0 || place->again == -1)
		return;
	ssize_t got = recv(place->again, &word, 1, MSG_DONTWAIT);
	if (got == -1 && errno == EAGAIN)
		return; /* it was another's, who had this place */
	if (got == 1 && !place->is_free && places->free < PLACES_FREE_MAX) {
		place_set_free(places, place, true);
		place->free_ms = clock_ms();
		return;
	}
	send_away(places, place);
}

void
reuse_hear(struct reuse *reuse, struct places *places)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(reuse->watch, events, EVENTS_MAX, 0);

	for (int i = 0; i < count; i++)
		hear_one(places, &places->all[events[i].data.u64]);
}

int
reuse_sleep_ms(const struct places *places)
{
	return places->free > 0 ? REUSE_MS : -1;
}

void
reuse_sweep(struct reuse *reuse, struct places *places)
{
	int64_t now = clock_ms();

	if (places->free == 0 || now - reuse->swept_ms < REUSE_MS / 2)
		return;
	reuse->swept_ms = now;
	uint64_t left = places->free;
	for (size_t i = 0; left > 0; i++) {
		struct place *place = &places->all[i];

		if (!place->is_free)
			continue;
		left--;
		if (now - place->free_ms >= REUSE_MS)
			send_away(places, place);
	}
}

void
reuse_end(struct reuse *reuse, struct places *places)
{
	reuse->is_on = false;
	uint64_t left = places->taken + places->free;
	for (size_t i = 0; left > 0; i++) {
		if (places->all[i].pid == 0)
			continue;
		left--;
		send_away(places, &places->all[i]);
	}
}

/* ---- the process ---- */

bool
reuse_say_free(int end)
{
	return packet_send(end, span_of("f"), NULL, 0);
}

int
reuse_next(int end, int client, struct peer *peer)
{
	static struct packet packet;
	struct pollfd wait = { .fd = end, .events = POLLIN };

	close(client);
	while (poll(&wait, 1, -1) == -1)
		continue;
	if (packet_receive(end, &packet) != 1 || packet.len != sizeof(*peer))
		return -1;
	memcpy(peer, packet.bytes, sizeof(*peer));
	return packet_take_fd(&packet, 0);
}
