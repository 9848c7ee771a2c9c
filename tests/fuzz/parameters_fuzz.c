/*
 * parameters_fuzz - what follows MAIL's, RCPT's and BDAT's first word: what is
 * taken makes an envelope that its reader takes, too.
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>

#include "queue/envelope.h"
#include "smtpd/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_envelope(struct session *session, const struct recipient *recipient)
{
	struct buf bytes = buf_new(ENVELOPE_MAX);
	struct envelope envelope;

	envelope_add_sender(&bytes, span_of("a@b.example"));
	buf_add(&bytes, buf_span(&session->records));
	envelope_add_recipient(&bytes, recipient);
	envelope_end(&bytes);
	if (envelope_parse(buf_span(&bytes), &envelope) != ENVELOPE_OK)
		abort();
	buf_free(&bytes);
}

static struct session *
make_session(const struct settings *settings, bool is_known)
{
	static struct session session;

	static const struct peer stranger;

	session = (struct session){ .settings = settings,
		.peer = &stranger,
		.neighbours.lookup = is_known ? -1 : 0,
		.is_tls = is_known };
	session.solicitation = buf_new(ENVELOPE_SOLICITATION_MAX);
	session.records = buf_new(RECORDS_MAX);
	session.user = buf_new(100);
	if (is_known)
		buf_add_string(&session.user, "joe");
	writer_init(&session.out, -1, 1000);
	session.out.status = IO_ERROR; /* replies go nowhere */
	return &session;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct span refused[] = { { "net.example:ADV", 15 } };
	static const struct settings settings = { .size_max = 1000,
		.errors_max = UINT64_MAX,
		.hold_max_s = 86400,
		.by_min_s = 60,
		.priority_max = 4,
		.no_soliciting = { .items = refused, .count = 1 } };
	struct span rest = { (const char *)data, size };
	struct span mail = span_cut(&rest, '\n');
	struct span rcpt = span_cut(&rest, '\n');
	struct recipient recipient = { .address = span_of("x@y.example") };
	struct recipient_parameters taken = { .notify = buf_new(4) };
	uint64_t bytes;
	bool is_last;

	if (size > COMMAND_MAX || span_index(mail, '\0') < mail.len ||
	    span_index(rcpt, '\0') < rcpt.len)
		return 0;
	struct session *session = make_session(&settings, size % 2);
	if (take_mail_parameters(session, mail) &&
	    take_rcpt_parameters(session, rcpt, &taken)) {
		recipient.original = taken.original;
		recipient.notify = buf_span(&taken.notify);
		check_envelope(session, &recipient);
	}
	if (bdat_parse(rest, &bytes, &is_last) && bytes > INT64_MAX)
		abort();
	buf_free(&taken.notify);
	buf_free(&session->records);
	buf_free(&session->solicitation);
	buf_free(&session->user);
	return 0;
}
