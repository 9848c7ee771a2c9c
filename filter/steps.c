/*
 * steps - connect, helo, mail, rcpt, and the macros of each step.
 */

#include <string.h>

#include "base/die.h"
#include "filter/milter.h"

/* ---- macros ---- */

/* What Postfix sends by default, with {client_...} at connect. */
static const struct macro_list {
	enum wire_command command;
	uint32_t stage; /* as milters number them */
	const char *names;
} macro_lists[] = {
	{ WIRE_CONNECT, 0,
	    "j {daemon_name} {daemon_addr} {daemon_port} v _ {client_addr} "
	    "{client_name} {client_port} {client_ptr}" },
	{ WIRE_HELO, 1, "{tls_version}" },
	{ WIRE_MAIL, 2,
	    "{auth_authen} {auth_type} {mail_addr} {mail_host} {mail_mailer} "
	    "{client_addr} {client_name}" },
	{ WIRE_RCPT, 3, "{rcpt_addr} {rcpt_host} {rcpt_mailer}" },
	{ WIRE_DATA, 4, "i" },
	{ WIRE_END_OF_HEADER, 6, "i" },
	{ WIRE_END, 5, "i" },
};

static struct span
domain_of(const struct buf *address)
{
	struct span text = buf_span(address);

	return span_slice(text, span_last_index(text, '@') + 1, text.len);
}

/* The client's name, or its address in brackets as Sendmail writes it. */
static void
add_client_name(struct buf *buf, const struct facts *facts)
{
	if (facts->name.len > 0) {
		buf_add(buf, buf_span(&facts->name));
		return;
	}
	buf_add_char(buf, '[');
	buf_add(buf, buf_span(&facts->client));
	buf_add_char(buf, ']');
}

static void
add_underscore(struct buf *buf, const struct facts *facts)
{
	add_client_name(buf, facts);
	buf_add_string(buf, " [");
	buf_add(buf, buf_span(&facts->client));
	buf_add_char(buf, ']');
}

/* Append a macro whose value is a fact as it stands; false if it is none. */
static bool
add_plain_macro(struct buf *buf, const struct facts *facts, struct span name)
{
	const struct {
		const char *name;
		struct span value;
	} plain[] = {
		{ "j", buf_span(&facts->host) },
		{ "i", buf_span(&facts->id) },
		{ "{daemon_name}", buf_span(&facts->service) },
		{ "{daemon_addr}", buf_span(&facts->local) },
		{ "{client_addr}", buf_span(&facts->client) },
		{ "{tls_version}", buf_span(&facts->tls) },
		{ "{auth_authen}", buf_span(&facts->user) },
		{ "{mail_addr}", buf_span(&facts->sender) },
		{ "{rcpt_addr}", buf_span(&facts->recipient) },
	};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (span_equal(name, span_of(plain[i].name))) {
			buf_add(buf, plain[i].value);
			return true;
		}
	}
	return false;
}

/* Append a macro's value; false if it has none now. */
static bool
add_macro_value(struct buf *buf, const struct facts *facts, struct span name)
{
	size_t before = buf->len;

	if (add_plain_macro(buf, facts, name))
		return buf->len > before;
	if (span_equal(name, span_of("_")))
		add_underscore(buf, facts);
	else if (span_equal(name, span_of("v")))
		buf_add_string(buf, "Estafeta");
	else if (span_equal(name, span_of("{client_name}")) ||
		 span_equal(name, span_of("{client_ptr}")))
		add_client_name(buf, facts);
	else if (span_equal(name, span_of("{client_port}")))
		buf_printf(buf, "%llu", (unsigned long long)facts->client_port);
	else if (span_equal(name, span_of("{daemon_port}")))
		buf_printf(buf, "%llu", (unsigned long long)facts->local_port);
	else if (span_equal(name, span_of("{auth_type}")))
		buf_add_string(buf, facts->user.len > 0 ? "PLAIN" : "");
	else if (span_equal(name, span_of("{mail_host}")))
		buf_add(buf, domain_of(&facts->sender));
	else if (span_equal(name, span_of("{rcpt_host}")))
		buf_add(buf, domain_of(&facts->recipient));
	else if (span_equal(name, span_of("{mail_mailer}")) ||
		 span_equal(name, span_of("{rcpt_mailer}")))
		buf_add_string(buf, "smtp");
	return buf->len > before;
}

void
milter_send_macros(
    struct milter *milter, enum wire_command command, const struct facts *facts)
{
	struct buf value = buf_new((size_t)2 * FACTS_TEXT_MAX);
	const struct macro_list *list = macro_lists;

	while (list->command != command)
		list++;
	struct span names = span_of(list->names);
	wire_find_macros(&milter->options, list->stage, &names);
	buf_clear(&milter->data);
	buf_add_char(&milter->data, (char)command);
	while (names.len > 0) {
		struct span name = span_trim(span_cut(&names, ' '));

		if (name.len > 0 && name.ptr[name.len - 1] == ',')
			name.len--;
		buf_clear(&value);
		if (name.len == 0 || !add_macro_value(&value, facts, name))
			continue;
		wire_add_text(&milter->data, name);
		wire_add_text(&milter->data, buf_span(&value));
	}
	milter_send(milter, WIRE_MACROS, buf_span(&milter->data));
	buf_free(&value);
}

/* ---- verdicts ---- */

static bool
set_verdict(
    struct milter_verdict *verdict, enum filter_verdict what, const char *text)
{
	verdict->verdict = what;
	buf_clear(&verdict->text);
	buf_add_string(&verdict->text, text);
	return false;
}

bool
milter_default_verdict(
    const struct milter *milter, struct milter_verdict *verdict)
{
	switch (milter->setting->otherwise) {
	case MILTER_ACCEPT:
		return true;
	case MILTER_TEMPFAIL:
		return set_verdict(verdict, FILTER_DEFER,
		    "451 4.7.1 a milter does not answer: see control/milters");
	case MILTER_REJECT:
		return set_verdict(verdict, FILTER_REJECT,
		    "550 5.7.1 a milter does not answer: see control/milters");
	case MILTER_SHUTDOWN:
		return set_verdict(verdict, FILTER_DEFER,
		    "421 4.7.1 a milter does not answer: closing");
	}
	return true;
}

static bool
judge_reply_line(
    struct milter *milter, struct span text, struct milter_verdict *verdict)
{
	buf_clear(&verdict->text);
	if (!wire_add_reply_line(&verdict->text, text)) {
		milter_fail(milter, "its reply is none");
		return milter_default_verdict(milter, verdict);
	}
	verdict->verdict =
	    verdict->text.data[0] == '4' ? FILTER_DEFER : FILTER_REJECT;
	return false;
}

bool
milter_judge(struct milter *milter, const struct wire_reply *reply,
    struct milter_verdict *verdict)
{
	switch (reply->kind) {
	case WIRE_CONTINUE:
	case WIRE_SKIP_REST:
		return true;
	case WIRE_ACCEPT:
		milter->state = MILTER_MESSAGE_DONE;
		return true;
	case WIRE_REJECT:
		return set_verdict(
		    verdict, FILTER_REJECT, "550 5.7.1 rejected by a milter");
	case WIRE_TEMPFAIL:
		return set_verdict(verdict, FILTER_DEFER,
		    "451 4.7.1 try again later, says a milter");
	case WIRE_SHUTDOWN:
		return set_verdict(verdict, FILTER_DEFER,
		    "421 4.7.1 a milter ends this session");
	case WIRE_DISCARD:
		return set_verdict(verdict, FILTER_DISCARD, "");
	case WIRE_REPLY:
		return judge_reply_line(milter, reply->text, verdict);
	case WIRE_PROGRESS:
	case WIRE_QUARANTINE:
	case WIRE_ADD_HEADER:
	case WIRE_INSERT_HEADER:
	case WIRE_CHANGE_HEADER:
	case WIRE_ADD_RCPT:
	case WIRE_DELETE_RCPT:
	case WIRE_CHANGE_SENDER:
	case WIRE_REPLACE_BODY:
		break;
	}
	milter_fail(milter, "it edits before the end of the message");
	return milter_default_verdict(milter, verdict);
}

bool
milter_await(struct milter *milter, enum wire_protocol mute, int64_t timeout_ms,
    struct milter_verdict *verdict)
{
	struct wire_reply reply;

	if (milter->state != MILTER_FAILED && !milter_wants(milter, mute))
		return true;
	if (!milter_receive(milter, timeout_ms, &reply))
		return milter_default_verdict(milter, verdict);
	return milter_judge(milter, &reply, verdict);
}

/* ---- the steps ---- */

static void
add_connect(struct buf *data, const struct facts *facts)
{
	struct span client = buf_span(&facts->client);
	struct buf name = buf_new(FACTS_TEXT_MAX + 2);
	bool is_ipv6 = span_index(client, ':') < client.len;
	bool is_ipv4 = !is_ipv6 && span_index(client, '.') < client.len;

	add_client_name(&name, facts);
	wire_add_text(data, buf_span(&name));
	buf_free(&name);
	if (!is_ipv4 && !is_ipv6) {
		buf_add_char(data, 'U');
		return;
	}
	buf_add_char(data, is_ipv6 ? '6' : '4');
	buf_add_char(data, (char)(facts->client_port >> 8));
	buf_add_char(data, (char)facts->client_port);
	wire_add_text(data, client);
}

static void
add_path(struct buf *data, const struct buf *address)
{
	buf_add_char(data, '<');
	buf_add(data, buf_span(address));
	wire_add_text(data, span_of(">"));
}

static const struct step {
	enum wire_command command;
	enum wire_protocol no_step;
	enum wire_protocol mute;
} steps[] = {
	[FILTER_CONNECT] = { WIRE_CONNECT, WIRE_NO_CONNECT, WIRE_MUTE_CONNECT },
	[FILTER_HELO] = { WIRE_HELO, WIRE_NO_HELO, WIRE_MUTE_HELO },
	[FILTER_MAIL] = { WIRE_MAIL, WIRE_NO_MAIL, WIRE_MUTE_MAIL },
	[FILTER_RCPT] = { WIRE_RCPT, WIRE_NO_RCPT, WIRE_MUTE_RCPT },
};

static void
send_step(
    struct milter *milter, enum filter_stage stage, const struct facts *facts)
{
	struct buf *data = &milter->data;

	milter_send_macros(milter, steps[stage].command, facts);
	buf_clear(data);
	switch (stage) {
	case FILTER_CONNECT:
		add_connect(data, facts);
		break;
	case FILTER_HELO:
		wire_add_text(data, buf_span(&facts->helo));
		break;
	case FILTER_MAIL:
		add_path(data, &facts->sender);
		break;
	case FILTER_RCPT:
		add_path(data, &facts->recipient);
		break;
	case FILTER_MESSAGE:
	case FILTER_RESET:
		break;
	}
	milter_send(milter, steps[stage].command, buf_span(data));
}

/* A new client on a connection that has served one (STARTTLS). */
static void
begin_session(struct milter *milter)
{
	if (milter->has_session && milter->options.version >= 6)
		milter_send(milter, WIRE_QUIT_NC, (struct span){ "", 0 });
	else if (milter->has_session)
		milter_send(milter, WIRE_ABORT, (struct span){ "", 0 });
	milter->has_session = true;
	if (milter->state != MILTER_FAILED)
		milter->state = MILTER_TALKING;
}

bool
milter_step(struct milter *milter, enum filter_stage stage,
    const struct facts *facts, struct milter_verdict *verdict)
{
	if (stage == FILTER_CONNECT)
		begin_session(milter);
	if (stage == FILTER_RESET && milter->state != MILTER_SESSION_DONE) {
		milter_send(milter, WIRE_ABORT, (struct span){ "", 0 });
		writer_flush(&milter->out);
	}
	if ((stage == FILTER_RESET || stage == FILTER_MAIL) &&
	    milter->state == MILTER_MESSAGE_DONE)
		milter->state = MILTER_TALKING;
	if (stage == FILTER_RESET)
		return true;
	if (milter->state == MILTER_FAILED)
		return milter_default_verdict(milter, verdict);
	if (milter->state != MILTER_TALKING ||
	    !milter_wants(milter, steps[stage].no_step))
		return true;
	send_step(milter, stage, facts);
	bool goes_on = milter_await(
	    milter, steps[stage].mute, milter->settings->timeout_ms, verdict);
	/* What is accepted before a message is accepted with the session. */
	if (stage < FILTER_MAIL && milter->state == MILTER_MESSAGE_DONE)
		milter->state = MILTER_SESSION_DONE;
	return goes_on;
}
