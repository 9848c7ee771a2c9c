#include "local/filing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "store/script_host.h"

enum {
	SCRIPT_NAME_ROOM = SCRIPTS_NAME_MAX + 1
};

void
filing_say(struct filed *filed, const char *what, struct span name)
{
	if (filed->text->len > 0)
		buf_add_string(filed->text, "; ");
	buf_add_string(filed->text, what);
	buf_add(filed->text, name);
}

void
filing_later(struct filed *filed, const char *code, struct span text)
{
	buf_clear(filed->text);
	buf_add(filed->text, text);
	filed->verdict->kind = VERDICT_LATER;
	filed->verdict->code = span_of(code);
}

/* ---- the message ---- */

static bool
write_edited(
    const struct filed *filed, struct span header, int fd, uint64_t *length)
{
	const struct command *command = filed->command;
	uint64_t body = filed->result.body;
	uint64_t rest = command->length - body;

	*length = header.len + 1 + rest;
	return write_all(fd, header) && write_all(fd, span_of("\n")) &&
	       copy_bytes(filed->message_fd, command->offset + body, rest, fd);
}

int
filing_edit(const struct filed *filed, struct span header, uint64_t *length)
{
	int fd = account_scratch(filed->filing->account);

	if (fd == -1 || write_edited(filed, header, fd, length))
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* ---- the script ---- */

/* A line each; what is wrong with a script is for its owner to read. */
void
filing_log(const struct filed *filed, struct span errors)
{
	while (errors.len > 0) {
		struct span line = span_cut(&errors, '\n');

		log_event("%.*s sieve to=<%.*s> script=%.*s error=%.*s",
		    (int)filed->command->id.len, filed->command->id.ptr,
		    (int)filed->command->recipient.len,
		    filed->command->recipient.ptr, (int)filed->script.len,
		    filed->script.data, (int)line.len, line.ptr);
	}
}

/* NULL: without one; false and the verdict is set if it cannot be told now. */
static bool
read_script(struct filed *filed, struct sieve_script **script)
{
	struct buf text = buf_new(SIEVE_SCRIPT_MAX);
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	int maildir = account_root(filed->filing->account);
	enum scripts_status status = scripts_active(maildir, &filed->script);
	bool is_told = true;

	*script = NULL;
	if (status == SCRIPTS_OK)
		status = scripts_read(maildir, buf_span(&filed->script), &text);
	if (status == SCRIPTS_OK) {
		*script = sieve_compile(buf_span(&text), &errors);
	} else if (status == SCRIPTS_LIMIT) {
		buf_add_string(&errors, "the script is too long");
	} else if (status == SCRIPTS_ERROR && errno == EBADMSG) {
		buf_add_string(&errors, "sieve/active is not one line, a "
					"script's name");
	} else if (status != SCRIPTS_NONEXISTENT) {
		filing_later(filed, "4.3.0", span_of(strerror(errno)));
		is_told = false;
	} else if (filed->script.len > 0) {
		buf_add_string(&errors, "there is no such script");
	}
	filing_log(filed, buf_span(&errors));
	buf_free(&text);
	buf_free(&errors);
	return is_told;
}

/* False: what it asked cannot be told now, and the verdict is set. */
static bool
run_script(struct filed *filed, const struct sieve_script *script)
{
	const struct command *command = filed->command;
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	const struct sieve_run run = { .event = SIEVE_DELIVERY,
		.message_fd = filed->message_fd,
		.offset = command->offset,
		.length = command->length,
		.sender = command->sender,
		.recipient = command->recipient,
		.delimiters = buf_span(&filed->filing->delimiters),
		.has_redirects_max = true,
		.redirects_max = filed->filing->redirects_max,
		.host_name = buf_span(&filed->filing->me),
		.user = span_of(""),
		.email = span_of(""),
		.mailbox = span_of("INBOX"),
		.changed_flags = span_of(""),
		.flags = span_of(""),
		.now = filed->now,
		.host = script_host_init(
		    &filed->host, filed->filing->account, filed->now) };

	bool is_run = sieve_execute(script, &run, &filed->result, &errors);
	int trouble = filed->host.trouble != 0 ? filed->host.trouble
					       : filed->result.trouble;
	if (trouble != 0)
		filing_later(filed, "4.3.0", span_of(strerror(trouble)));
	else if (!is_run)
		filing_log(filed, buf_span(&errors));
	buf_free(&errors);
	return trouble == 0;
}

/* ---- the actions ---- */

static const struct sieve_action *
find_reject(const struct sieve_result *result)
{
	for (size_t i = 0; i < result->count; i++)
		if (result->actions[i].kind == SIEVE_REJECT)
			return &result->actions[i];
	return NULL;
}

/* Without what could not stand in a log or a field. */
static void
add_line(struct buf *text, struct span line)
{
	if (text->len > 0)
		buf_add_char(text, ' ');
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.ptr[i];

		buf_add_char(text, c < ' ' || c == 0x7f ? ' ' : (char)c);
	}
}

/*
 * The sender gets the reason in a report (RFC 5429 section 2.2 leaves it to us
 * which): it is one line there.
 */
static void
reject(struct filed *filed, const struct sieve_action *action)
{
	struct span rest = action->text;

	/* Nobody is to be told, RFC 5429 section 2.1. */
	if (filed->command->sender.len == 0) {
		filing_say(filed, "refused, without a report, by the script ",
		    buf_span(&filed->script));
		return;
	}
	while (rest.len > 0 && filed->text->len < DELIVERY_TEXT_MAX) {
		struct span line = span_trim(span_cut(&rest, '\n'));

		if (line.len > 0)
			add_line(filed->text, line);
	}
	filed->verdict->kind = VERDICT_FAILED;
	filed->verdict->code = span_of("5.7.1");
}

/* The mailbox first: what the queue gets is then never sent for nothing. */
static void
act(struct filed *filed)
{
	const struct sieve_action *refusal = find_reject(&filed->result);

	if (filed->session == -1 && filing_needs_queue(filed)) {
		filing_later(filed, "4.3.0",
		    span_of("the queue cannot be reached for the script"));
		filed->verdict->action = ACTION_ASKS;
		return;
	}
	if (refusal != NULL) {
		reject(filed, refusal);
		return;
	}
	if (filing_store(filed) && filing_send(filed))
		script_host_remember(
		    filed->filing->account, &filed->result, filed->now);
	if (filed->text->len == 0)
		filing_say(filed, "discarded by the script ",
		    buf_span(&filed->script));
}

void
filing_deliver(const struct filing *filing, const struct command *command,
    int message_fd, int session, struct buf *text, struct verdict *verdict)
{
	struct sieve_script *script;
	struct filed filed = { .filing = filing,
		.command = command,
		.message_fd = message_fd,
		.session = session,
		.now = (int64_t)time(NULL),
		.script = buf_new(SCRIPT_NAME_ROOM),
		.host = { .holds = -1 },
		.result = { .is_kept = true },
		.text = text,
		.verdict = verdict };

	buf_clear(text);
	*verdict = (struct verdict){ .kind = VERDICT_DELIVERED,
		.code = span_of("2.0.0") };
	if (read_script(&filed, &script) &&
	    (script == NULL || run_script(&filed, script)))
		act(&filed);
	script_host_end(&filed.host);
	if (script != NULL)
		sieve_free(script);
	sieve_result_free(&filed.result);
	buf_free(&filed.script);
	verdict->text = span_slice(buf_span(text), 0, DELIVERY_TEXT_MAX);
}
