/*
 * answers - what remote-send answers on a channel, and what that says of its
 * destination.
 */

#include "base/die.h"
#include "queue/manager.h"

static void
note_destination(struct manager *manager, struct destination *destination,
    const struct verdict *verdict)
{
	if (verdict->kind == VERDICT_UNREACHABLE)
		destination_note_unreachable(manager, destination);
	else if (verdict->kind != VERDICT_LATER)
		destination_note_success(manager, destination);
	else if (span_equal(verdict->code, span_of("4.4.2")))
		destination_note_lost(destination);
	else
		destination->failures = 0; /* it answers, at least */
}

void
channel_take_verdict(struct channel *channel)
{
	struct manager *manager = channel->manager;
	struct verdict verdict;

	if (!verdict_parse(packet_span(&manager->packet), &verdict) ||
	    verdict.number >= channel->job_count ||
	    channel->jobs[verdict.number] == NULL) {
		log_event("remote-send answers nonsense");
		return;
	}
	struct job *job = channel->jobs[verdict.number];
	channel->jobs[verdict.number] = NULL;
	note_destination(manager, channel->destination, &verdict);
	collect_verdict(manager, job, &verdict);
	/* What else was made ready for it waits with it, closed. */
	if (verdict.kind == VERDICT_UNREACHABLE)
		dispatch_fail_over_all(manager, &channel->destination->jobs,
		    "its host could not be reached lately");
}
