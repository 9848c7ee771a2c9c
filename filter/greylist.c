/*
 * greylist - keep who has come when, for filter-guard.
 *
 * started by  service/smtpd/run, as a neighbour of filter-guard
 * uid         mta-greylist
 * fd 0        requests and sessions, greylist(8)
 * fd 2        the log
 * reads       control/greylist greylistallow
 * writes      guard/triplets
 * runs        nothing
 * exits       0 when the other end is gone; EX_USAGE; EX_TEMPFAIL a broken
 *             control file
 */

#include <stdio.h>
#include <string.h>

#include "base/control.h"
#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "base/sandbox.h"
#include "filter/triplets.h"
#include "queue/greylist.h"
#include "queue/guarding.h"
#include "queue/sessions.h"

static const char usage[] = "usage: greylist   (started by neighbour(8))";

static bool
handle(void *context, int session, struct packet *packet, uint64_t before)
{
	struct triplets *triplets = context;
	struct greylist_request request;
	struct buf answer = buf_new(PACKET_MAX);

	(void)before;
	if (!greylist_parse_request(packet_span(packet), &request))
		return false;
	greylist_add_answer(
	    &answer, triplets_ask(triplets, request.triplet, request.network,
			 (uint32_t)(clock_utc_us() / 1000000)));
	bool is_sent = packet_send(session, buf_span(&answer), NULL, 0);
	buf_free(&answer);
	return is_sent;
}

static void
read_rules(struct triplets_rules *rules)
{
	struct greylisting greylisting;

	greylisting_read(&greylisting);
	rules->wait_s = (uint32_t)greylisting.wait_minutes * 60;
	rules->expire_s = (uint32_t)greylisting.expire_hours * 3600;
	rules->keep_s = (uint32_t)greylisting.keep_days * 86400;
	rules->allow = (uint32_t)control_number("greylistallow", 5, 0, 100000);
}

int
main(int argc, char **argv)
{
	static struct triplets triplets;

	program_name("greylist");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc != 1)
		die(EX_USAGE, "%s", usage);
	read_rules(&triplets.rules);
	triplets_open(&triplets, MTA_GUARD "/triplets");
	struct sessions *sessions = sessions_open(handle, &triplets);
	require_unprivileged();
	sandbox_enter(SANDBOX_PIPES);
	sessions_serve(sessions);
	return EX_OK;
}
