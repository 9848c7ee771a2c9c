/*
 * inject_program - queue-inject as a program: one message, one sync.
 */

#include <errno.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/file.h"
#include "base/io.h"
#include "mail/date.h"
#include "queue/injector.h"

enum {
	ENVELOPE_TIMEOUT_MS = 3600 * 1000
};

static _Noreturn void
give_up(struct injector *injector, struct incoming *incoming, int code,
    const char *why)
{
	int error = errno;

	incoming_abort(injector, incoming);
	errno = error;
	if (code == EX_TEMPFAIL)
		temp_fail("%s", why);
	die(code, "%s", why);
}

/* RFC 5321 section 4.4: this hop, as far as a local program is one. */
static struct buf
received_field(const struct queue_id *id, unsigned caller)
{
	struct buf field = buf_new(1024);
	struct buf me = control_me();

	buf_add_string(&field, "Received: by ");
	buf_add(&field, buf_span(&me));
	buf_printf(&field, " (uid %u) id %s;\n\t", caller, id->text);
	date_add(&field, (int64_t)(queue_id_time_us(id) / 1000000));
	buf_add_char(&field, '\n');
	buf_free(&me);
	return field;
}

static void
take_message(struct injector *injector, struct incoming *incoming)
{
	char bytes[32768];
	ssize_t got;

	while ((got = read(STDIN_FILENO, bytes, sizeof(bytes))) != 0) {
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			give_up(injector, incoming, EX_TEMPFAIL,
			    "cannot read the message");
		struct span part = { bytes, (size_t)got };
		if (incoming_add(injector, incoming, part, NULL))
			continue;
		if (errno == EFBIG)
			give_up(injector, incoming, EX_DATAERR,
			    "the message is over the limit in "
			    "control/databytes");
		give_up(injector, incoming, EX_TEMPFAIL,
		    "cannot write to the queue");
	}
}

int
injector_run_program(struct injector *injector, unsigned caller)
{
	struct queue_id id = queue_id_make();
	struct incoming incoming;
	struct buf given = buf_new(ENVELOPE_MAX);
	struct buf kept = buf_new(ENVELOPE_MAX);
	struct envelope envelope;

	incoming_init(&incoming, &id);
	struct buf received = received_field(&id, caller);
	incoming_add(injector, &incoming, buf_span(&received), NULL);
	buf_free(&received);
	take_message(injector, &incoming);

	if (read_all(STDOUT_FILENO, &given, ENVELOPE_TIMEOUT_MS) != IO_OK)
		give_up(injector, &incoming, EX_TEMPFAIL,
		    "cannot read the envelope");
	enum envelope_status status =
	    envelope_parse(buf_span(&given), &envelope);
	if (status == ENVELOPE_OK) {
		envelope_add_of_user(&kept, buf_span(&given), &caller);
		status = envelope_parse(buf_span(&kept), &envelope);
	}
	if (status == ENVELOPE_TRUNCATED)
		give_up(injector, &incoming, EX_TEMPFAIL,
		    envelope_status_text(status));
	if (status != ENVELOPE_OK)
		give_up(injector, &incoming, EX_DATAERR,
		    envelope_status_text(status));
	if (!incoming_finish(injector, &incoming, buf_span(&kept), &envelope) ||
	    !file_sync_named(incoming.fd))
		give_up(injector, &incoming, EX_TEMPFAIL,
		    "cannot write to the queue");
	buf_clear(&given);
	incoming_add_name(&incoming, &given);
	incoming_free(&incoming);
	spool_notify(&injector->spool, buf_span(&given));
	return EX_OK;
}
