#include "queue/bounce.h"
#include "queue/delivery.h"

#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "mail/date.h"
#include "mail/header.h"

enum {
	TEXT_MAX = 64 << 20,
	ORIGINAL_HEADER_MAX = 64 << 10
};

static bool
is_failure(const struct bounce *bounce)
{
	return bounce->report->why == REPORT_FAILED;
}

/* NOTIFY, RFC 3461 section 4.1: without one, failures and delays are told. */
static bool
is_wanted(const struct bounce *bounce, struct span notify)
{
	return notify.len == 0 ||
	       span_index(notify, is_failure(bounce) ? 'f' : 'd') < notify.len;
}

static void
add_clean(struct buf *into, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_add_char(
		    into, (unsigned char)text.ptr[i] < ' ' ? ' ' : text.ptr[i]);
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
		add_clean(out, host);
		buf_add_string(out, "\nDiagnostic-Code: smtp; ");
		add_clean(out, reply);
	} else {
		buf_add_string(out, "\nDiagnostic-Code: X-Estafeta; ");
		add_clean(out, text);
	}
	buf_add_char(out, '\n');
}

/* RFC 3464 section 2.3: one group of fields for each recipient. */
static void
add_status(struct bounce *bounce, const struct recipient *recipient,
    struct span code, struct span text)
{
	struct buf *out = &bounce->statuses;

	buf_add_char(out, '\n');
	if (recipient->original.len > 0) {
		buf_add_string(out, "Original-Recipient: ");
		add_clean(out, recipient->original);
		buf_add_char(out, '\n');
	}
	buf_add_string(out, "Final-Recipient: rfc822; ");
	add_clean(out, recipient->address);
	buf_printf(out, "\nAction: %s\nStatus: ",
	    is_failure(bounce) ? "failed" : "delayed");
	if (code.len == 0)
		buf_add_string(out, is_failure(bounce) ? "5.0.0" : "4.0.0");
	else if (is_failure(bounce) && code.ptr[0] == '4')
		buf_add_string(out, "4.4.7"); /* tried until it expired */
	else
		add_clean(out, code);
	add_diagnostic(out, text);
	if (!is_failure(bounce)) {
		buf_add_string(out, "Will-Retry-Until: ");
		date_add(out, bounce->report->retry_until);
		buf_add_char(out, '\n');
	}
}

static void
add_recipient(struct bounce *bounce, const struct recipient *recipient,
    struct span code, struct span text)
{
	buf_add_string(&bounce->failures, "    <");
	add_clean(&bounce->failures, recipient->address);
	buf_add_string(&bounce->failures, ">\n        ");
	add_clean(&bounce->failures, text);
	buf_add_char(&bounce->failures, '\n');
	add_status(bounce, recipient, code, text);
	bounce->count++;
}

static void
add_recipients(struct bounce *bounce)
{
	const struct queue_file *file = bounce->file;
	struct span rest = file->envelope.recipients;
	enum slot_state about = is_failure(bounce) ? SLOT_FAILED : SLOT_WAITING;
	struct recipient recipient;
	struct slot slot;

	for (uint64_t i = 0; envelope_next(&rest, &recipient); i++) {
		if (!is_wanted(bounce, recipient.notify))
			continue;
		if (file->name.is_plain)
			add_recipient(bounce, &recipient, bounce->report->code,
			    bounce->report->text);
		else if (slot_read(file, i, &slot) && slot.state == about &&
			 !(slot.is_delay_reported && !is_failure(bounce)))
			add_recipient(bounce, &recipient, span_of(slot.code),
			    span_of(slot.text));
	}
}

/* The first bytes of the original; a disk that fails may do better later. */
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

		if (got == -1) {
			warn_errno("%s cannot be read",
			    bounce->report->report_id.text);
			bounce->has_failed = true;
		}
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	buf_grown(&original, done);
	return original;
}

static void
add_head(struct bounce *bounce, struct span to, struct span original)
{
	struct buf *out = &bounce->text;
	struct span me = buf_span(&bounce->settings->me);
	const char *id = bounce->report->report_id.text;
	struct span message_id;

	buf_add_string(out, "Received: by ");
	buf_add(out, me);
	buf_printf(out, " id %s;\n\t", id);
	date_add(out, (int64_t)(clock_utc_us() / 1000000));
	buf_add_string(out, "\nFrom: Mail Delivery System <MAILER-DAEMON@");
	buf_add(out, me);
	buf_add_string(out, ">\nTo: <");
	add_clean(out, to);
	buf_printf(out, ">\nSubject: %s\nDate: ",
	    is_failure(bounce) ? "Your message could not be delivered"
			       : "Your message is delayed: nothing to do yet");
	date_add(out, (int64_t)(clock_utc_us() / 1000000));
	buf_printf(out, "\nMessage-ID: <%s@", id);
	buf_add(out, me);
	buf_add_string(out, ">\n");
	if (header_find(original, "Message-ID", &message_id) &&
	    message_id.len < 900) {
		struct buf clean = buf_new(1000);

		header_add_unfolded(&clean, message_id);
		buf_add_string(out, "In-Reply-To: ");
		add_clean(out, buf_span(&clean));
		buf_add_string(out, "\nReferences: ");
		add_clean(out, buf_span(&clean));
		buf_add_char(out, '\n');
		buf_free(&clean);
	}
	buf_printf(out,
	    "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\n"
	    "\tboundary=\"%s\"\n\n",
	    id);
}

static void
add_text_part(struct bounce *bounce)
{
	struct buf *out = &bounce->text;

	buf_printf(out,
	    "--%s\nContent-Type: text/plain; charset=utf-8\n\n"
	    "This is the mail system at ",
	    bounce->report->report_id.text);
	buf_add(out, buf_span(&bounce->settings->me));
	buf_add_string(out, ".\n\n");
	if (is_failure(bounce))
		buf_add_string(out,
		    "Your message was not delivered to the following "
		    "recipients, and will\nnot be tried again. The reason "
		    "stands below each.\n\n");
	else
		buf_add_string(out,
		    "Your message could not be delivered yet to the "
		    "following recipients.\nIt will be tried again; there is "
		    "nothing for you to do.\n\n");
	buf_add(out, buf_span(&bounce->failures));
	buf_add_char(out, '\n');
}

static void
add_status_part(struct bounce *bounce)
{
	struct buf *out = &bounce->text;
	const struct queue_file *file = bounce->file;

	buf_printf(out,
	    "--%s\nContent-Type: message/delivery-status\n\n"
	    "Reporting-MTA: dns; ",
	    bounce->report->report_id.text);
	buf_add(out, buf_span(&bounce->settings->me));
	buf_add_char(out, '\n');
	if (file->envelope.envid.len > 0) {
		buf_add_string(out, "Original-Envelope-Id: ");
		add_clean(out, file->envelope.envid);
		buf_add_char(out, '\n');
	}
	buf_add_string(out, "Arrival-Date: ");
	date_add(out, (int64_t)(queue_id_time_us(&file->name.id) / 1000000));
	buf_add_char(out, '\n');
	buf_add(out, buf_span(&bounce->statuses));
	buf_add_char(out, '\n');
}

/* The whole original if it is small and not declined (RET=HDRS). */
static void
add_original_part(struct bounce *bounce, struct span header)
{
	struct buf *out = &bounce->text;
	bool is_whole =
	    is_failure(bounce) &&
	    bounce->file->message_length <= bounce->settings->original_max &&
	    !span_equal(bounce->file->envelope.ret, span_of("H"));

	buf_printf(out, "--%s\nContent-Type: %s\n\n",
	    bounce->report->report_id.text,
	    is_whole ? "message/rfc822" : "text/rfc822-headers");
	if (is_whole) {
		struct buf original =
		    read_original(bounce, bounce->settings->original_max);

		buf_add(out, buf_span(&original));
		buf_free(&original);
	} else {
		buf_add(out, header);
	}
	buf_printf(out, "\n--%s--\n", bounce->report->report_id.text);
}

static void
write_envelope(struct bounce *bounce, struct span to)
{
	const struct recipient recipient = { .address = to };

	envelope_add_sender(&bounce->envelope,
	    span_of(bounce->is_double ? BOUNCE_DOUBLE_SENDER : ""));
	record_add_string(&bounce->envelope, 'B', "8");
	if (bounce->file->envelope.needs_utf8)
		record_add_string(&bounce->envelope, 'U', "1");
	envelope_add_recipient(&bounce->envelope, &recipient);
	envelope_end(&bounce->envelope);
}

bool
bounce_write(struct bounce *bounce, const char **why)
{
	struct span sender = bounce->file->envelope.sender;
	struct span to = sender;

	bounce->failures = bounce->statuses = bounce->text = buf_new(TEXT_MAX);
	bounce->envelope = buf_new(ENVELOPE_MAX);
	if (span_equal(sender, span_of(BOUNCE_DOUBLE_SENDER))) {
		*why = "a report of a double bounce failed: dropped";
		return false;
	}
	bounce->is_double = sender.len == 0;
	if (bounce->is_double)
		to = buf_span(&bounce->settings->double_to);
	if (bounce->is_double && !is_failure(bounce)) {
		*why = "a report is delayed: nobody is told";
		return false;
	}
	add_recipients(bounce);
	if (bounce->count == 0) {
		*why = "no recipient's sender wants to be told";
		return false;
	}
	struct buf original = read_original(bounce, ORIGINAL_HEADER_MAX);
	struct span header = header_of(buf_span(&original));
	add_head(bounce, to, header);
	add_text_part(bounce);
	add_status_part(bounce);
	add_original_part(bounce, header);
	write_envelope(bounce, to);
	buf_free(&original);
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
