#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "local/filing.h"
#include "mail/header.h"
#include "queue/envelope.h"
#include "queue/outgoing.h"
#include "sieve/notify.h"
#include "sieve/vacation.h"
#include "store/remembered.h"

/* A script's redirect, vacation and notify. */

enum {
	HEAD_MAX = 4096,
	NOTICE_MAX = 2 << 20 /* a script's whole text fits in it, encoded */
};

/* The same id each time for the same message, recipient and purpose. */
static struct queue_id
derive_id(const struct filed *filed, const char *purpose, struct span whom)
{
	struct buf text = buf_new(SIZE_MAX / 2);
	struct queue_id parent;

	if (!queue_id_parse(filed->command->id, &parent))
		parent = queue_id_make();
	buf_add_string(&text, purpose);
	buf_add(&text, filed->command->recipient);
	buf_add_char(&text, '\0');
	buf_add(&text, whom);
	struct queue_id id = queue_id_derive(&parent, buf_span(&text));
	buf_free(&text);
	return id;
}

/* What cannot be sent, now or ever, is no reason to lose the message. */
static bool
give_up(struct filed *filed, const char *why, struct span text)
{
	struct buf line = buf_new(PACKET_MAX);

	buf_add_string(&line, why);
	buf_add(&line, text);
	filing_log(filed, buf_span(&line));
	buf_free(&line);
	return filing_keep(filed);
}

/* False: for later, and the verdict says why. */
static bool
send(struct filed *filed, const struct outgoing *outgoing, const char *what)
{
	struct buf text = buf_new(PACKET_MAX);
	bool is_good = true;

	switch (outgoing_send(outgoing, filed->session, &text)) {
	case INJECT_KEPT:
	case INJECT_EXISTS:
		filing_say(filed, what, span_of(outgoing->id.text));
		log_event("%.*s sieve to=<%.*s> script=%.*s %s%s",
		    (int)filed->command->id.len, filed->command->id.ptr,
		    (int)filed->command->recipient.len,
		    filed->command->recipient.ptr, (int)filed->script.len,
		    filed->script.data, what, outgoing->id.text);
		break;
	case INJECT_REFUSED:
		is_good = give_up(filed, "not sent: ", buf_span(&text));
		break;
	case INJECT_LATER:
		filing_later(filed, "4.3.0", buf_span(&text));
		is_good = false;
	}
	buf_free(&text);
	return is_good;
}

/* ---- redirect, RFC 5228 section 4.2 ---- */

/* Its bytes: the trace before the message, as the script has it. */
static bool
redirect_bytes(struct filed *filed, const struct sieve_action *action,
    struct outgoing *outgoing)
{
	const struct outgoing_trace trace = { .recipient =
						  filed->command->recipient,
		.host = buf_span(&filed->filing->me),
		.protocol = "local",
		.id = &outgoing->id,
		.now = filed->now };
	struct buf head = buf_new(HEAD_MAX);

	outgoing_add_trace(&head, &trace);
	outgoing->head = buf_span(&head);
	if (action->header.ptr != NULL) {
		outgoing->offset = 0;
		outgoing->fd =
		    filing_edit(filed, action->header, &outgoing->length);
	}
	if (outgoing->fd == -1)
		filing_later(filed, "4.3.0", span_of(strerror(errno)));
	bool is_sent =
	    outgoing->fd != -1 && send(filed, outgoing, "redirected as ");
	if (outgoing->fd != -1 && outgoing->fd != filed->message_fd)
		close(outgoing->fd);
	buf_free(&head);
	return is_sent;
}

static bool
redirect(struct filed *filed, const struct sieve_action *action)
{
	const struct command *command = filed->command;
	struct buf recipients = buf_new(PACKET_MAX);
	const struct recipient recipient = { .address = action->address };
	const struct outgoing_loop loop = { .recipient = command->recipient,
		.delimiters = buf_span(&filed->filing->delimiters),
		.hops_max = filed->filing->hops_max };

	if (outgoing_is_looping(filed->result.own_header, &loop))
		return give_up(filed,
		    "not redirected, it runs in a circle: ", action->address);
	envelope_add_recipient(&recipients, &recipient);
	struct outgoing outgoing = { .id = derive_id(
					 filed, "redirect", action->address),
		.sender = command->sender,
		.recipients = buf_span(&recipients),
		.is_8bit = command->is_8bit,
		.needs_utf8 =
		    command->needs_utf8 || !span_is_ascii(action->address),
		.requires_tls = command->requires_tls,
		.priority = command->priority,
		.solicitation = command->solicitation,
		.fd = filed->message_fd,
		.offset = command->offset,
		.length = command->length };
	bool is_sent = redirect_bytes(filed, action, &outgoing);
	buf_free(&recipients);
	return is_sent;
}

/* ---- notices, which have no message of before in them ---- */

/* Who is told, of what; all borrowed. */
struct notice {
	const char *said; /* in the verdict, before the id */
	struct span sender;
	struct span recipients; /* each ended by LF */
	const char *notify;     /* as in envelope(5) */
	struct queue_id id;
};

static struct buf
message_id(const struct filed *filed, const struct queue_id *id)
{
	struct buf text = buf_new(PACKET_MAX);

	buf_printf(&text, "<%s@", id->text);
	buf_add(&text, buf_span(&filed->filing->me));
	buf_add_char(&text, '>');
	return text;
}

static bool
send_notice(
    struct filed *filed, const struct notice *notice, struct span message)
{
	struct buf records = buf_new(PACKET_MAX);

	outgoing_add_recipients(&records, notice->recipients, notice->notify);
	const struct outgoing outgoing = { .id = notice->id,
		.sender = notice->sender,
		.recipients = buf_span(&records),
		.is_8bit = !span_is_ascii(message),
		.needs_utf8 = !span_is_ascii(notice->recipients) ||
			      !span_is_ascii(notice->sender) ||
			      !span_is_ascii(header_of(message)),
		.head = message };
	bool is_sent = send(filed, &outgoing, notice->said);
	buf_free(&records);
	return is_sent;
}

static struct sieve_mail
mail_of(const struct filed *filed, const struct buf *message_id)
{
	return (struct sieve_mail){ .header = filed->result.own_header,
		.sender = filed->command->sender,
		.recipient = filed->command->recipient,
		.now = filed->now,
		.message_id = buf_span(message_id) };
}

/* What is not answered need not be asked for twice. */
static bool
is_to_answer(const struct filed *filed, const struct sieve_action *action,
    const struct sieve_mail *mail)
{
	struct buf key = buf_new(PACKET_MAX);
	bool is = sieve_vacation_applies(action, mail);

	sieve_vacation_add_key(&key, action, mail->sender);
	if (is && action->seconds > 0)
		is = !remembered_has(account_root(filed->filing->account),
		    buf_span(&key), filed->now);
	buf_free(&key);
	return is;
}

bool
filing_needs_queue(const struct filed *filed)
{
	const struct buf no_id = { .len = 0 };
	const struct sieve_mail mail = mail_of(filed, &no_id);
	bool needs = false;

	for (size_t i = 0; i < filed->result.count && !needs; i++) {
		const struct sieve_action *action = &filed->result.actions[i];

		if (action->kind == SIEVE_REDIRECT)
			needs = true;
		else if (action->kind == SIEVE_VACATION)
			needs = is_to_answer(filed, action, &mail);
		else if (action->kind == SIEVE_NOTIFY)
			needs = sieve_notify_applies(mail.header);
	}
	return needs;
}

/* Not the same one again, RFC 5230 section 4.2; also if that cannot be told. */
static bool
may_answer(const struct filed *filed, const struct sieve_action *action,
    struct span key)
{
	if (action->seconds == 0)
		return true;
	if (remembered_claim(account_root(filed->filing->account), key,
		filed->now, filed->now + action->seconds))
		return true;
	if (errno != 0)
		warn_errno("cannot remember who was told");
	return false;
}

/* Not to everybody: RFC 5230 section 4. */
static bool
answer_vacation(struct filed *filed, const struct sieve_action *action)
{
	struct span sender = filed->command->sender;
	int maildir = account_root(filed->filing->account);
	struct notice notice = { .said = "told of a vacation as ",
		.sender = span_of(""),
		.recipients = sender,
		.notify = "n",
		.id = derive_id(filed, "vacation", sender) };
	struct buf id = message_id(filed, &notice.id);
	struct buf key = buf_new(PACKET_MAX);
	struct buf text = buf_new(NOTICE_MAX);
	const struct sieve_mail mail = mail_of(filed, &id);
	bool is_good = true;

	sieve_vacation_add_key(&key, action, sender);
	if (sieve_vacation_applies(action, &mail) &&
	    may_answer(filed, action, buf_span(&key))) {
		sieve_vacation_add(&text, action, &mail);
		is_good = send_notice(filed, &notice, buf_span(&text));
		if (!is_good)
			remembered_forget(maildir, buf_span(&key), filed->now);
	}
	buf_free(&id);
	buf_free(&key);
	buf_free(&text);
	return is_good;
}

/* Of another text it is another one. */
static struct queue_id
notification_id(const struct filed *filed, const struct sieve_action *action)
{
	struct buf whom = buf_new(SIZE_MAX / 2);

	buf_add(&whom, action->address);
	buf_add_char(&whom, action->text.ptr == NULL ? '-' : ':');
	buf_add(&whom, action->text);
	struct queue_id id = derive_id(filed, "notify", buf_span(&whom));
	buf_free(&whom);
	return id;
}

/* RFC 5436 */
static bool
notify(struct filed *filed, const struct sieve_action *action)
{
	struct buf sender = buf_new(PACKET_MAX);
	struct buf recipients = buf_new(PACKET_MAX);
	struct buf text = buf_new(NOTICE_MAX);
	struct notice notice = { .said = "notified as ",
		.notify = "",
		.id = notification_id(filed, action) };
	struct buf id = message_id(filed, &notice.id);
	const struct sieve_mail mail = mail_of(filed, &id);
	bool is_good = true;

	if (sieve_notify_applies(mail.header)) {
		sieve_notify_add_recipients(&recipients, action);
		sieve_notify_add_sender(&sender, action, &mail);
		sieve_notify_add(&text, action, &mail);
		notice.sender = buf_span(&sender);
		notice.recipients = buf_span(&recipients);
		is_good = send_notice(filed, &notice, buf_span(&text));
	}
	buf_free(&id);
	buf_free(&sender);
	buf_free(&recipients);
	buf_free(&text);
	return is_good;
}

bool
filing_send(struct filed *filed)
{
	const struct sieve_result *result = &filed->result;
	bool is_good = true;

	for (size_t i = 0; i < result->count && is_good; i++) {
		const struct sieve_action *action = &result->actions[i];

		if (action->kind == SIEVE_REDIRECT)
			is_good = redirect(filed, action);
		else if (action->kind == SIEVE_VACATION)
			is_good = answer_vacation(filed, action);
		else if (action->kind == SIEVE_NOTIFY)
			is_good = notify(filed, action);
	}
	return is_good;
}
