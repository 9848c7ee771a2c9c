#include "queue/suppression.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/die.h"
#include "base/paths.h"
#include "queue/marks.h"
#include "queue/suppressed.h"

/* RFC 3463 section 3.8: not authorized, and that is this host's policy. */
static const char refused[] = "5.7.1";

static void
give_up(struct slot *slot, const struct suppressed *entry)
{
	time_t when = (time_t)entry->when;
	char date[16] = "";
	struct tm day;

	if (gmtime_r(&when, &day) != NULL)
		strftime(date, sizeof(date), "%Y-%m-%d", &day);
	slot->state = SLOT_FAILED;
	snprintf(slot->code, sizeof(slot->code), "%s", refused);
	snprintf(slot->text, sizeof(slot->text),
	    "on the list of those to whom this host sends nothing more, since "
	    "%s: %.*s",
	    date, (int)entry->why.len, entry->why.ptr);
}

/* False: nobody can tell. */
static bool
look_up(const struct manager *manager, struct message *message, uint64_t i,
    struct span address, struct buf *room)
{
	struct slot *slot = &message->active->slots[i];
	struct suppressed entry;
	int found = suppressed_find(manager->spool.top, address, room, &entry);

	if (found == -1)
		warn_errno("%s waits: %s/suppressed cannot be read",
		    message->name.id.text, MTA_QUEUE);
	if (found != 1)
		return found == 0;
	give_up(slot, &entry);
	marks_set(message, i);
	log_event("%s failed to=<%.*s> code=%s text=%s", message->name.id.text,
	    (int)address.len, address.ptr, slot->code, slot->text);
	return true;
}

void
suppression_apply(const struct manager *manager, struct message *message)
{
	const struct active *active = message->active;
	struct span rest = active->file.envelope.recipients;
	struct recipient recipient;

	if (!suppressed_is_used(manager->spool.top))
		return;
	struct buf room = buf_new(SUPPRESSED_FILE_MAX);
	for (uint64_t i = 0; envelope_next(&rest, &recipient); i++)
		if (active->slots[i].state == SLOT_WAITING &&
		    !active->in_hand[i])
			look_up(manager, message, i, recipient.address, &room);
	buf_free(&room);
}

bool
suppression_apply_to(struct manager *manager, const struct errand *errand)
{
	struct message *message = errand->message;
	struct span rest = message->active->file.envelope.recipients;
	struct recipient recipient;
	uint64_t next = 0;
	uint64_t i;

	if (!suppressed_is_used(manager->spool.top))
		return true;
	struct buf room = buf_new(SUPPRESSED_FILE_MAX);
	bool is_known = true;
	while (is_known &&
	       active_next(manager, errand, &rest, &next, &recipient, &i))
		is_known =
		    look_up(manager, message, i, recipient.address, &room);
	buf_free(&room);
	return is_known;
}

/*
 * Another host said that there is no such mailbox, and not that this message or
 * its sender is not wanted, or that the mailbox is full.  A bare 550 may be any
 * of these, and what we found ourselves may be our own mistake.
 */
static bool
is_about_mailbox(const struct verdict *verdict)
{
	static const char *const codes[] = { "5.1.1", "5.1.6", "5.2.1" };
	struct span host;
	struct span reply;

	return span_is_one_of(
		   verdict->code, codes, sizeof(codes) / sizeof(*codes)) &&
	       verdict_split_said(verdict->text, &host, &reply);
}

static void
suppress(const struct manager *manager, struct span address,
    const struct verdict *verdict)
{
	struct buf why = buf_new(SUPPRESSED_FILE_MAX);

	buf_printf(&why, "%llu permanent failure%s, the last %.*s",
	    (unsigned long long)manager->suppress_after.failures,
	    manager->suppress_after.failures == 1 ? "" : "s",
	    (int)verdict->code.len, verdict->code.ptr);
	const struct suppressed entry = { .kind = 's',
		.address = address,
		.when = clock_now(),
		.uid = UINT32_MAX,
		.why = buf_span(&why) };
	int added = suppressed_add(manager->spool.top, &entry, false);
	if (added == -1)
		warn_errno("<%.*s> cannot be suppressed", (int)address.len,
		    address.ptr);
	else if (added == 1)
		log_event("suppress added %.*s: %s", (int)address.len,
		    address.ptr, buf_string(&why));
	buf_free(&why);
}

void
suppression_note(const struct manager *manager, const struct job *job,
    const struct verdict *verdict)
{
	const struct suppress_after *after = &manager->suppress_after;
	int64_t now = clock_now();
	const struct suppressed failure = { .kind = 'f',
		.address = job->recipient.address,
		.when = now,
		.uid = UINT32_MAX,
		.why = verdict->code };

	/* Some refuse every report: its recipient may well be there. */
	if (after->failures == 0 || verdict->kind != VERDICT_FAILED ||
	    job->errand->message->active->file.envelope.sender.len == 0 ||
	    !is_about_mailbox(verdict))
		return;
	int count = suppressed_count(
	    manager->spool.top, &failure, now - (int64_t)after->seconds);
	if (count == -1)
		warn_errno("a failure cannot be counted");
	else if ((uint64_t)count >= after->failures)
		suppress(manager, failure.address, verdict);
}
