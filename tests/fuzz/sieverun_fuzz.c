/*
 * sieverun_fuzz - any script, with all extensions, run on any message, which
 * lies behind a NUL: it ends, what it leaves is within its limits, and what is
 * written of its answers is a header and a text.
 */

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mail/header.h"
#include "sieve/notify.h"
#include "sieve/show.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	OUT_MAX = 64 << 20,
	EVENTS = 4
};

static bool
give_script(void *context, bool is_global, struct span name, struct buf *text)
{
	const struct span *message = context;

	(void)name;
	/* The message is one, too; so is what includes itself. */
	buf_add_string(text, is_global ? "include :global \"x\";" : "");
	buf_add(text, is_global ? (struct span){ "", 0 } : *message);
	return !text->overflow;
}

static bool
give_metadata(
    void *context, struct span mailbox, struct span entry, struct buf *value)
{
	(void)context;
	buf_add(value, entry);
	return mailbox.len % 2 == 0;
}

static bool
has_mailbox(void *context, struct span mailbox)
{
	(void)context;
	return mailbox.len % 2 == 0;
}

/* "require [...];" of all there are. */
static void
add_requires(struct buf *script)
{
	struct buf names = buf_new(4096);
	struct span rest;

	sieve_add_extensions(&names);
	rest = buf_span(&names);
	buf_add_string(script, "require [\"fileinto\"");
	while (rest.len > 0) {
		buf_add_string(script, ", \"");
		buf_add(script, span_cut_word(&rest));
		buf_add_char(script, '"');
	}
	buf_add_string(script, "];\n");
	buf_free(&names);
}

static void
check_answer(const struct sieve_action *action, const struct sieve_mail *mail)
{
	struct buf out = buf_new(OUT_MAX);

	if (action->kind == SIEVE_VACATION) {
		sieve_vacation_applies(action, mail);
		sieve_vacation_add(&out, action, mail);
	} else if (action->kind == SIEVE_NOTIFY) {
		sieve_notify_add(&out, action, mail);
	}
	if (out.len > 0) {
		struct span header = header_of(buf_span(&out));
		struct span rest = header;

		/* Its header is one of lines that are fields. */
		while (rest.len > 0) {
			if (!header_is_field(rest))
				abort();
			rest = span_slice(
			    rest, header_field_length(rest), rest.len);
		}
		if (header.len == out.len)
			abort();
	}
	buf_free(&out);
}

static void
check_result(const struct sieve_result *result, const struct sieve_mail *mail)
{
	struct buf shown = buf_new(OUT_MAX);
	size_t redirects = 0;

	if (result->count > SIEVE_ACTIONS_MAX)
		abort();
	for (size_t i = 0; i < result->count; i++) {
		const struct sieve_action *action = &result->actions[i];

		redirects += action->kind == SIEVE_REDIRECT;
		check_answer(action, mail);
	}
	if (redirects > SIEVE_REDIRECTS_MAX)
		abort();
	sieve_show_result(&shown, result);
	buf_free(&shown);
}

static void
run_script(const struct sieve_script *script, enum sieve_event event,
    struct span message)
{
	const struct sieve_host host = { .context = &message,
		.has_mailbox = has_mailbox,
		.metadata = give_metadata,
		.script = give_script };
	struct buf trace = buf_new(OUT_MAX);
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	const struct sieve_run run = { .event = event,
		.message_fd = memfd_create("message", MFD_CLOEXEC),
		.length = message.len,
		.sender = span_of("a@example.org"),
		.recipient = span_of("b+c@example.com"),
		.host_name = span_of("mx.example.com"),
		.user = span_of("b"),
		.email = span_of("b@example.com"),
		.mailbox = span_of("INBOX"),
		.flags = span_of("\\Seen x"),
		.now = 1133949600,
		.host = &host,
		.trace = &trace };
	struct sieve_result result;

	if (run.message_fd == -1 || write(run.message_fd, message.ptr,
					message.len) != (ssize_t)message.len)
		abort();
	if (!sieve_execute(script, &run, &result, &errors) &&
	    (errors.len == 0 || result.count > 0 || !result.is_kept))
		abort();
	check_result(
	    &result, &(struct sieve_mail){ .header = header_of(message),
			 .sender = run.sender,
			 .recipient = run.recipient,
			 .now = run.now,
			 .message_id = span_of("<1@mx.example.com>") });
	sieve_result_free(&result);
	close(run.message_fd);
	buf_free(&errors);
	buf_free(&trace);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = { (const char *)data, size };
	struct span text = span_cut(&message, '\0');
	struct buf script = buf_new(SIEVE_SCRIPT_MAX);
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	struct sieve_script *compiled;

	add_requires(&script);
	buf_add(&script, text);
	compiled = sieve_compile(buf_span(&script), &errors);
	if (compiled != NULL)
		for (unsigned event = 0; event < EVENTS; event++)
			run_script(compiled, (enum sieve_event)event, message);
	sieve_free(compiled);
	buf_free(&script);
	buf_free(&errors);
	return 0;
}
