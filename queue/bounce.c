#include "queue/bounce.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/utf8.h"
#include "mail/xtext.h"
#include "queue/bounce_head.h"
#include "queue/bounce_part.h"
#include "queue/delivery.h"

enum {
	TEXT_MAX = 64 << 20,
	ORIGINAL_HEADER_MAX = 64 << 10
};

static bool
is_failure(const struct bounce *bounce)
{
	return bounce->report->why == REPORT_FAILED;
}

/*
 * NOTIFY, RFC 3461 section 4.1: without one failures and delays are told, and
 * successes are not.
 */
static bool
is_wanted(
    const struct bounce *bounce, struct span notify, const struct slot *slot)
{
	enum report_why why = bounce->report->why;

	if (slot->state == SLOT_RELAYED && bounce->file->envelope.by.mode != 0)
		return true; /* RFC 2852: the manager knows of NEVER */
	char letter = why == REPORT_FAILED    ? 'f'
		      : why == REPORT_DELAYED ? 'd'
					      : 's';

	return (notify.len == 0 && why != REPORT_SUCCESS) ||
	       span_index(notify, letter) < notify.len;
}

/* Has this recipient's fate to do with this report? */
static bool
is_about(const struct bounce *bounce, const struct slot *slot)
{
	switch (bounce->report->why) {
	case REPORT_FAILED:
		return slot->state == SLOT_FAILED;
	case REPORT_DELAYED:
		return slot_owes_delay(slot, bounce->report->age_s);
	case REPORT_SUCCESS:
		return slot_owes_success(slot);
	}
	return false;
}

/* RFC 3464 section 2.3.3. */
static const char *
action_word(enum slot_state state)
{
	switch (state) {
	case SLOT_WAITING:
		return "delayed";
	case SLOT_FAILED:
	case SLOT_REPORTED:
		return "failed";
	case SLOT_RELAYED:
		return "relayed";
	case SLOT_EXPANDED:
		return "expanded";
	case SLOT_ARRIVED:
	case SLOT_DELIVERED:
		break;
	}
	return "delivered";
}

/*
 * RFC 3464 sections 2.3.5 and 2.3.6: another host and its words, or our own,
 * which are no SMTP reply and need a type of their own.
 */
static void
add_diagnostic(struct buf *out, struct span text)
{
	struct span host;
	struct span reply;

	if (verdict_split_said(text, &host, &reply)) {
		buf_add_string(out, "\nRemote-MTA: dns; ");
		bounce_part_add_clean(out, host);
		buf_add_string(out, "\nDiagnostic-Code: smtp; ");
		bounce_part_add_clean(out, reply);
	} else {
		buf_add_string(out, "\nDiagnostic-Code: X-Estafeta; ");
		bounce_part_add_clean(out, text);
	}
	buf_add_char(out, '\n');
}

static bool
is_at_home(const struct slot *slot)
{
	return slot->state == SLOT_ARRIVED || slot->state == SLOT_EXPANDED;
}

static void
add_status_code(struct bounce *bounce, const struct slot *slot)
{
	struct buf *out = &bounce->statuses;
	const char class = slot->state == SLOT_FAILED    ? '5'
			   : slot->state == SLOT_WAITING ? '4'
							 : '2';

	if (slot->state == SLOT_FAILED && slot->code[0] == '4')
		buf_add_string(out, "4.4.7"); /* tried until it expired */
	else if (slot->code[0] == class)
		bounce_part_add_clean(out, span_of(slot->code));
	else
		buf_printf(out, "%c.0.0", class);
}

/* RFC 3464 section 2.3: one group of fields for each recipient. */
static void
add_status(struct bounce *bounce, const struct recipient *recipient,
    const struct slot *slot)
{
	struct buf *out = &bounce->statuses;
	bool is_utf8 = bounce->file->envelope.needs_utf8;

	buf_add_char(out, '\n');
	if (recipient->original.len > 0) {
		buf_add_string(out, "Original-Recipient: ");
		orcpt_add_field(out, recipient->original, is_utf8);
		buf_add_char(out, '\n');
	}
	buf_printf(out, "Final-Recipient: %s; ",
	    span_is_ascii(recipient->address) ? "rfc822" : "utf-8");
	if (span_is_ascii(recipient->address) || is_utf8)
		bounce_part_add_clean(out, recipient->address);
	else
		xtext_add_embedded(out, recipient->address);
	buf_printf(out, "\nAction: %s\nStatus: ", action_word(slot->state));
	add_status_code(bounce, slot);
	/* Where in this house it lies is for nobody outside. */
	if (!is_at_home(slot))
		add_diagnostic(out, span_of(slot->text));
	else
		buf_add_char(out, '\n');
	if (slot->state == SLOT_WAITING) {
		buf_add_string(out, "Will-Retry-Until: ");
		date_add(out, bounce->report->retry_until);
		buf_add_char(out, '\n');
	}
}

static void
add_recipient(struct bounce *bounce, const struct recipient *recipient,
    const struct slot *slot)
{
	struct buf *out = &bounce->failures;

	buf_add_string(out, "    <");
	bounce_part_add_clean(out, recipient->address);
	buf_printf(out, ">%s%s\n", slot_owes_success(slot) ? ": " : "",
	    slot_owes_success(slot) ? action_word(slot->state) : "");
	if (!is_at_home(slot)) {
		buf_add_string(out, "        ");
		bounce_part_add_clean(out, span_of(slot->text));
		buf_add_char(out, '\n');
	}
	add_status(bounce, recipient, slot);
	bounce->count++;
}

/* The plain form has no slot of its own: the request brings its words. */
static void
read_plain_slot(const struct bounce *bounce, struct slot *slot)
{
	const struct report *report = bounce->report;

	*slot = (struct slot){ .state = is_failure(bounce) ? SLOT_FAILED
							   : SLOT_WAITING };
	snprintf(slot->code, sizeof(slot->code), "%.*s", (int)report->code.len,
	    report->code.ptr);
	snprintf(slot->text, sizeof(slot->text), "%.*s", (int)report->text.len,
	    report->text.ptr);
}

/* A disk that fails may do better later. */
static void
note_failure(struct bounce *bounce)
{
	warn_errno("%s cannot be read", bounce->file->name.id.text);
	bounce->has_failed = true;
}

static void
add_recipients(struct bounce *bounce)
{
	const struct queue_file *file = bounce->file;
	struct span rest = file->envelope.recipients;
	struct recipient recipient;
	struct slot slot;

	for (uint64_t i = bounce->first; envelope_next(&rest, &recipient);
	     i++) {
		if (file->name.is_plain)
			read_plain_slot(bounce, &slot);
		else if (!slot_read(file, i, &slot)) {
			note_failure(bounce);
			continue;
		}
		if (is_about(bounce, &slot) &&
		    is_wanted(bounce, recipient.notify, &slot))
			add_recipient(bounce, &recipient, &slot);
	}
}

/* The first bytes of the original. */
static struct buf
read_original(struct bounce *bounce, uint64_t max)
{
	const struct queue_file *file = bounce->file;
	struct buf original = buf_new(TEXT_MAX);
	uint64_t length =
	    file->message_length < max ? file->message_length : max;
	char *room = buf_room(&original, (size_t)length);
	size_t done = 0;

	while (room != NULL && done < length) {
		ssize_t got = pread(file->fd, room + done, length - done,
		    (off_t)(file->message_offset + done));

		if (got == -1)
			note_failure(bounce);
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	buf_grown(&original, done);
	return original;
}

static const char *
opening(const struct bounce *bounce)
{
	switch (bounce->report->why) {
	case REPORT_FAILED:
		return "Your message was not delivered to the following "
		       "recipients, and will\nnot be tried again. The reason "
		       "stands below each.\n\n";
	case REPORT_DELAYED:
		return "Your message could not be delivered yet to the "
		       "following recipients.\nIt will be tried again; there "
		       "is nothing for you to do.\n\n";
	case REPORT_SUCCESS:
		break;
	}
	return "You asked to be told: your message was handed on for the "
	       "following\nrecipients. \"relayed\" is to a host that will "
	       "send no such report,\n\"expanded\" to the members of a "
	       "list.\n\n";
}

static void
add_text_part(const struct bounce *bounce, struct buf *out)
{
	struct buf text = buf_new(TEXT_MAX);

	buf_add_string(&text, "This is the mail system at ");
	buf_add(&text, buf_span(&bounce->settings->me));
	buf_add_string(&text, ".\n\n");
	buf_add_string(&text, opening(bounce));
	utf8_add_clean(&text, buf_span(&bounce->failures));
	bounce_part_add(out, bounce->report->report_id.text,
	    "text/plain; charset=utf-8", buf_span(&text));
	buf_free(&text);
}

/* The fields about the message as a whole. */
static void
add_message_fields(const struct bounce *bounce, struct buf *out)
{
	const struct queue_file *file = bounce->file;

	buf_add_string(out, "Reporting-MTA: dns; ");
	buf_add(out, buf_span(&bounce->settings->me));
	buf_add_char(out, '\n');
	if (file->envelope.envid.len > 0) {
		struct buf envid = buf_new(XTEXT_ENVID_MAX);

		if (!xtext_decode(&envid, file->envelope.envid)) {
			buf_clear(&envid);
			buf_add(&envid, file->envelope.envid);
		}
		buf_add_string(out, "Original-Envelope-Id: ");
		bounce_part_add_clean(out, buf_span(&envid));
		buf_add_char(out, '\n');
		buf_free(&envid);
	}
	buf_add_string(out, "Arrival-Date: ");
	date_add(out, (int64_t)(queue_id_time_us(&file->name.id) / 1000000));
	buf_add_char(out, '\n');
}

/* In ASCII, or in UTF-8 if it is one of RFC 6533. */
static void
add_status_part(const struct bounce *bounce, struct buf *out)
{
	bool is_utf8 = bounce->file->envelope.needs_utf8;
	struct buf fields = buf_new(TEXT_MAX);
	struct buf clean = buf_new(TEXT_MAX);

	add_message_fields(bounce, &fields);
	buf_add(&fields, buf_span(&bounce->statuses));
	if (is_utf8)
		utf8_add_clean(&clean, buf_span(&fields));
	else
		bounce_part_add_ascii(&clean, buf_span(&fields));
	bounce_part_add(out, bounce->report->report_id.text,
	    is_utf8 ? "message/global-delivery-status"
		    : "message/delivery-status",
	    buf_span(&clean));
	buf_free(&fields);
	buf_free(&clean);
}

/* The whole original if it is small and not declined (RET=HDRS). */
static void
add_original_part(struct bounce *bounce, struct buf *out, struct span header)
{
	const char *boundary = bounce->report->report_id.text;
	bool is_utf8 = bounce->file->envelope.needs_utf8;
	bool is_whole =
	    is_failure(bounce) &&
	    bounce->file->message_length <= bounce->settings->original_max &&
	    !span_equal(bounce->file->envelope.ret, span_of("H")) &&
	    !bounce->report->requires_tls; /* RFC 8689 section 5 */
	struct buf original =
	    is_whole ? read_original(bounce, bounce->settings->original_max)
		     : buf_new(0);
	const char *type = !is_whole ? NULL
			   : is_utf8
			       ? "message/global"
			       : bounce_part_message_type(buf_span(&original));

	if (type != NULL)
		bounce_part_add(out, boundary, type, buf_span(&original));
	else
		bounce_part_add(out, boundary,
		    is_utf8 ? "message/global-headers" : "text/rfc822-headers",
		    header);
	buf_printf(out, "--%s--\n", boundary);
	buf_free(&original);
}

/* The original's header is what threads to it, and may be returned. */
static void
write_text(struct bounce *bounce, struct span to)
{
	struct buf original = read_original(bounce, ORIGINAL_HEADER_MAX);
	struct span header = header_of(buf_span(&original));
	struct buf parts = buf_new(TEXT_MAX);

	add_text_part(bounce, &parts);
	add_status_part(bounce, &parts);
	add_original_part(bounce, &parts, header);
	bounce_head_add(bounce, to, header, !span_is_ascii(buf_span(&parts)));
	buf_add(&bounce->text, buf_span(&parts));
	buf_free(&parts);
	buf_free(&original);
}

static void
write_envelope(struct bounce *bounce, struct span to)
{
	const struct recipient recipient = { .address = to };

	envelope_add_sender(&bounce->envelope,
	    span_of(bounce->is_double ? ENVELOPE_DOUBLE_BOUNCE : ""));
	record_add_string(&bounce->envelope, 'B', "8");
	/* Nothing else in it needs it: what was in UTF-8 is encoded. */
	if (!span_is_ascii(to))
		record_add_string(&bounce->envelope, 'U', "1");
	if (bounce->report->requires_tls)
		record_add_string(&bounce->envelope, 'Q', "1");
	priority_add(&bounce->envelope, 'P', bounce->file->envelope.priority);
	envelope_add_recipient(&bounce->envelope, &recipient);
	envelope_end(&bounce->envelope);
}

bool
bounce_write(struct bounce *bounce, const char **why)
{
	struct span sender = bounce->sender;
	struct span to = sender;

	bounce->failures = bounce->statuses = bounce->text = buf_new(TEXT_MAX);
	bounce->envelope = buf_new(ENVELOPE_MAX);
	if (span_equal(sender, span_of(ENVELOPE_DOUBLE_BOUNCE))) {
		*why = "a report of a double bounce failed: dropped";
		return false;
	}
	bounce->is_double = sender.len == 0;
	if (bounce->is_double)
		to = buf_span(&bounce->settings->double_to);
	if (bounce->is_double && !is_failure(bounce)) {
		*why = "it has no sender: nobody is told";
		return false;
	}
	add_recipients(bounce);
	if (bounce->count == 0) {
		*why = "no recipient's sender wants to be told";
		return false;
	}
	write_text(bounce, to);
	write_envelope(bounce, to);
	return true;
}

void
bounce_free(struct bounce *bounce)
{
	buf_free(&bounce->failures);
	buf_free(&bounce->statuses);
	buf_free(&bounce->text);
	buf_free(&bounce->envelope);
}
