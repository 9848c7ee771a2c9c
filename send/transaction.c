#include "send/transaction.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* RFC 5321 section 4.5.3.2. */
enum {
	MAIL_TIMEOUT_MS = 300 * 1000,
	RCPT_TIMEOUT_MS = 300 * 1000,
	DATA_TIMEOUT_MS = 120 * 1000,
	BLOCK_TIMEOUT_MS = 180 * 1000,
	DOT_TIMEOUT_MS = 600 * 1000
};

void
verdicts_give(struct verdicts *verdicts, size_t index, enum verdict_kind kind,
    const char *code, const char *text)
{
	const struct verdict verdict = { .number = index,
		.kind = kind,
		.action = kind == VERDICT_DELIVERED ? verdicts->action
						    : ACTION_DELIVERED,
		.code = span_of(code),
		.text = span_of(text) };

	if (verdicts->given[index])
		return;
	verdicts->given[index] = true;
	verdicts->left--;
	verdicts->give(verdicts->context, &verdict);
}

void
verdicts_give_rest(struct verdicts *verdicts, enum verdict_kind kind,
    const char *code, const char *text)
{
	for (size_t i = 0; i < verdicts->count; i++)
		verdicts_give(verdicts, i, kind, code, text);
}

static bool
is_yes(const struct smtp_client *client)
{
	return client->code >= 200 && client->code < 300;
}

enum {
	ALL_THE_REST = DELIVERY_RECIPIENTS_MAX
};

static void
give(struct connection *connection, struct verdicts *verdicts, size_t index,
    enum verdict_kind kind, const char *code)
{
	const struct smtp_client *client = &connection->client;
	char text[1024];

	snprintf(text, sizeof(text), "%s%s %.*s", connection->server,
	    client->code == 0 ? ":" : " said:", (int)client->text.len,
	    client->text.len == 0 ? "" : client->text.data);
	if (index == ALL_THE_REST)
		verdicts_give_rest(verdicts, kind, code, text);
	else
		verdicts_give(verdicts, index, kind, code, text);
}

/*
 * What a reply that is not the one we hoped for means for a recipient.  One
 * that is neither yes nor no comes from a server that is out of step: nothing
 * is known, so later.
 */
static void
judge(struct connection *connection, struct verdicts *verdicts, size_t index)
{
	struct smtp_client *client = &connection->client;

	if (client->code == 0)
		give(connection, verdicts, index, VERDICT_LATER, "4.4.2");
	else if (client->code >= 500)
		give(connection, verdicts, index, VERDICT_FAILED,
		    smtp_status(client));
	else if (client->code >= 400)
		give(connection, verdicts, index, VERDICT_LATER,
		    smtp_status(client));
	else
		give(connection, verdicts, index, VERDICT_LATER, "4.5.0");
}

/* ---- the text ---- */

struct source {
	int fd;
	uint64_t at;
	uint64_t end;
	char bytes[16384];
};

/* The next part of the message; empty at its end, or on error (false). */
static bool
next_part(struct source *source, struct span *part)
{
	uint64_t left = source->end - source->at;
	size_t len =
	    left < sizeof(source->bytes) ? (size_t)left : sizeof(source->bytes);
	ssize_t got =
	    len == 0 ? 0
		     : pread(source->fd, source->bytes, len, (off_t)source->at);

	if (got < 0 || (got == 0 && len > 0))
		return false;
	source->at += (uint64_t)got;
	*part = (struct span){ source->bytes, (size_t)got };
	return true;
}

static bool
has_8bit(int fd, const struct delivery *delivery)
{
	static struct source source;
	struct span part;

	source.fd = fd;
	source.at = delivery->offset;
	source.end = delivery->offset + delivery->length;
	while (next_part(&source, &part) && part.len > 0)
		for (size_t i = 0; i < part.len; i++)
			if ((unsigned char)part.ptr[i] >= 0x80)
				return true;
	return false;
}

/*
 * Part of a line.  A CR that is not part of a line's end would be a bare one:
 * it is left out.  The dot that is doubled is the first byte that goes out,
 * not the first that is stored: LF CR "." LF must not end the message.
 */
static void
write_bytes(struct writer *out, struct span bytes, bool *at_start)
{
	while (bytes.len > 0) {
		struct span clean = span_cut(&bytes, '\r');

		if (clean.len == 0)
			continue;
		if (*at_start && clean.ptr[0] == '.')
			write_string(out, ".");
		write_span(out, clean);
		*at_start = false;
	}
}

/* RFC 5321 section 4.5.2: CRLF ends a line, its first dot is doubled. */
static void
write_part(struct writer *out, struct span part, bool *at_start)
{
	while (part.len > 0) {
		size_t len = span_index(part, '\n');
		bool has_end = len < part.len;

		write_bytes(out, span_slice(part, 0, len), at_start);
		if (has_end) {
			write_string(out, "\r\n");
			*at_start = true;
		}
		part = span_slice(part, len + has_end, part.len);
	}
}

/* False if the message cannot be read: the connection must then be cut. */
static bool
write_text(
    struct connection *connection, const struct delivery *delivery, int fd)
{
	static struct source source;
	struct writer *out = &connection->client.out;
	bool at_start = true;
	struct span part;

	source.fd = fd;
	source.at = delivery->offset;
	source.end = delivery->offset + delivery->length;
	out->timeout_ms = BLOCK_TIMEOUT_MS;
	do {
		if (!next_part(&source, &part))
			return false;
		write_part(out, part, &at_start);
	} while (part.len > 0);
	if (!at_start)
		write_string(out, "\r\n");
	write_string(out, ".\r\n");
	return true;
}

/* ---- the envelope ---- */

static void
add_parameter(struct buf *line, const char *name, struct span value)
{
	if (value.len == 0)
		return;
	buf_add_string(line, name);
	buf_add(line, value);
}

static void
write_line(struct smtp_client *client, struct buf *line)
{
	smtp_write(client, "%.*s", (int)line->len, line->data);
	buf_free(line);
}

static void
write_mail(
    struct smtp_client *client, const struct delivery *delivery, bool is_8bit)
{
	struct buf line = buf_new(SMTP_COMMAND_MAX);
	const char *ret = span_equal(delivery->ret, span_of("F"))   ? "FULL"
			  : span_equal(delivery->ret, span_of("H")) ? "HDRS"
								    : "";

	buf_add_string(&line, "MAIL FROM:<");
	buf_add(&line, delivery->sender);
	buf_add_char(&line, '>');
	if (client->has_size)
		buf_printf(
		    &line, " SIZE=%llu", (unsigned long long)delivery->length);
	if (is_8bit && client->has_8bitmime)
		buf_add_string(&line, " BODY=8BITMIME");
	if (delivery->needs_utf8)
		buf_add_string(&line, " SMTPUTF8");
	if (client->has_dsn) { /* RFC 3461 section 5.2.1 */
		add_parameter(&line, " RET=", span_of(ret));
		add_parameter(&line, " ENVID=", delivery->envid);
	}
	write_line(client, &line);
}

static const char *
notify_word(char letter)
{
	switch (letter) {
	case 's':
		return "SUCCESS";
	case 'f':
		return "FAILURE";
	case 'd':
		return "DELAY";
	default:
		return "NEVER";
	}
}

static void
write_rcpt(struct smtp_client *client, const struct recipient *recipient)
{
	struct buf line = buf_new(SMTP_COMMAND_MAX);

	buf_add_string(&line, "RCPT TO:<");
	buf_add(&line, recipient->address);
	buf_add_char(&line, '>');
	if (client->has_dsn) {
		for (size_t i = 0; i < recipient->notify.len; i++) {
			buf_add_string(&line, i == 0 ? " NOTIFY=" : ",");
			buf_add_string(
			    &line, notify_word(recipient->notify.ptr[i]));
		}
		add_parameter(&line, " ORCPT=", recipient->original);
	}
	write_line(client, &line);
}

static bool
is_sendable(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return false;
	return true;
}

/* A line end within an address would begin a command of its own. */
static bool
are_sendable(const struct delivery *delivery)
{
	struct span rest = delivery->recipients;
	struct recipient recipient;

	if (!is_sendable(delivery->sender) || !is_sendable(delivery->envid))
		return false;
	while (envelope_next(&rest, &recipient))
		if (!is_sendable(recipient.address) ||
		    !is_sendable(recipient.original))
			return false;
	return true;
}

/* What this server cannot carry; false after a verdict for all. */
static bool
can_carry(struct connection *connection, const struct delivery *delivery,
    bool is_8bit, struct verdicts *verdicts)
{
	const struct smtp_client *client = &connection->client;

	if (delivery->needs_utf8 && !client->has_smtputf8)
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.6.7",
		    "the next host does not offer SMTPUTF8");
	else if (is_8bit && !client->has_8bitmime)
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.6.3",
		    "the next host does not offer 8BITMIME");
	else if (client->has_size && client->size_max > 0 &&
		 delivery->length > client->size_max)
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.3.4",
		    "the message is over the next host's limit");
	return verdicts->left > 0;
}

/* All commands of the envelope at once, RFC 2920. */
static void
write_envelope(
    struct smtp_client *client, const struct delivery *delivery, bool is_8bit)
{
	struct span rest = delivery->recipients;
	struct recipient recipient;

	write_mail(client, delivery, is_8bit);
	while (envelope_next(&rest, &recipient))
		write_rcpt(client, &recipient);
	smtp_write(client, "DATA");
}

/* Replies to MAIL and each RCPT; false if the connection was lost. */
static bool
read_envelope(struct connection *connection, const struct delivery *delivery,
    struct verdicts *verdicts)
{
	struct smtp_client *client = &connection->client;
	bool is_pipelined = client->has_pipelining;
	struct span rest = delivery->recipients;
	struct recipient recipient;

	smtp_read(client, MAIL_TIMEOUT_MS);
	if (!is_yes(client))
		judge(connection, verdicts, ALL_THE_REST);
	if (client->code == 0)
		return false;
	for (size_t i = 0; envelope_next(&rest, &recipient); i++) {
		if (!is_pipelined && verdicts->left == 0)
			return true; /* MAIL was refused */
		if (!is_pipelined)
			write_rcpt(client, &recipient);
		if (smtp_read(client, RCPT_TIMEOUT_MS) == 0) {
			judge(connection, verdicts, ALL_THE_REST);
			return false;
		}
		if (client->code == 552) /* RFC 5321 section 4.5.3.1.10 */
			give(connection, verdicts, i, VERDICT_LATER, "4.5.3");
		else if (!is_yes(client))
			judge(connection, verdicts, i);
	}
	return true;
}

/* After DATA: the text, or a lone dot if nobody wants it. */
static bool
send_data(struct connection *connection, const struct delivery *delivery,
    int fd, struct verdicts *verdicts)
{
	struct smtp_client *client = &connection->client;
	unsigned code = smtp_read(client, DATA_TIMEOUT_MS);

	if (code != 354) {
		judge(connection, verdicts, ALL_THE_REST);
		return code >= 400 && code != 421;
	}
	if (verdicts->left == 0) {
		write_string(&client->out, ".\r\n");
		return smtp_read(client, DOT_TIMEOUT_MS) != 0;
	}
	if (!write_text(connection, delivery, fd)) {
		verdicts_give_rest(verdicts, VERDICT_LATER, "4.3.0",
		    "the message cannot be read from the queue");
		return false;
	}
	smtp_read(client, DOT_TIMEOUT_MS);
	if (is_yes(client))
		give(connection, verdicts, ALL_THE_REST, VERDICT_DELIVERED,
		    smtp_status(client));
	else
		judge(connection, verdicts, ALL_THE_REST);
	return is_yes(client) || (client->code >= 400 && client->code != 421);
}

bool
transaction_run(struct connection *connection, const struct delivery *delivery,
    int fd, struct verdicts *verdicts)
{
	struct smtp_client *client = &connection->client;
	verdicts->action = client->has_dsn ? ACTION_PASSED : ACTION_DELIVERED;
	/* What came without BODY= is looked at: it may hold such bytes too. */
	bool is_8bit = (delivery->is_8bit && client->has_8bitmime) ||
		       has_8bit(fd, delivery);

	if (!are_sendable(delivery)) {
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.1.3",
		    "an address has a byte that no SMTP command can hold");
		return true;
	}
	if (!can_carry(connection, delivery, is_8bit, verdicts))
		return true;
	if (client->has_pipelining)
		write_envelope(client, delivery, is_8bit);
	else
		write_mail(client, delivery, is_8bit);
	if (!read_envelope(connection, delivery, verdicts))
		return false;
	if (!client->has_pipelining && verdicts->left == 0) {
		smtp_write(client, "RSET");
		return smtp_read(client, RCPT_TIMEOUT_MS) != 0;
	}
	if (!client->has_pipelining)
		smtp_write(client, "DATA");
	return send_data(connection, delivery, fd, verdicts);
}
