/*
 * odmr-fetch - fetch this host's mail from its providers, RFC 2645: connect,
 * log in, say ATRN, and hand the connection to smtpd, which is the server then.
 *
 * started by  service/fetch/run
 * uid         mta-fetch
 * fd 2        the log
 * fd 3        readiness
 * fd 12       resolve, resolve(5)
 * fd 18       tlsd's client mode, tls(5)
 * fd 66       remote-auth, remoteauth(5)
 * fd 68       smtpd turned, odmr(5)
 * reads       control/me helohost odmrfetch odmrfetchinterval
 *             odmrfetchconcurrency timeoutconnect tlspolicy discardehlo
 * writes      nothing
 * runs        nothing; forks a child for each provider
 * exits       EX_USAGE; EX_TEMPFAIL if a neighbour is gone
 */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/sandbox.h"
#include "net/discards.h"
#include "net/providers.h"
#include "queue/neighbour.h"
#include "queue/odmr.h"
#include "send/children.h"
#include "send/connect.h"
#include "send/login.h"

static const char usage[] =
    "usage: odmr-fetch   (started by service/fetch/run)";

enum {
	READY_FD = 3,
	REPLY_TIMEOUT_MS = 300 * 1000
};

static const int neighbours[] = { NEIGHBOUR_RESOLVE, NEIGHBOUR_TLS,
	NEIGHBOUR_REMOTE_AUTH, NEIGHBOUR_TURNED };

enum {
	NEIGHBOURS = sizeof(neighbours) / sizeof(*neighbours)
};

static void
read_settings(struct send_settings *settings)
{
	static struct control_list no_routes;
	struct buf me = control_me();

	settings->helo = control_host("helohost", buf_string(&me));
	settings->routes = &no_routes;
	settings->policies = tlspolicy_read();
	settings->discards = discards_read();
	settings->port = PROVIDERS_PORT;
	settings->has_tls = true;
	settings->has_auth = true;
	settings->connect_timeout_ms =
	    (int64_t)control_number("timeoutconnect", 30, 1, 600) * 1000;
	buf_free(&me);
}

/* ---- one provider, in a child ---- */

static void
log_failure(void *context, const struct verdict *verdict)
{
	const struct provider *provider = context;

	log_event("not fetched provider=%.*s reason=%.*s",
	    (int)provider->text.len, provider->text.ptr, (int)verdict->text.len,
	    verdict->text.ptr);
}

/* Who is at the other end, in "NAME[ADDRESS]". */
static struct span
address_of(const struct connection *connection)
{
	struct span server = span_of(connection->server);
	size_t open = span_last_index(server, '[');

	return span_slice(server, open + 1,
	    server.len > open + 2 ? server.len - open - 2 : 0);
}

/* smtpd's it is, and it greets: RFC 2645 section 5.3. */
static int
turn(struct connection *connection, int turned)
{
	static struct packet packet;
	const struct tls_facts *tls =
	    connection->is_secure ? &connection->facts : NULL;
	const struct odmr_turned said = { .address = address_of(connection),
		.tls = span_of(tls == NULL ? "" : tls->protocol),
		.cipher = span_of(tls == NULL ? "" : tls->cipher) };
	struct buf request = buf_new(PACKET_MAX);

	/* A server says nothing before it has been greeted. */
	if (reader_has_buffered(&connection->client.in)) {
		log_event(
		    "not fetched provider=%s reason=it went on behind 250",
		    connection->server);
		return EX_PROTOCOL;
	}
	odmr_add_turned(&request, &said);
	if (!packet_send(turned, buf_span(&request), &connection->fd, 1))
		temp_fail("smtpd is gone");
	buf_free(&request);
	log_event("turned provider=%s tls=%s auth=%s", connection->server,
	    tls == NULL ? "none" : tls->protocol,
	    connection->mechanism[0] == '\0' ? "none" : connection->mechanism);
	smtp_free(&connection->client);
	close(connection->fd);
	while (packet_receive(turned, &packet) == 1)
		packet_close_fds(&packet);
	return EX_OK;
}

static int
ask(struct connection *connection, const struct provider *provider, int turned)
{
	struct smtp_client *client = &connection->client;

	smtp_write(client,
	    provider->domains.len == 0 ? "ATRN%.*s" : "ATRN %.*s",
	    (int)provider->domains.len, provider->domains.ptr);
	unsigned code = smtp_read(client, REPLY_TIMEOUT_MS);
	if (code == 250)
		return turn(connection, turned);
	if (code == 453)
		log_event("no mail provider=%s", connection->server);
	else
		log_event("not fetched provider=%s reason=%.*s",
		    connection->server, (int)client->text.len,
		    client->text.len == 0 ? "" : client->text.data);
	connection_close(connection);
	return code == 453 ? EX_OK : EX_TEMPFAIL;
}

static int
fetch(const struct send_settings *settings, struct provider *provider,
    struct helpers *helpers, int turned)
{
	static struct connection connection = { .fd = -1 };
	static struct verdicts verdicts;
	struct demand demand = { .need = NEED_POLICY };
	const struct channel_opening target = {
		.destination = provider->route.host, .route = provider->text
	};

	verdicts = (struct verdicts){
		.give = log_failure, .context = provider, .count = 1, .left = 1
	};
	if (!login_select(helpers, span_of(""), &demand.login))
		temp_fail("remote-auth does not answer");
	if (demand.login == 0) {
		log_event("not fetched provider=%.*s reason=no line of "
			  "control/smtpauth is for it, and all senders",
		    (int)provider->text.len, provider->text.ptr);
		return EX_CONFIG;
	}
	if (!connection_open(
		&connection, settings, helpers, &target, &demand, &verdicts))
		return EX_TEMPFAIL;
	return ask(&connection, provider, turned);
}

/* ---- the parent, which hears nothing of them ---- */

static int
open_session(int neighbour, const char *name)
{
	int session = neighbour_open_session(neighbour);

	if (session == -1)
		temp_fail("%s is gone", name);
	return session;
}

/* The child that asks it; 0: there is none. */
static pid_t
begin(const struct send_settings *settings, const struct sandbox_layer *layer,
    struct provider *provider)
{
	struct helpers helpers = { .manager = -1,
		.sts = -1,
		.resolve = open_session(NEIGHBOUR_RESOLVE, "resolve"),
		.tls = open_session(NEIGHBOUR_TLS, "tlsd"),
		.auth = login_open_session(
		    provider->route.host, provider->route.port) };
	int turned = open_session(NEIGHBOUR_TURNED, "smtpd");
	const int kept[] = { helpers.resolve, helpers.tls, helpers.auth,
		turned };

	if (helpers.auth == -1)
		temp_fail("remote-auth is gone");
	pid_t pid = fork();
	if (pid == 0) {
		sandbox_session(layer, kept, 4);
		_exit(fetch(settings, provider, &helpers, turned));
	}
	if (pid == -1)
		warn_errno("cannot fork for %.*s", (int)provider->text.len,
		    provider->text.ptr);
	for (size_t i = 0; i < 4; i++)
		close(kept[i]);
	return pid == -1 ? 0 : pid;
}

/* ---- who is asked when: each for itself, as one may take hours ---- */

static const int64_t never_ms = INT64_MAX;

struct asked {
	struct provider provider;
	pid_t child; /* that asks it; 0: none */
	int64_t due_ms;
};

struct schedule {
	const struct send_settings *settings;
	const struct sandbox_layer *layer;
	int64_t interval_ms;   /* 0: once */
	uint64_t children_max; /* control/odmrfetchconcurrency */
	uint64_t children;
	struct asked all[PROVIDERS_MAX];
	size_t count;
};

static void
add_providers(struct schedule *schedule, const struct control_list *providers)
{
	for (size_t i = 0; i < providers->count; i++)
		if (provider_parse(providers->items[i],
			&schedule->all[schedule->count].provider))
			schedule->count++;
}

static void
reap(struct schedule *schedule)
{
	for (size_t i = 0; i < schedule->count; i++) {
		struct asked *asked = &schedule->all[i];

		if (asked->child == 0 || !children_has_ended(asked->child))
			continue;
		asked->child = 0;
		schedule->children--;
	}
}

/* Who is due first, of those that no child asks; NULL: nobody. */
static struct asked *
find_next(struct schedule *schedule)
{
	struct asked *next = NULL;

	for (size_t i = 0; i < schedule->count; i++) {
		struct asked *asked = &schedule->all[i];

		if (asked->child == 0 && asked->due_ms != never_ms &&
		    (next == NULL || asked->due_ms < next->due_ms))
			next = asked;
	}
	return next;
}

/* For how long there is nothing to do; -1: until a child ends. */
static int64_t
ask_who_is_due(struct schedule *schedule)
{
	struct asked *next;

	while (schedule->children < schedule->children_max &&
	       (next = find_next(schedule)) != NULL) {
		int64_t now = clock_ms();

		if (next->due_ms > now)
			return next->due_ms - now;
		next->child =
		    begin(schedule->settings, schedule->layer, &next->provider);
		if (next->child != 0)
			schedule->children++;
		next->due_ms = schedule->interval_ms == 0
				   ? never_ms
				   : now + schedule->interval_ms;
	}
	return -1;
}

_Noreturn static void
serve(struct schedule *schedule)
{
	struct pollfd wait[NEIGHBOURS];

	for (size_t i = 0; i < NEIGHBOURS; i++)
		wait[i] =
		    (struct pollfd){ .fd = neighbours[i], .events = POLLIN };
	for (;;) {
		reap(schedule);
		if (children_wait(wait, NEIGHBOURS, ask_who_is_due(schedule)))
			temp_fail("a neighbour is gone");
	}
}

int
main(int argc, char **argv)
{
	static struct send_settings settings;
	static struct schedule schedule = { .settings = &settings };

	program_name("odmr-fetch");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	for (size_t i = 0; i < NEIGHBOURS; i++)
		if (argc != 1 || !neighbour_is_given(neighbours[i]))
			die(EX_USAGE, "%s", usage);
	read_settings(&settings);
	const struct control_list providers = providers_read();
	add_providers(&schedule, &providers);
	schedule.interval_ms =
	    (int64_t)control_number("odmrfetchinterval", 900, 0, 86400) * 1000;
	schedule.children_max =
	    control_number("odmrfetchconcurrency", 20, 1, PROVIDERS_MAX);
	signal(SIGPIPE, SIG_IGN);
	children_hold();
	require_unprivileged();
	schedule.layer = sandbox_enter_for_sessions(
	    SANDBOX_FORK | SANDBOX_SOCKETPAIR | SANDBOX_CONNECT,
	    SANDBOX_CONNECT);
	if (write(READY_FD, "\n", 1) == 1)
		close(READY_FD);
	serve(&schedule);
}
