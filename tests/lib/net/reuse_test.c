/*
 * reuse_test - what a session's process may do to its acceptor on the pair that
 * brings it clients: say that it is free when it is not, say nothing, never
 * read.  The real ones are served in smtpd/reuse_test.
 */

#include "net/reuse.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/packet.h"
#include "test.h"

static struct places places;
static struct reuse reuse;

static struct peer
peer_at(const char *text)
{
	struct peer peer = { .port = 40000 };
	struct sockaddr_in *address = (struct sockaddr_in *)&peer.address;

	address->sin_family = AF_INET;
	inet_pton(AF_INET, text, &address->sin_addr);
	snprintf(peer.text, sizeof(peer.text), "%s", text);
	return peer;
}

/* A process that has a client: its end of the pair, or -1. */
static int
begin(const struct peer *peer, pid_t pid, struct place **place)
{
	const unsigned char network[16] = { 0 };
	int ends[2];

	reuse_open(&reuse, peer, true, ends);
	*place = places_take(&places, pid, network);
	if (ends[0] == -1)
		return -1;
	int kept = dup(ends[0]); /* as the fork has it */
	reuse_keep(&reuse, &places, *place, peer, ends);
	return kept;
}

static void
say_free(int end)
{
	reuse_say_free(end);
	reuse_hear(&reuse, &places);
}

static bool
is_sent_away(int end)
{
	char byte;

	return recv(end, &byte, 1, MSG_DONTWAIT) == 0;
}

static void
check_who_comes_again(void)
{
	struct peer peer = peer_at("192.0.2.1");
	struct peer other = peer_at("192.0.2.2");
	struct peer tls = peer_at("192.0.2.3");
	int ends[2];

	tls.begins_tls = true;
	reuse_open(&reuse, &peer, true, ends);
	CHECK("not at the first time", ends[0] == -1 && ends[1] == -1);
	reuse_open(&reuse, &other, true, ends);
	CHECK("nor another", ends[0] == -1);
	reuse_open(&reuse, &peer, false, ends);
	CHECK("nor one that is several", ends[0] == -1);
	reuse_open(&reuse, &tls, true, ends);
	reuse_open(&reuse, &tls, true, ends);
	CHECK("nor one that begins with TLS", ends[0] == -1);
	reuse_open(&reuse, &peer, true, ends);
	CHECK("but at the second", ends[0] != -1 && ends[1] != -1);
	reuse_close(ends);
}

static void
check_hand_over(int client)
{
	struct peer peer = peer_at("192.0.2.1");
	struct peer other = peer_at("192.0.2.2");
	struct peer next = peer;
	struct peer got = { .port = 0 };
	struct place *place;
	int end = begin(&peer, 1000, &place);

	CHECK("a busy one is handed nothing",
	    !reuse_hand_over(&reuse, &places, &peer, client));
	say_free(end);
	CHECK(
	    "a free one takes no place", places.taken == 0 && places.free == 1);
	CHECK("and has an end", reuse_sleep_ms(&places) == REUSE_MS);
	CHECK("nothing of another address",
	    !reuse_hand_over(&reuse, &places, &other, client));
	next.port = 41000;
	CHECK("but its own", reuse_hand_over(&reuse, &places, &next, client));
	CHECK("and has its place", places.taken == 1 && places.free == 0);
	int taken = reuse_next(end, dup(client), &got);
	CHECK("it learns who it is", taken != -1 && got.port == 41000);
	close(taken);
	say_free(end);
	CHECK("free again", places.free == 1);
	CHECK("its end is heard of", places_leave(&places, 1000));
	CHECK("nobody is left", places.taken == 0 && places.free == 0);
	CHECK("and its pair is closed", is_sent_away(end));
	close(end);
}

static void
check_liars(int client)
{
	struct peer peer = peer_at("192.0.2.1");
	struct place *place;
	int end = begin(&peer, 1000, &place);
	int sent = 0;

	say_free(end);
	say_free(end);
	CHECK("who says it twice goes", is_sent_away(end));
	CHECK("and has a place as long as it lives",
	    places.taken == 1 && places.free == 0);
	places_leave(&places, 1000);
	close(end);

	end = begin(&peer, 1001, &place);
	while (sent < 100000) {
		say_free(end);
		if (!reuse_hand_over(&reuse, &places, &peer, client))
			break;
		sent++;
	}
	CHECK("nobody waits for one that does not read",
	    sent > 0 && sent < 100000);
	places_leave(&places, 1001);
	close(end);

	end = begin(&peer, 1002, &place);
	packet_send(end, span_of("f"), &client, 1);
	int count = dup(client);
	close(count);
	reuse_hear(&reuse, &places);
	int after = dup(client);
	CHECK("a descriptor is not taken", after == count);
	close(after);
	places_leave(&places, 1002);
	close(end);
}

static void
check_end(int client)
{
	struct peer peer = peer_at("192.0.2.1");
	struct place *busy;
	struct place *place;
	int busy_end = begin(&peer, 1000, &busy);
	int ends[PLACES_FREE_MAX + 1];

	for (int i = 0; i <= PLACES_FREE_MAX; i++) {
		ends[i] = begin(&peer, 2000 + i, &place);
		say_free(ends[i]);
	}
	CHECK("so many may wait", places.free == PLACES_FREE_MAX);
	CHECK("and the next may not", is_sent_away(ends[PLACES_FREE_MAX]));
	reuse_end(&reuse, &places);
	CHECK("all are sent away", places.free == 0 && is_sent_away(ends[0]) &&
				       is_sent_away(busy_end));
	CHECK("but have their places", places.taken == PLACES_FREE_MAX + 2);
	struct peer got;
	CHECK("who was busy hears of it",
	    reuse_next(busy_end, dup(client), &got) == -1);
}

int
main(void)
{
	int client = open("/dev/null", O_RDONLY | O_CLOEXEC);

	places_init(&places);
	reuse_init(&reuse, true);
	check_who_comes_again();
	check_hand_over(client);
	check_liars(client);
	check_end(client);
	return test_result();
}
