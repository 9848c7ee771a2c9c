#include "net/gate.h"

#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/sandbox.h"
#include "queue/neighbour.h"

enum {
	CHALLENGE_TIMEOUT_MS = 10000,
	LOGIN_TIMEOUT_MS = 120000,
	INPUT_TIMEOUT_MS = 5000,
	RETURN_TIMEOUT_MS = 30000 /* guests may finish what they do */
};

static const char plain[] = "PLAIN";

/* ---- the acceptor ---- */

struct acceptor {
	const struct gate_service *service;
	const struct gate_settings *settings;
};

static int
run(int client, const struct peer *peer, const int *sessions, int again,
    void *context)
{
	(void)again;
	const struct acceptor *acceptor = context;

	return acceptor->service->run(client, peer, sessions[0],
	    acceptor->settings->has_tls ? sessions[1] : -1, acceptor->settings);
}

int
gate_serve(const struct gate_service *service, struct gate_settings *settings)
{
	struct acceptor acceptor = { service, settings };
	struct serve server = {
		.busy = service->busy,
		.over = service->over,
		.is_quoted = service->is_quoted,
		.neighbours = { NEIGHBOUR_LOGIN },
		.neighbour_count = 1,
		.late = { { NEIGHBOUR_TLS } },
		.session_allowed = SANDBOX_PIPES,
		.run = run,
		.context = &acceptor,
	};

	settings->me = control_me();
	settings->errors_max = control_number("maxerrors", 20, 1, 1000);
	auth_configure(&settings->auth);
	settings->has_tls = neighbour_is_given(NEIGHBOUR_TLS);
	if (settings->has_tls)
		server.neighbours[server.neighbour_count++] = NEIGHBOUR_TLS;
	serve_configure(&server, service->name);
	require_unprivileged();
	return serve_run(&server);
}

struct buf
gate_input(void)
{
	struct buf input = buf_new(LOGIN_INPUT_MAX);

	if (!neighbour_is_given(LOGIN_INPUT_FD))
		return input;
	if (read_all(LOGIN_INPUT_FD, &input, INPUT_TIMEOUT_MS) != IO_OK)
		temp_fail("cannot read what the client sent");
	close(LOGIN_INPUT_FD);
	return input;
}

/* ---- one client ---- */

void
gate_init(struct gate *gate, enum login_service service,
    const struct peer *peer, int login, int tls,
    const struct gate_settings *settings)
{
	*gate = (struct gate){ .settings = settings,
		.peer = peer,
		.service = service,
		.login = login,
		.tls = tls,
		.is_trusted = auth_may_be_clear(&settings->auth, peer),
		.is_relayed =
		    network_list_has(&settings->reuse, &peer->address),
		.connection = -1 };
}

static bool
hear(struct gate *gate, struct login_hello *hello, int64_t timeout_ms)
{
	if (login_receive_hello(gate->login, hello, timeout_ms) != 1)
		return false;
	gate->offers = hello->offers;
	return true;
}

bool
gate_hear(struct gate *gate, struct login_hello *hello)
{
	return hear(gate, hello, CHALLENGE_TIMEOUT_MS);
}

bool
gate_return(struct gate *gate, struct login_hello *hello)
{
	gate->attempts = 0;
	return hear(gate, hello, RETURN_TIMEOUT_MS);
}

bool
gate_begin_tls(struct gate *gate)
{
	if (gate->tls != -1 && starttls_begin(gate->tls, gate->peer->text))
		return true;
	gate->tls = -1;
	return false;
}

bool
gate_take_tls(struct gate *gate, struct reader *in, struct writer *out)
{
	int tls = gate->tls;

	gate->tls = -1;
	gate->is_tls =
	    starttls_take(tls, gate->peer->text, in, out, &gate->facts);
	gate->is_trusted = gate->is_tls;
	return gate->is_tls;
}

static enum login_verdict
wait_verdict(struct gate *gate, bool is_sent)
{
	enum login_verdict verdict = LOGIN_LATER;

	if (!is_sent || login_receive_connection(gate->login, &verdict,
			    &gate->connection, LOGIN_TIMEOUT_MS) != 1)
		return LOGIN_LATER;
	if ((gate->connection != -1) ==
	    (gate->is_relayed && verdict == LOGIN_OK))
		return verdict;
	log_event("login's answer is none of login(5)");
	return LOGIN_LATER;
}

/* What goes to login of the client: nothing where that stays here. */
static int
handed_over(const struct gate *gate, int client)
{
	return gate->is_relayed ? -1 : client;
}

static bool
send_plain(struct gate *gate, struct span user, struct span secret,
    const unsigned char network[16])
{
	static struct sasl_request request; /* large */
	struct buf response =
	    buf_new(LOGIN_USER_MAX + (size_t)LOGIN_SECRET_MAX + 2);

	buf_room(&response, user.len + secret.len + 2); /* it never moves */
	buf_add_char(&response, '\0');
	buf_add(&response, user);
	buf_add_char(&response, '\0');
	buf_add(&response, secret);
	bool is_made =
	    !response.overflow &&
	    sasl_request_init(&request, gate->service, span_of(plain)) &&
	    login_head_set_peer(
		&request.head, span_of(gate->peer->text), network) &&
	    sasl_request_set_response(&request, buf_span(&response));
	request.head.is_relayed = gate->is_relayed;
	bool is_sent = is_made && sasl_send_request(gate->login, &request);
	sasl_request_wipe(&request);
	buf_wipe(&response);
	buf_free(&response);
	return is_sent;
}

/*
 * What is not ASCII must be prepared, RFC 4013, which PLAIN's mechanism does:
 * in checkpw's jail, the one place that has such names to parse.
 */
static enum login_verdict
log_in_by_plain(struct gate *gate, struct span user, struct span secret,
    struct span input, int client)
{
	static struct sasl_reply reply; /* large */
	unsigned char network[16] = { 0 };

	/* A NUL would be PLAIN's own. */
	if (!gate_takes_utf8(gate) || span_index(user, '\0') < user.len ||
	    span_index(secret, '\0') < secret.len ||
	    user.len + secret.len > LOGIN_USER_MAX + LOGIN_SECRET_MAX)
		return LOGIN_NO;
	network_of_socket(&gate->peer->address, network);
	if (!send_plain(gate, user, secret, network) ||
	    sasl_receive_reply(gate->login, &reply, LOGIN_TIMEOUT_MS) != 1 ||
	    !reply.is_answer)
		return LOGIN_LATER;
	return reply.answer.verdict == LOGIN_PROVEN
		   ? gate_hand_over(gate, input, client)
		   : (enum login_verdict)reply.answer.verdict;
}

enum login_verdict
gate_log_in(struct gate *gate, enum login_method method, struct span user,
    struct span secret, struct span input, int client)
{
	static struct login_request request; /* large */
	unsigned char network[16] = { 0 };
	enum login_verdict verdict = LOGIN_NO;

	if (method == LOGIN_PASSWORD &&
	    (!span_is_ascii(user) || !span_is_ascii(secret)))
		return log_in_by_plain(gate, user, secret, input, client);
	network_of_socket(&gate->peer->address, network);
	if (user.len > 0 &&
	    login_request_init(&request, gate->service, method, user) &&
	    login_head_set_peer(
		&request.head, span_of(gate->peer->text), network) &&
	    login_request_set_secret(&request, secret) &&
	    login_request_set_input(&request, input)) {
		request.head.is_relayed = gate->is_relayed;
		verdict =
		    wait_verdict(gate, login_send_request(gate->login, &request,
					   handed_over(gate, client)));
	}
	login_request_wipe(&request);
	return verdict;
}

enum login_verdict
gate_hand_over(struct gate *gate, struct span input, int client)
{
	return wait_verdict(gate,
	    login_send_handover(gate->login, input, handed_over(gate, client)));
}

bool
gate_may_try_again(struct gate *gate)
{
	return ++gate->attempts < AUTH_ATTEMPTS_MAX;
}

/* ---- SASL ---- */

static struct mechanisms_channel
channel_of(const struct gate *gate)
{
	return (struct mechanisms_channel){
		.has_binding = starttls_binding(&gate->facts).len > 0,
		.has_certificate = gate->facts.client_name[0] != '\0',
		.offers = gate->offers
	};
}

const char *
gate_next_mechanism(const struct gate *gate, size_t *place)
{
	const struct mechanisms_channel channel = channel_of(gate);

	return mechanisms_next(
	    &gate->settings->auth.mechanisms, &channel, place);
}

bool
gate_has_mechanism(const struct gate *gate, struct span name)
{
	const struct mechanisms_channel channel = channel_of(gate);

	return mechanisms_has(&gate->settings->auth.mechanisms, &channel, name);
}

bool
gate_forbids_mechanism(const struct gate *gate, struct span name)
{
	return mechanisms_forbid(&gate->settings->auth.mechanisms, name);
}

bool
gate_takes_utf8(const struct gate *gate)
{
	return gate->is_trusted && gate_has_mechanism(gate, span_of(plain));
}

enum auth_outcome
gate_authenticate(struct gate *gate, struct reader *in, struct writer *out,
    struct buf *line, struct span mechanism, struct span initial,
    bool has_initial)
{
	const struct auth auth = { .service = gate->service,
		.login = gate->login,
		.is_relayed = gate->is_relayed,
		.peer = gate->peer,
		.in = in,
		.out = out,
		.line = line,
		.prompt = "+ ",
		.form = gate->form,
		.binding = starttls_binding(&gate->facts),
		.certificate = span_of(gate->facts.client_name) };
	struct buf account = buf_new(LOGIN_USER_MAX);
	enum auth_outcome outcome =
	    auth_run(&auth, mechanism, initial, has_initial, &account);

	buf_free(&account);
	return outcome;
}

enum login_verdict
gate_verdict(enum auth_outcome outcome)
{
	return outcome == AUTH_NO     ? LOGIN_NO
	       : outcome == AUTH_FULL ? LOGIN_FULL
				      : LOGIN_LATER;
}
