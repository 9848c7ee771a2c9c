#include "send/channel.h"

#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/die.h"
#include "net/sources.h"
#include "send/begin.h"
#include "send/groups.h"
#include "send/login.h"
#include "send/secure.h"

/* A message to be sent. */
struct task {
	struct delivery delivery;
	int message;
	struct demand demand;
};

/* To the manager. */
struct answers {
	int channel;
	bool is_holding; /* what means later: another host may be asked yet */
	struct buf held; /* packets, each behind its length and a colon */
};

static void
tell(const struct answers *answers, struct span packet)
{
	/* A channel that ends is what the manager hears then. */
	if (!packet_send(answers->channel, packet, NULL, 0))
		temp_fail("the manager does not hear the verdict");
}

static void
release(struct answers *answers)
{
	struct span rest = buf_span(&answers->held);
	uint64_t length;

	answers->is_holding = false;
	while (span_number(span_cut(&rest, ':'), 10, INT64_MAX, &length)) {
		tell(answers, span_slice(rest, 0, length));
		rest = span_slice(rest, length, rest.len);
	}
	buf_free(&answers->held);
}

static void
give_verdict(void *context, const struct verdict *verdict)
{
	struct answers *answers = context;
	struct buf packet = buf_new(PACKET_MAX);

	verdict_add(&packet, verdict);
	if (answers->is_holding && verdict->kind == VERDICT_LATER) {
		buf_printf(&answers->held, "%zu:", packet.len);
		buf_add(&answers->held, buf_span(&packet));
	} else {
		release(answers);
		tell(answers, buf_span(&packet));
	}
	buf_free(&packet);
}

void
channel_ask(int manager, struct span host)
{
	static struct packet packet;
	struct buf asked = buf_new(PACKET_MAX);

	channel_add_host(&asked, host);
	packet_send(manager, buf_span(&asked), NULL, 0);
	buf_free(&asked);
	int got = packet_receive(manager, &packet);
	if (got == 1)
		packet_close_fds(&packet);
	if (got != 1 || !channel_is_ready(packet_span(&packet)))
		_exit(EX_OK);
}

static bool
tell_ready(int channel)
{
	struct buf packet = buf_new(PACKET_MAX);

	channel_add_ready(&packet);
	bool is_sent = packet_send(channel, buf_span(&packet), NULL, 0);
	buf_free(&packet);
	return is_sent;
}

static size_t
count_recipients(const struct delivery *delivery)
{
	struct span rest = delivery->recipients;
	struct recipient recipient;
	size_t count = 0;

	while (envelope_next(&rest, &recipient))
		count++;
	return count;
}

static bool
find_demand(const struct send_settings *settings, struct helpers *helpers,
    const struct channel_opening *target, const struct delivery *delivery,
    int message, struct demand *demand)
{
	demand->need = secure_need(delivery, message,
	    settings->policies.count > 0 || settings->has_tls);
	demand->source = sources_find(
	    &settings->sources, delivery->sender, target->destination);
	return login_select(helpers, delivery->sender, &demand->login);
}

static bool
meets(const struct demand *has, const struct demand *wants)
{
	return has->need >= wants->need && has->login == wants->login &&
	       has->source == wants->source;
}

/*
 * Over a customer's connection, while it lasts; true: with a verdict.  Nothing
 * shows its host to be the right one by a certificate, as REQUIRETLS wants
 * (RFC 8689 section 4.2.1).
 */
static bool
try_given(struct connection *connection, const struct channel_opening *target,
    const struct task *task, struct verdicts *verdicts)
{
	const struct span tls =
	    target->tls.len == 0 ? span_of("none") : target->tls;

	if (connection_is_stale(connection))
		connection_close(connection);
	if (connection->fd == -1) {
		verdicts_give_rest(verdicts, VERDICT_LATER, "4.4.2",
		    connection->fault[0] == '\0' ? "the customer has gone"
						 : connection->fault);
	} else if (task->demand.need == NEED_REQUIRED) {
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.7.10",
		    "REQUIRETLS: no certificate shows who fetches it (ATRN)");
	} else {
		log_event("%s tls=%.*s turned server=%s",
		    task->delivery.id.text, (int)tls.len, tls.ptr,
		    connection->server);
		if (!groups_run(
			connection, &task->delivery, task->message, verdicts))
			connection_close(connection);
	}
	return true;
}

/* Over the connection that there is, or a new one; false without a verdict. */
static bool
try(struct connection *connection, const struct send_settings *settings,
    const struct helpers *helpers, const struct channel_opening *target,
    const struct task *task, struct verdicts *verdicts)
{
	char why[LOGIN_WHY_MAX];

	verdicts->is_deferred = false;
	if (connection->is_given)
		return try_given(connection, target, task, verdicts);
	if (connection_is_stale(connection))
		connection_close(connection);
	bool is_open =
	    connection->fd != -1 && meets(&connection->demand, &task->demand);
	verdicts->has_another_try = is_open;
	if (!is_open && login_is_refused(helpers, task->demand.login, why)) {
		verdicts_give_rest(verdicts, VERDICT_LATER, "4.7.8", why);
		return true;
	}
	if (!is_open)
		connection_close(connection);
	if (!is_open && !connection_open(connection, settings, helpers, target,
			    &task->demand, verdicts))
		return true;
	secure_log(connection, &task->delivery.id);
	if (!groups_run(connection, &task->delivery, task->message, verdicts))
		connection_close(connection);
	return verdicts->left < verdicts->count;
}

/*
 * RFC 5321 section 5.1: the next host, if the first puts it off before it has
 * taken anything.  One is enough: who greylists has many names.
 */
static void
try_other(struct connection *connection, const struct send_settings *settings,
    const struct helpers *helpers, const struct channel_opening *target,
    const struct task *task, struct verdicts *verdicts)
{
	struct answers *answers = verdicts->context;

	if (!answers->is_holding || !verdicts->is_deferred ||
	    !connection_open_other(
		connection, settings, helpers, target, &task->demand))
		return;
	answers->is_holding = false;
	buf_free(&answers->held);
	memset(verdicts->given, false, sizeof(verdicts->given));
	verdicts->left = verdicts->count;
	verdicts->has_another_try = false;
	secure_log(connection, &task->delivery.id);
	if (!groups_run(connection, &task->delivery, task->message, verdicts))
		connection_close(connection);
}

/* One transaction; a connection that was idle may be gone: try a new one. */
static void
run(struct connection *connection, const struct send_settings *settings,
    struct helpers *helpers, const struct channel_opening *target,
    struct task *task, int channel)
{
	/* Where the manager is asked, a no to the next host ends it all. */
	struct answers answers = { .channel = channel,
		.is_holding = helpers->manager == -1,
		.held = buf_new(SIZE_MAX / 2) };
	struct verdicts verdicts = { .give = give_verdict,
		.context = &answers,
		.count = count_recipients(&task->delivery) };

	verdicts.left = verdicts.count;
	if (!find_demand(settings, helpers, target, &task->delivery,
		task->message, &task->demand)) {
		verdicts_give_rest(&verdicts, VERDICT_LATER, "4.3.0",
		    "remote-auth does not answer");
		release(&answers);
		return;
	}
	connection_set_deadline(connection, settings);
	if (!try(connection, settings, helpers, target, task, &verdicts))
		try(connection, settings, helpers, target, task, &verdicts);
	try_other(connection, settings, helpers, target, task, &verdicts);
	verdicts_give_rest(
	    &verdicts, VERDICT_LATER, "4.3.0", "no verdict was reached");
	release(&answers);
}

int
channel_run(const struct send_settings *settings, struct helpers *helpers,
    const struct channel_opening *target, int fd, int given)
{
	static struct connection connection = { .fd = -1 };
	static struct packet packet;
	struct task task;

	if (given != -1)
		connection_take(&connection, settings, target, given);

	while (packet_receive(fd, &packet) == 1) {
		task.message = packet_take_fd(&packet, 0);
		packet_close_fds(&packet);
		if (task.message == -1 ||
		    !delivery_parse(packet_span(&packet), &task.delivery)) {
			log_event("no transaction of delivery(5)");
			return EX_PROTOCOL;
		}
		run(&connection, settings, helpers, target, &task, fd);
		close(task.message);
		if ((connection.is_given && connection.fd == -1) ||
		    !tell_ready(fd))
			break;
	}
	connection_close(&connection);
	buf_free(&connection.others);
	buf_free(&connection.dane.records);
	buf_free(&connection.dane.names);
	sts_policy_free(&connection.strict.policy);
	explicit_bzero(&connection, sizeof(connection));
	connection.fd = -1; /* the next channel's host learns nothing of it */
	return EX_OK;
}
