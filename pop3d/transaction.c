#include "pop3d/transaction.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/control.h"
#include "base/die.h"
#include "pop3d/transfer.h"

enum {
	LOGIN_DELAY_MAX_S = 86400
};

struct transaction {
	struct store *store;
	struct transaction_counts counts;
	uint64_t login_delay_s;
	struct span sasl;
};

static struct store *
store_of(const struct conversation *talk)
{
	return ((struct transaction *)talk->context)->store;
}

static void
reply_number(struct conversation *talk, const char *word, uint64_t first,
    const char *second)
{
	char text[160];

	snprintf(text, sizeof(text), "%s%llu %s", word,
	    (unsigned long long)first, second);
	conversation_reply(talk, text);
}

static void
reply_failure(struct conversation *talk)
{
	if (errno == ENOENT || errno == ESTALE)
		conversation_refuse(talk,
		    "-ERR another program removed or changed "
		    "that message");
	else
		conversation_refuse(
		    talk, "-ERR [SYS/TEMP] the message cannot be read");
}

/* The message that a number names: RFC 1939 section 3; false after -ERR. */
static bool
find_message(struct conversation *talk, struct span number, size_t *i)
{
	struct store *store = store_of(talk);
	uint64_t value;

	if (!span_number(span_trim(number), 10, store_count(store), &value) ||
	    value == 0) {
		conversation_refuse(talk, "-ERR no such message");
		return false;
	}
	if (store_is_deleted(store, (size_t)value - 1)) {
		conversation_refuse(talk, "-ERR that message is deleted");
		return false;
	}
	*i = (size_t)value - 1;
	return true;
}

/* Messages and octets without the deleted ones; one gone since counts 0. */
static size_t
total(struct store *store, uint64_t *octets)
{
	size_t count = 0;

	*octets = 0;
	for (size_t i = 0; i < store_count(store); i++) {
		uint64_t size = 0;

		if (store_is_deleted(store, i))
			continue;
		count++;
		if (store_octets(store, i, &size))
			*octets += size;
	}
	return count;
}

static void
handle_stat(struct conversation *talk, struct span argument)
{
	uint64_t octets;
	char text[32];
	size_t count = total(store_of(talk), &octets);

	(void)argument;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)octets);
	reply_number(talk, "+OK ", count, text);
}

static void
list_one(struct conversation *talk, const char *word, size_t i, bool is_uidl)
{
	struct store *store = store_of(talk);
	uint64_t octets = 0;
	char text[32];

	if (is_uidl) {
		reply_number(talk, word, i + 1, store_uidl(store, i));
		return;
	}
	/* In a list, one that went away meanwhile has nothing left. */
	if (!store_octets(store, i, &octets) && *word != '\0') {
		reply_failure(talk);
		return;
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)octets);
	reply_number(talk, word, i + 1, text);
}

static void
list(struct conversation *talk, struct span argument, bool is_uidl)
{
	struct store *store = store_of(talk);
	size_t i;

	if (span_trim(argument).len > 0) {
		if (find_message(talk, argument, &i))
			list_one(talk, "+OK ", i, is_uidl);
		return;
	}
	conversation_reply(talk, "+OK");
	for (i = 0; i < store_count(store); i++)
		if (!store_is_deleted(store, i))
			list_one(talk, "", i, is_uidl);
	conversation_reply(talk, ".");
}

static void
handle_list(struct conversation *talk, struct span argument)
{
	list(talk, argument, false);
}

static void
handle_uidl(struct conversation *talk, struct span argument)
{
	list(talk, argument, true);
}

static void
send_message(struct conversation *talk, size_t i, uint64_t body_lines)
{
	struct transaction *transaction = talk->context;

	switch (transfer_send(talk, transaction->store, i, body_lines)) {
	case TRANSFER_OK:
		transaction->counts.retrieved++;
		if (body_lines == TRANSFER_WHOLE)
			store_mark_seen(transaction->store, i);
		return;
	case TRANSFER_UNREADABLE:
		reply_failure(talk);
		return;
	case TRANSFER_CUT:
		if (talk->out.status == IO_OK)
			warn_errno("cannot read message %zu to its end", i + 1);
		transaction->counts.has_failed = true;
		talk->is_done = true;
	}
}

static void
handle_retr(struct conversation *talk, struct span argument)
{
	size_t i;

	if (!find_message(talk, argument, &i))
		return;
	send_message(talk, i, TRANSFER_WHOLE);
	/* The client will want the next one; until then we have time. */
	if (!talk->is_done && !reader_has_buffered(&talk->in) &&
	    writer_flush(&talk->out) == IO_OK)
		store_read_ahead(store_of(talk), i + 1);
}

static void
handle_top(struct conversation *talk, struct span argument)
{
	struct span rest = span_trim(argument);
	struct span number = span_cut(&rest, ' ');
	uint64_t lines;
	size_t i;

	if (!span_number(span_trim(rest), 10, INT64_MAX, &lines))
		conversation_refuse(
		    talk, "-ERR TOP MESSAGE LINES, both numbers");
	else if (find_message(talk, number, &i))
		send_message(talk, i, lines);
}

static void
handle_dele(struct conversation *talk, struct span argument)
{
	size_t i;

	if (!find_message(talk, argument, &i))
		return;
	store_mark(store_of(talk), i, true);
	conversation_reply(talk, "+OK deleted at QUIT");
}

static void
handle_rset(struct conversation *talk, struct span argument)
{
	struct store *store = store_of(talk);

	(void)argument;
	for (size_t i = 0; i < store_count(store); i++)
		store_mark(store, i, false);
	conversation_reply(talk, "+OK nothing is deleted");
}

static void
handle_noop(struct conversation *talk, struct span argument)
{
	(void)argument;
	conversation_reply(talk, "+OK");
}

/* UPDATE: RFC 1939 section 6. */
static void
handle_quit(struct conversation *talk, struct span argument)
{
	struct transaction *transaction = talk->context;
	struct store *store = transaction->store;

	(void)argument;
	for (size_t i = 0; i < store_count(store); i++)
		transaction->counts.deleted += store_is_deleted(store, i);
	if (store_commit(store)) {
		conversation_reply(talk, "+OK bye");
	} else {
		warn_errno("cannot delete");
		transaction->counts.has_failed = true;
		conversation_reply(talk,
		    "-ERR [SYS/TEMP] some deleted messages were not "
		    "removed");
	}
	talk->is_done = true;
}

uint64_t
transaction_login_delay(void)
{
	return control_number("pop3logindelay", 0, 0, LOGIN_DELAY_MAX_S);
}

static bool
has_word(struct span line, const char *word)
{
	while (line.len > 0)
		if (span_equal(span_cut(&line, ' '), span_of(word)))
			return true;
	return false;
}

/* What depends on whether and how one may log in: RFC 2449 section 5 has it in
 * both states.  RFC 6856 section 2.2: USER means the names in UTF-8, too, which
 * are taken where PLAIN is. */
static void
reply_ways_in(struct conversation *talk, struct span sasl)
{
	struct buf line = buf_new(sasl.len + 1);

	conversation_reply(
	    talk, has_word(sasl, "PLAIN") ? "UTF8 USER" : "UTF8");
	buf_add(&line, sasl);
	if (sasl.len > 0) {
		conversation_reply(talk, "USER");
		conversation_reply(talk, buf_string(&line));
	}
	buf_free(&line);
}

/* RFC 2449 section 5, RFC 3206 section 5 (AUTH-RESP-CODE). */
void
transaction_reply_capabilities(struct conversation *talk, struct span sasl,
    bool has_stls, uint64_t login_delay_s)
{
	char delay[64];

	static const char *const lines[] = { "TOP", "UIDL", "RESP-CODES",
		"AUTH-RESP-CODE", "PIPELINING", "LANG", "EXPIRE NEVER",
		"IMPLEMENTATION Estafeta", ".", NULL };

	conversation_reply(talk, "+OK");
	reply_ways_in(talk, sasl);
	if (has_stls)
		conversation_reply(talk, "STLS");
	snprintf(delay, sizeof(delay), "LOGIN-DELAY %llu",
	    (unsigned long long)login_delay_s);
	if (login_delay_s > 0)
		conversation_reply(talk, delay);
	conversation_reply_lines(talk, lines);
}

static void
handle_capa(struct conversation *talk, struct span argument)
{
	const struct transaction *transaction = talk->context;

	(void)argument;
	transaction_reply_capabilities(
	    talk, transaction->sasl, false, transaction->login_delay_s);
}

static const struct command commands[] = {
	{ "STAT", handle_stat, false, false },
	{ "LIST", handle_list, true, true },
	{ "UIDL", handle_uidl, true, true },
	{ "RETR", handle_retr, true, false },
	{ "TOP", handle_top, true, false },
	{ "DELE", handle_dele, true, false },
	{ "RSET", handle_rset, false, false },
	{ "NOOP", handle_noop, false, false },
	{ "QUIT", handle_quit, false, false },
	{ "CAPA", handle_capa, false, false },
	{ "LANG", conversation_handle_lang, true, true },
};

static void
take_input(struct conversation *talk, struct span input)
{
	if (input.len == 0)
		return;
	memcpy(talk->in.bytes, input.ptr, input.len);
	talk->in.end = talk->in.high = input.len;
}

enum io_status
transaction_converse(int in, int out, struct store *store,
    const struct transaction_settings *settings,
    struct transaction_counts *counts)
{
	static struct conversation talk; /* large */
	struct transaction transaction = { .store = store,
		.login_delay_s = settings->login_delay_s,
		.sasl = settings->sasl };

	talk.errors = 0;
	talk.errors_max = settings->errors_max;
	talk.is_done = false;
	talk.language = settings->language;
	talk.is_utf8 = settings->is_utf8;
	talk.context = &transaction;
	conversation_open(&talk, in, out, settings->timeout_s);
	take_input(&talk, settings->input);
	reply_number(&talk, "+OK ", store_count(store),
	    language_say(talk.language, "messages"));
	enum io_status status = conversation_run(
	    &talk, commands, sizeof(commands) / sizeof(*commands));
	buf_free(&talk.line);
	*counts = transaction.counts;
	return status;
}

enum transaction_end
transaction_run(int in, int out, struct store *store,
    const struct transaction_settings *settings)
{
	struct transaction_counts counts;
	enum io_status status =
	    transaction_converse(in, out, store, settings, &counts);

	log_event("end user=%s client=%s retrieved=%llu deleted=%llu%s",
	    settings->user, settings->peer,
	    (unsigned long long)counts.retrieved,
	    (unsigned long long)counts.deleted,
	    status == IO_TIMEOUT ? " reason=timeout"
	    : status != IO_OK    ? " reason=closed"
				 : "");
	if (counts.has_failed)
		return TRANSACTION_FAILED;
	return status == IO_OK ? TRANSACTION_LEFT : TRANSACTION_BROKEN_OFF;
}
