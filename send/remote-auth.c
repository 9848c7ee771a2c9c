/*
 * remote-auth - log in to other hosts for remote-send.
 *
 * started by  service/queue/run, as a neighbour of remote-send
 * uid         mta-remote-auth
 * fd 0        sessions, remoteauth(5)
 * fd 2        the log
 * reads       control/{smtpauth,timeoutneighbour}
 * writes      nothing
 * runs        nothing; forks a child for each session
 * exits       0 when the other end is gone, or rests; EX_USAGE; EX_TEMPFAIL
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/sandbox.h"
#include "net/smtpauth.h"
#include "queue/neighbour.h"
#include "send/children.h"
#include "send/proof.h"

static const char usage[] =
    "usage: remote-auth   (started by service/queue/run)";

enum {
	CHILDREN_MAX = 500, /* as control/concurrencyremote's */
	CRASHES_MAX = 3
};

struct keeper {
	struct control_list secrets;
	uint64_t stamp; /* of their file */
	Gsasl *library;
	int64_t rest_ms; /* neighbour_rest_ms */
	int session;
	struct buf host; /* empty: not bound */
	uint16_t port;
	struct proof proof;
	struct buf user;
	struct buf password;
	struct buf binding;
	struct buf response;
	struct buf packet;
};

/* ---- the child ---- */

static bool
is_bound_to(const struct keeper *keeper, struct span line)
{
	struct smtpauth smtpauth;

	return smtpauth_parse(line, &smtpauth) &&
	       smtpauth_is_for(
		   &smtpauth, buf_span(&keeper->host), keeper->port);
}

/*
 * Before the first byte that another host has a part in: forget all that is
 * not for it.
 */
static void
bind_to(struct keeper *keeper, const struct remoteauth_request *request)
{
	struct buf *text = &keeper->secrets.text;
	struct buf kept = buf_new(CONTROL_MAX);

	buf_add(&keeper->host, request->host);
	keeper->port = request->port;
	for (size_t i = 0; i < keeper->secrets.count; i++) {
		struct span *item = &keeper->secrets.items[i];
		size_t start = kept.len;

		if (is_bound_to(keeper, *item))
			buf_add(&kept, *item);
		*item = (struct span){ NULL, kept.len - start };
	}
	buf_wipe(text);
	buf_free(text);
	*text = kept;
	for (size_t i = 0, start = 0; i < keeper->secrets.count; i++) {
		struct span *item = &keeper->secrets.items[i];

		item->ptr = item->len == 0 ? "" : kept.data + start;
		start += item->len;
	}
}

static void
forget(struct keeper *keeper)
{
	proof_end(&keeper->proof);
	buf_wipe(&keeper->password);
	buf_wipe(&keeper->response);
	buf_clear(&keeper->user);
	buf_clear(&keeper->binding);
}

static void
select_line(struct keeper *keeper, struct span sender)
{
	bool is_for_host;
	const struct remoteauth_selected selected = {
		.line = smtpauth_find(&keeper->secrets, buf_span(&keeper->host),
		    keeper->port, sender, &is_for_host),
		.stamp = keeper->stamp,
		.is_end = !is_for_host
	};

	remoteauth_add_selected(&keeper->packet, &selected);
}

static struct remoteauth_step
begin(struct keeper *keeper, const struct remoteauth_request *request)
{
	const struct control_list *secrets = &keeper->secrets;
	struct smtpauth smtpauth;

	forget(keeper);
	if (request->line > secrets->count ||
	    !smtpauth_parse(secrets->items[request->line - 1], &smtpauth))
		return (
		    struct remoteauth_step){ .why = span_of("no such line") };
	buf_add(&keeper->user, smtpauth.user);
	smtpauth_password(&smtpauth, &keeper->password);
	buf_add(&keeper->binding, request->binding);
	keeper->proof = (struct proof){ .user = buf_string(&keeper->user),
		.password = buf_string(&keeper->password),
		.binding = keeper->binding.len == 0
			       ? NULL
			       : buf_string(&keeper->binding) };
	if (keeper->proof.password == NULL)
		return (struct remoteauth_step){
			.why = span_of("the password has a NUL byte")
		};
	return proof_begin(&keeper->proof, keeper->library, request->mechanisms,
	    &keeper->response);
}

/* False if a packet is no request of remoteauth(5), at this point. */
static bool
answer(struct keeper *keeper, struct span packet)
{
	struct remoteauth_request request;
	struct remoteauth_step step;

	if (!remoteauth_parse_request(packet, &request) ||
	    (request.kind == REMOTEAUTH_BIND) != (keeper->host.len == 0))
		return false;
	buf_clear(&keeper->packet);
	switch (request.kind) {
	case REMOTEAUTH_BIND:
		bind_to(keeper, &request);
		return true;
	case REMOTEAUTH_SELECT:
		select_line(keeper, request.sender);
		break;
	case REMOTEAUTH_BEGIN:
		step = begin(keeper, &request);
		remoteauth_add_step(&keeper->packet, &step);
		break;
	case REMOTEAUTH_CHALLENGE:
		step = proof_answer(
		    &keeper->proof, request.challenge, &keeper->response);
		remoteauth_add_step(&keeper->packet, &step);
		break;
	}
	bool is_sent =
	    packet_send(keeper->session, buf_span(&keeper->packet), NULL, 0);
	buf_wipe(&keeper->packet);
	return is_sent;
}

static _Noreturn void
run_child(
    struct keeper *keeper, const struct sandbox_layer *layer, pid_t parent)
{
	static struct packet packet;
	int got;

	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1 || getppid() != parent)
		temp_fail("cannot begin a session");
	close(NEIGHBOUR_SELF);
	sandbox_session(layer, &keeper->session, 1);
	while ((got = packet_receive(keeper->session, &packet)) == 1) {
		packet_close_fds(&packet);
		if (!answer(keeper, packet_span(&packet))) {
			log_event("no request of remoteauth(5)");
			break;
		}
	}
	_exit(got == 0 ? EX_OK : EX_PROTOCOL);
}

/* ---- the parent ---- */

static void
serve(struct keeper *keeper, const struct sandbox_layer *layer)
{
	static struct packet packet;
	struct pollfd wait = { .fd = NEIGHBOUR_SELF };
	const pid_t self = getpid();
	int64_t asked_ms = clock_ms();
	uint64_t children = 0;
	unsigned crashes = 0;

	for (;;) {
		bool is_full = children >= CHILDREN_MAX;

		/* At the limit only the end of who asks is heard. */
		wait.events = is_full ? 0 : POLLIN;
		bool has_packet = children_wait(&wait, 1, keeper->rest_ms);

		crashes += children_reap(&children);
		if (crashes >= CRASHES_MAX)
			die(EX_TEMPFAIL, "%u crashes: starting anew", crashes);
		if (!has_packet && keeper->rest_ms != -1 && children == 0 &&
		    clock_ms() - asked_ms >= keeper->rest_ms)
			return;
		if (!has_packet)
			continue;
		if (is_full)
			return;
		asked_ms = clock_ms();
		int got = packet_receive(NEIGHBOUR_SELF, &packet);
		if (got == 0)
			return;
		keeper->session =
		    got == 1 ? neighbour_accept_session(&packet) : -1;
		packet_close_fds(&packet);
		if (keeper->session == -1)
			continue;
		pid_t pid = fork();
		if (pid == 0)
			run_child(keeper, layer, self);
		if (pid == -1)
			warn_errno("cannot fork");
		else
			children++;
		close(keeper->session);
	}
}

int
main(int argc, char **argv)
{
	static struct keeper keeper;

	program_name("remote-auth");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc != 1 || !neighbour_is_pair_end(NEIGHBOUR_SELF))
		die(EX_USAGE, "%s", usage);
	require_unprivileged();
	keeper.stamp = smtpauth_stamp();
	keeper.secrets = smtpauth_read();
	keeper.library = proof_prepare();
	keeper.rest_ms = neighbour_rest_ms();
	keeper.host = buf_new(CONTROL_WORD_MAX);
	keeper.user = buf_new(SMTPAUTH_WORD_MAX + 1);
	keeper.password = buf_new(SMTPAUTH_WORD_MAX + 1);
	keeper.binding = buf_new(REMOTEAUTH_TEXT_MAX + 1);
	keeper.response = buf_new(REMOTEAUTH_TEXT_MAX + 1);
	keeper.packet = buf_new(PACKET_MAX);
	children_hold();
	serve(&keeper, sandbox_enter_for_sessions(SANDBOX_FORK, SANDBOX_PIPES));
	return EX_OK;
}
