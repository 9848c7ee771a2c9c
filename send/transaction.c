#include "send/transaction.h"

#include <string.h>

#include "send/commands.h"
#include "send/form.h"
#include "send/judge.h"

/* RFC 5321 section 4.5.3.2. */
enum {
	MAIL_TIMEOUT_MS = 300 * 1000,
	RCPT_TIMEOUT_MS = 300 * 1000,
	DATA_TIMEOUT_MS = 120 * 1000,
	BLOCK_TIMEOUT_MS = 180 * 1000,
	DOT_TIMEOUT_MS = 600 * 1000
};

enum {
	CHUNK_AHEAD_MAX = 32 << 10 /* before it is known that it is wanted */
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

/* One message to one server. */
struct transaction {
	struct connection *connection;
	struct verdicts *verdicts;
	struct form form;
	bool is_chunk_sent;                    /* BDAT, with all of the text */
	bool is_refused;                       /* by the reply to MAIL */
	bool is_out[DELIVERY_RECIPIENTS_MAX];  /* not even tried here */
	size_t taken;                          /* recipients, by the server */
	bool is_over[DELIVERY_RECIPIENTS_MAX]; /* and these were too many */
	size_t over;
	bool is_kept; /* the text, for one recipient at least */
};

/* ---- the conversation ---- */

/* RFC 3030; what is converted has a length that only DATA need not know. */
static bool
is_chunked(const struct transaction *transaction)
{
	return transaction->connection->client.has_chunking &&
	       transaction->form.facts.is_read &&
	       !transaction->form.text.is_converted;
}

/*
 * What was promised cannot be had: the connection is of no use, and there is no
 * QUIT, which might be taken for text.
 */
static bool
give_unreadable(struct transaction *transaction)
{
	verdicts_give_rest(transaction->verdicts, VERDICT_LATER, "4.3.0",
	    "the message cannot be read from the queue");
	transaction->connection->client.in.status = IO_ERROR;
	return false;
}

/*
 * For a large text over a slow line the clock stands still: that it goes on at
 * all is what BLOCK_TIMEOUT_MS sees to.
 */
static void
spare_time(struct smtp_client *client, int64_t since_ms)
{
	if (client->deadline_ms != 0)
		client->deadline_ms += clock_ms() - since_ms;
}

/* The text in one chunk; false after a verdict for all. */
static bool
write_chunk(struct transaction *transaction)
{
	struct smtp_client *client = &transaction->connection->client;
	uint64_t length = transaction->form.facts.wire_length;
	int64_t began_ms = clock_ms();

	smtp_write(client, "BDAT %llu LAST", (unsigned long long)length);
	client->out.timeout_ms = BLOCK_TIMEOUT_MS;
	transaction->is_chunk_sent = true;
	if (!text_write_chunk(&transaction->form.text, length, &client->out))
		return give_unreadable(transaction);
	spare_time(client, began_ms);
	return true;
}

/*
 * All commands of the envelope at once, RFC 2920; and a small text after them,
 * RFC 3030 section 4.2.  (By LMTP nobody answers for it if no recipient is
 * taken.)  False after a verdict for all.
 */
static bool
write_envelope(struct transaction *transaction)
{
	struct smtp_client *client = &transaction->connection->client;
	struct span rest = transaction->form.telling.delivery->recipients;
	struct recipient recipient;

	command_mail(client, &transaction->form.telling);
	for (size_t i = 0; envelope_next(&rest, &recipient); i++)
		if (!transaction->is_out[i])
			command_rcpt(
			    client, &transaction->form.telling, &recipient);
	if (!is_chunked(transaction))
		smtp_write(client, "DATA");
	else if (!client->is_lmtp &&
		 transaction->form.facts.wire_length <= CHUNK_AHEAD_MAX)
		return write_chunk(transaction);
	return true;
}

/* ---- more recipients than the server takes at once ---- */

/*
 * RFC 5321 section 4.5.3.1.10, which has 552 mean 452; not where even the first
 * is one too many, and not where the status says that 552 means what it says.
 */
static bool
is_too_many(const struct transaction *transaction)
{
	const struct smtp_client *client = &transaction->connection->client;
	const char *status = client->status;

	return transaction->taken > 0 &&
	       ((client->code == 452 &&
		    (status[0] == '\0' || strcmp(status, "4.5.3") == 0)) ||
		   (client->code == 552 &&
		       (status[0] == '\0' || strcmp(status, "5.5.3") == 0)));
}

/* No reply of this transaction is about it any more. */
static void
set_aside(struct transaction *transaction, size_t index)
{
	if (transaction->verdicts->given[index])
		return;
	transaction->is_over[index] = true;
	transaction->over++;
	transaction->verdicts->given[index] = true;
	transaction->verdicts->left--;
}

/* For the next transaction, which makes sense only if this one did. */
static void
take_back(struct transaction *transaction, bool is_usable)
{
	struct verdicts *verdicts = transaction->verdicts;

	for (size_t i = 0; i < verdicts->count; i++)
		if (transaction->is_over[i])
			verdicts->given[i] = false;
	verdicts->left += transaction->over;
	if (transaction->over > 0 && !(is_usable && transaction->is_kept))
		verdicts_give_rest(verdicts, VERDICT_LATER, "4.5.3",
		    "the next host takes no more recipients at once");
}

/* Replies to MAIL and each RCPT; false if the connection was lost. */
static bool
read_envelope(struct transaction *transaction)
{
	struct connection *connection = transaction->connection;
	struct verdicts *verdicts = transaction->verdicts;
	struct smtp_client *client = &connection->client;
	bool is_pipelined = client->has_pipelining;
	struct span rest = transaction->form.telling.delivery->recipients;
	struct recipient recipient;

	smtp_read(client, MAIL_TIMEOUT_MS);
	/* Its host closed it before it heard of this message. */
	if (client->code == 0 && verdicts->has_another_try &&
	    connection->mails > 1)
		return false;
	transaction->is_refused = client->code != 0 && !is_yes(client);
	if (!is_yes(client))
		judge_reply(connection, verdicts, ALL_THE_REST);
	if (client->code == 0)
		return false;
	for (size_t i = 0; envelope_next(&rest, &recipient); i++) {
		if (transaction->is_out[i])
			continue;
		if (!is_pipelined && transaction->is_refused)
			return true;
		if (!is_pipelined)
			command_rcpt(
			    client, &transaction->form.telling, &recipient);
		if (smtp_read(client, RCPT_TIMEOUT_MS) == 0) {
			judge_reply(connection, verdicts, ALL_THE_REST);
			return false;
		}
		if (transaction->is_refused)
			continue; /* whatever it says: there is no message */
		if (is_yes(client))
			transaction->taken++;
		else if (is_too_many(transaction))
			set_aside(transaction, i);
		else
			judge_reply(connection, verdicts, i);
	}
	return true;
}

/* RFC 2033 section 4.2: after the text, a reply for each that was taken. */
static bool
read_verdicts(struct transaction *transaction)
{
	struct connection *connection = transaction->connection;
	struct verdicts *verdicts = transaction->verdicts;
	struct smtp_client *client = &connection->client;

	for (size_t i = 0; i < verdicts->count; i++) {
		if (verdicts->given[i])
			continue;
		smtp_read(client, DOT_TIMEOUT_MS);
		if (client->code == 0 || client->code == 421) {
			judge_reply(connection, verdicts, ALL_THE_REST);
			return false;
		}
		transaction->is_kept |= is_yes(client);
		if (is_yes(client))
			judge_give(connection, verdicts, i, VERDICT_DELIVERED,
			    smtp_status(client));
		else
			judge_reply(connection, verdicts, i);
	}
	return true;
}

/* The reply to the text, for all that are left. */
static bool
read_one_verdict(struct transaction *transaction)
{
	struct connection *connection = transaction->connection;
	const struct smtp_client *client = &connection->client;

	smtp_read(&connection->client, DOT_TIMEOUT_MS);
	transaction->is_kept = is_yes(client);
	if (is_yes(client))
		judge_give(connection, transaction->verdicts, ALL_THE_REST,
		    VERDICT_DELIVERED, smtp_status(&connection->client));
	else
		judge_reply(connection, transaction->verdicts, ALL_THE_REST);
	return is_yes(client) || (client->code >= 400 && client->code != 421);
}

/*
 * Who does not wait for that sends the message twice (RFC 5321 section
 * 4.5.3.2.6): it has all its time, though the transaction's be over.
 */
static bool
read_verdict(struct transaction *transaction)
{
	struct smtp_client *client = &transaction->connection->client;
	const int64_t deadline_ms = client->deadline_ms;
	const int64_t least_ms = clock_ms() + DOT_TIMEOUT_MS;

	if (deadline_ms != 0 && deadline_ms < least_ms)
		client->deadline_ms = least_ms;
	bool is_usable = client->is_lmtp ? read_verdicts(transaction)
					 : read_one_verdict(transaction);
	client->deadline_ms = deadline_ms;
	return is_usable;
}

/* After DATA: the text, or a lone dot if nobody wants it. */
static bool
send_data(struct transaction *transaction)
{
	struct connection *connection = transaction->connection;
	struct verdicts *verdicts = transaction->verdicts;
	struct smtp_client *client = &connection->client;
	unsigned code = smtp_read(client, DATA_TIMEOUT_MS);
	int64_t began_ms = clock_ms();

	if (code != 354) {
		judge_reply(connection, verdicts, ALL_THE_REST);
		return code >= 400 && code != 421;
	}
	if (verdicts->left == 0 && client->is_lmtp)
		return false; /* it has nobody to answer for */
	if (verdicts->left == 0) {
		write_string(&client->out, ".\r\n");
		return smtp_read(client, DOT_TIMEOUT_MS) != 0;
	}
	client->out.timeout_ms = BLOCK_TIMEOUT_MS;
	if (!text_write(&transaction->form.text, &client->out))
		return give_unreadable(transaction);
	spare_time(client, began_ms);
	return read_verdict(transaction);
}

/* Nobody wants it, and nothing but the envelope was sent. */
static bool
reset(struct smtp_client *client)
{
	smtp_write(client, "RSET");
	return smtp_read(client, RCPT_TIMEOUT_MS) != 0;
}

/* RFC 3030 section 2: after one that failed nobody knows where we are. */
static bool
end_chunk(struct transaction *transaction)
{
	struct smtp_client *client = &transaction->connection->client;

	return read_verdict(transaction) && (is_yes(client) || reset(client));
}

static bool
converse(struct transaction *transaction)
{
	struct smtp_client *client = &transaction->connection->client;
	bool is_pipelined = client->has_pipelining;

	if (!is_pipelined)
		command_mail(client, &transaction->form.telling);
	else if (!write_envelope(transaction))
		return false;
	bool is_whole = read_envelope(transaction);
	/* Who was sent the text, and hung up, may have kept it. */
	transaction->verdicts->is_deferred =
	    transaction->taken == 0 && (is_whole || transaction->is_refused ||
					   !transaction->is_chunk_sent);
	if (!is_whole)
		return false;
	if (transaction->is_chunk_sent)
		return end_chunk(transaction);
	bool has_data = is_pipelined && !is_chunked(transaction);
	if (!has_data && transaction->verdicts->left == 0)
		return reset(client);
	if (is_chunked(transaction))
		return write_chunk(transaction) && end_chunk(transaction);
	if (!is_pipelined)
		smtp_write(client, "DATA");
	return send_data(transaction);
}

/* Who opened the connection for it has seen to it: RFC 8689 section 4.2.1. */
static bool
needs_tls(const struct connection *connection, const struct delivery *delivery)
{
	return delivery->requires_tls && delivery->sender.len > 0 &&
	       connection->demand.need < NEED_REQUIRED;
}

/* What this server, or any, may not have; false after a verdict for all. */
static bool
is_permitted(struct transaction *transaction)
{
	const struct smtp_client *client = &transaction->connection->client;
	const struct delivery *delivery = transaction->form.telling.delivery;
	struct verdicts *verdicts = transaction->verdicts;
	int64_t left = transaction->form.telling.by_seconds;
	bool must_return = delivery->by.mode == 'R';

	if (!form_is_sendable(delivery))
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.1.3",
		    "an address has a byte that no SMTP command can hold");
	else if (needs_tls(transaction->connection, delivery))
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.7.30",
		    "REQUIRETLS: there is no such way to the next host");
	else if (must_return && left <= 0)
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.4.7",
		    "not delivered in the time that its sender gave");
	else if (must_return &&
		 (!client->has_deliverby || (uint64_t)left < client->by_min_s))
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.3.3",
		    "the next host does not promise delivery in time "
		    "(DELIVERBY)");
	return verdicts->left > 0;
}

/* Who reports a delivery: RFC 3461 section 5.2.2, RFC 2852 */
static enum verdict_action
choose_action(const struct smtp_client *client, const struct deliver_by *by)
{
	if (by->mode != 0 && (by->is_traced || !client->has_deliverby))
		return ACTION_TRACED;
	if (client->has_dsn)
		return ACTION_PASSED;
	return client->is_lmtp ? ACTION_ARRIVED : ACTION_DELIVERED;
}

bool
transaction_run(struct connection *connection, const struct delivery *delivery,
    int fd, struct verdicts *verdicts)
{
	struct transaction transaction = { .connection = connection,
		.verdicts = verdicts,
		.form = {
		    .telling = { .delivery = delivery,
			.requires_tls = delivery->requires_tls &&
					connection->is_secure &&
					connection->client.has_requiretls,
			.by_seconds = delivery->by.time -
				      (int64_t)(clock_utc_us() / 1000000) },
		    .text = { .fd = fd,
			.offset = delivery->offset,
			.length = delivery->length } } };

	verdicts->action = choose_action(&connection->client, &delivery->by);
	if (!is_permitted(&transaction) ||
	    !form_choose(&transaction.form, &connection->client, verdicts))
		return true;
	memcpy(transaction.is_out, verdicts->given, sizeof(verdicts->given));
	connection->mails++;
	bool is_usable = converse(&transaction);
	take_back(&transaction, is_usable);
	return is_usable;
}
