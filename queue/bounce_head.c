#include "queue/bounce_head.h"

#include "base/io.h"
#include "mail/date.h"
#include "mail/domain.h"
#include "mail/header.h"
#include "queue/bounce_part.h"

enum {
	ADDRESS_ROOM = 1024, /* with a domain in A-labels */
	MESSAGE_ID_ROOM = 1000
};

static const char *
subject(const struct bounce *bounce)
{
	switch (bounce->report->why) {
	case REPORT_FAILED:
		return "Your message could not be delivered";
	case REPORT_DELAYED:
		return "Your message is delayed: nothing to do yet";
	case REPORT_SUCCESS:
		break;
	}
	return "Your message was delivered";
}

/* Its domain in ASCII: then most can be sent without SMTPUTF8. */
static void
add_to(struct buf *out, struct span to)
{
	struct buf address = buf_new(ADDRESS_ROOM);

	domain_add_address(&address, to);
	buf_add_string(out, "To: <");
	bounce_part_add_clean(out, buf_span(&address));
	buf_add_string(out, ">\n");
	buf_free(&address);
}

/* One beyond ASCII would need SMTPUTF8, which the way to `to` may lack. */
static void
add_thread(struct buf *out, struct span original)
{
	struct span message_id;

	if (!header_find(original, "Message-ID", &message_id) ||
	    message_id.len >= MESSAGE_ID_ROOM - 100 ||
	    !span_is_ascii(message_id))
		return;
	struct buf clean = buf_new(MESSAGE_ID_ROOM);

	header_add_unfolded(&clean, message_id);
	buf_add_string(out, "In-Reply-To: ");
	bounce_part_add_clean(out, buf_span(&clean));
	buf_add_string(out, "\nReferences: ");
	bounce_part_add_clean(out, buf_span(&clean));
	buf_add_char(out, '\n');
	buf_free(&clean);
}

void
bounce_head_add(
    struct bounce *bounce, struct span to, struct span original, bool is_8bit)
{
	struct buf *out = &bounce->text;
	struct span me = buf_span(&bounce->settings->me);
	const char *id = bounce->report->report_id.text;

	buf_add_string(out, "Received: by ");
	buf_add(out, me);
	buf_printf(out, " id %s;\n\t", id);
	date_add(out, (int64_t)(clock_utc_us() / 1000000));
	buf_add_string(out, "\nFrom: Mail Delivery System <MAILER-DAEMON@");
	buf_add(out, me);
	buf_add_string(out, ">\n");
	add_to(out, to);
	buf_printf(out, "Subject: %s\nDate: ", subject(bounce));
	date_add(out, (int64_t)(clock_utc_us() / 1000000));
	buf_printf(out, "\nMessage-ID: <%s@", id);
	buf_add(out, me);
	buf_add_string(out, ">\n");
	add_thread(out, original);
	buf_printf(out,
	    "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\n"
	    "\tboundary=\"%s\"\n%s\n",
	    id, is_8bit ? "Content-Transfer-Encoding: 8bit\n" : "");
}
