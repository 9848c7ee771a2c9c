/*
 * answers - what remote-send answers on a channel, and what that says of its
 * destination.
 */

#include "base/die.h"
#include "base/io.h"
#include "queue/destinations.h"
#include "queue/dispatch.h"
#include "queue/marks.h"
#include "queue/suppression.h"

/* Ours, of what control/tlspolicy, MTA-STS or DANE demands of it. */
static bool
is_insecure(const struct verdict *verdict, bool is_said)
{
	return !is_said && (span_equal(verdict->code, span_of("4.7.4")) ||
			       span_equal(verdict->code, span_of("4.7.5")));
}

/*
 * A connection that is lost behind an answer may be one that has carried all
 * that its host takes; one that is lost at once is a refusal.
 */
static enum channel_note
note_of(const struct channel *channel, const struct verdict *verdict)
{
	struct span host, reply;
	bool is_said = verdict_split_said(verdict->text, &host, &reply);

	if (verdict->kind == VERDICT_UNREACHABLE)
		return NOTE_UNREACHABLE;
	if (verdict->kind != VERDICT_LATER)
		return NOTE_SUCCESS;
	if (span_equal(verdict->code, span_of("4.4.2")))
		return channel->has_answered ? NOTE_LOST : NOTE_REFUSED;
	if (span_equal(verdict->code, span_of("4.4.3")) ||
	    is_insecure(verdict, is_said) ||
	    (is_said && span_starts(reply, span_of("421"))))
		return NOTE_REFUSED;
	return NOTE_ANSWER;
}

/* Each of a transaction's recipients has a verdict: it is noted once. */
static void
note_verdict(struct channel *channel, const struct verdict *verdict)
{
	enum channel_note note = note_of(channel, verdict);

	channel->heard_ms = clock_ms();
	if (note <= channel->note)
		return;
	channel->note = note;
	destination_note(channel->manager, channel->destination, note);
}

static bool
is_answered(const struct channel *channel)
{
	for (size_t i = 0; i < channel->job_count; i++)
		if (channel->jobs[i] != NULL)
			return false;
	return true;
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
	note_verdict(channel, &verdict);
	suppression_note(manager, job, &verdict);
	struct message *message = job->errand->message;
	/* It stays open for others: what is done is not done again. */
	bool is_to_write = message->active->jobs > 1 && is_answered(channel);
	collect_verdict(manager, job, &verdict);
	if (is_to_write)
		marks_write(manager, message);
	/* What else was made ready for it waits with it, closed. */
	if (channel->note >= NOTE_REFUSED &&
	    destination_is_blocked(channel->destination))
		dispatch_fail_over_all(manager, channel->destination,
		    "its host could not be reached lately, or sent all away");
}
