#include "queue/sasl.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "queue/login_record.h"
#include "queue/neighbour.h"

enum {
	MESSAGE_MAGIC = 0x45534c20,
	ACCOUNT_MAGIC = 0x45534c21
};

/* ---- the request ---- */

/* RFC 4422 section 3.1: capitals, digits, '-' and '_'. */
static bool
is_mechanism(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if ((c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' &&
		    c != '_')
			return false;
	}
	return name.len > 0;
}

bool
sasl_request_init(struct sasl_request *request, enum login_service service,
    struct span mechanism)
{
	memset(request, 0, sizeof(*request));
	login_head_init(&request->head, service, LOGIN_SASL);
	return is_mechanism(mechanism) &&
	       record_set_part(request->mechanism, sizeof(request->mechanism),
		   &request->mechanism_len, mechanism);
}

bool
sasl_request_set_channel(
    struct sasl_request *request, struct span binding, struct span certificate)
{
	return record_is_printable(certificate) &&
	       record_set_part(request->binding, sizeof(request->binding),
		   &request->binding_len, binding) &&
	       record_set_part(request->certificate,
		   sizeof(request->certificate), &request->certificate_len,
		   certificate);
}

bool
sasl_request_set_response(struct sasl_request *request, struct span response)
{
	request->has_response = 1;
	return record_set_part(request->response, sizeof(request->response),
	    &request->response_len, response);
}

void
sasl_request_wipe(struct sasl_request *request)
{
	explicit_bzero(request, sizeof(*request));
}

struct span
sasl_mechanism(const struct sasl_request *request)
{
	return (struct span){ request->mechanism, request->mechanism_len };
}

struct span
sasl_binding(const struct sasl_request *request)
{
	return (struct span){ request->binding, request->binding_len };
}

struct span
sasl_certificate(const struct sasl_request *request)
{
	return (struct span){ request->certificate, request->certificate_len };
}

struct span
sasl_response(const struct sasl_request *request)
{
	return (struct span){ request->response, request->response_len };
}

bool
sasl_send_request(int session, const struct sasl_request *request)
{
	return record_send(session, request, sizeof(*request), -1);
}

static bool
is_request(const struct sasl_request *request)
{
	return login_head_is_good(&request->head) &&
	       request->head.method == LOGIN_SASL &&
	       request->mechanism_len <= SASL_MECHANISM_MAX &&
	       request->binding_len <= SASL_BINDING_MAX &&
	       request->certificate_len <= LOGIN_USER_MAX &&
	       request->response_len <= SASL_MESSAGE_MAX &&
	       request->has_response <= 1 &&
	       is_mechanism(sasl_mechanism(request)) &&
	       record_is_printable(sasl_certificate(request));
}

bool
sasl_parse_request(struct span bytes, struct sasl_request *request)
{
	if (bytes.len != sizeof(*request))
		return false;
	memcpy(request, bytes.ptr, sizeof(*request));
	return is_request(request);
}

int
sasl_receive_request(
    int session, struct sasl_request *request, int64_t timeout_ms)
{
	int got = record_await(session, request, sizeof(*request), timeout_ms);

	if (got != 1 || is_request(request))
		return got;
	errno = EBADMSG;
	return -1;
}

/* ---- messages: as long as what they hold ---- */

static const size_t message_head = offsetof(struct sasl_message, bytes);

bool
sasl_send(int session, enum sasl_kind kind, struct span bytes)
{
	struct sasl_message message = { .magic = MESSAGE_MAGIC,
		.kind = (uint16_t)kind };

	if (!record_set_part(
		message.bytes, sizeof(message.bytes), &message.len, bytes)) {
		errno = EMSGSIZE;
		return false;
	}
	bool is_sent =
	    record_send(session, &message, message_head + bytes.len, -1);
	sasl_message_wipe(&message);
	return is_sent;
}

bool
sasl_parse_message(struct span bytes, struct sasl_message *message)
{
	if (bytes.len < message_head || bytes.len > sizeof(*message))
		return false;
	memset(message, 0, message_head);
	memcpy(message, bytes.ptr, bytes.len);
	return message->magic == MESSAGE_MAGIC &&
	       message->kind >= SASL_CHALLENGE && message->kind <= SASL_TOKEN &&
	       message->len == bytes.len - message_head;
}

struct span
sasl_bytes(const struct sasl_message *message)
{
	return (struct span){ message->bytes, message->len };
}

void
sasl_message_wipe(struct sasl_message *message)
{
	explicit_bzero(message, message_head + message->len);
}

/* The next packet, without descriptors, for one of the parsers. */
static int
await_packet(int session, int64_t timeout_ms, struct packet *packet)
{
	if (neighbour_wait(session, timeout_ms, packet)) {
		packet_close_fds(packet);
		return 1;
	}
	packet->len = 0;
	return errno == ECONNRESET ? 0 : -1;
}

/* Forget a packet; got is 1 if something was made of it. */
static int
finish_packet(struct packet *packet, int got, bool is_good)
{
	explicit_bzero(packet->bytes, packet->len);
	if (got != 1 || is_good)
		return got;
	errno = EBADMSG;
	return -1;
}

int
sasl_receive(int session, struct sasl_message *message, int64_t timeout_ms)
{
	static struct packet packet;
	int got = await_packet(session, timeout_ms, &packet);
	bool is_good =
	    got == 1 && sasl_parse_message(packet_span(&packet), message);

	return finish_packet(&packet, got, is_good);
}

/* ---- names ---- */

bool
sasl_are_names(struct span authentication, struct span authorization)
{
	return record_is_user(authentication) &&
	       authentication.len <= LOGIN_USER_MAX &&
	       record_is_printable(authorization) &&
	       authorization.len <= LOGIN_USER_MAX;
}

bool
sasl_send_names(
    int session, struct span authentication, struct span authorization)
{
	struct buf names = buf_new(2 * (size_t)LOGIN_USER_MAX + 1);

	buf_add(&names, authentication);
	buf_add_char(&names, '\0');
	buf_add(&names, authorization);
	if (names.overflow)
		errno = EMSGSIZE;
	bool is_sent =
	    !names.overflow && sasl_send(session, SASL_NAMES, buf_span(&names));
	buf_free(&names);
	return is_sent;
}

bool
sasl_names(const struct sasl_message *message, struct span *authentication,
    struct span *authorization)
{
	struct span rest = sasl_bytes(message);

	if (message->kind != SASL_NAMES || span_index(rest, '\0') == rest.len)
		return false;
	*authentication = span_cut(&rest, '\0');
	*authorization = rest;
	return sasl_are_names(*authentication, *authorization);
}

bool
sasl_send_account(int session, enum checkpw_kind kind, struct span name)
{
	struct sasl_account account = { .magic = ACCOUNT_MAGIC,
		.kind = (uint16_t)kind };

	return record_set_part(account.name, sizeof(account.name),
		   &account.name_len, name) &&
	       record_send(session, &account, sizeof(account), -1);
}

bool
sasl_parse_account(struct span bytes, struct sasl_account *account)
{
	if (bytes.len != sizeof(*account))
		return false;
	memcpy(account, bytes.ptr, sizeof(*account));
	return account->magic == ACCOUNT_MAGIC &&
	       account->name_len <= LOGIN_USER_MAX &&
	       account->kind >= CHECKPW_SYSTEM &&
	       account->kind <= CHECKPW_NOBODY &&
	       record_is_printable(sasl_account_name(account)) &&
	       (account->name_len > 0) == (account->kind != CHECKPW_NOBODY);
}

int
sasl_receive_account(
    int session, struct sasl_account *account, int64_t timeout_ms)
{
	static struct packet packet;
	int got = await_packet(session, timeout_ms, &packet);
	bool is_good =
	    got == 1 && sasl_parse_account(packet_span(&packet), account);

	return finish_packet(&packet, got, is_good);
}

struct span
sasl_account_name(const struct sasl_account *account)
{
	return (struct span){ account->name, account->name_len };
}

/* ---- what may come instead ---- */

int
sasl_receive_reply(int session, struct sasl_reply *reply, int64_t timeout_ms)
{
	static struct packet packet;
	int got = await_packet(session, timeout_ms, &packet);
	bool is_good = false;

	if (got == 1) {
		reply->is_answer =
		    login_parse_answer(packet_span(&packet), &reply->answer);
		is_good = reply->is_answer ||
			  (sasl_parse_message(
			       packet_span(&packet), &reply->challenge) &&
			      reply->challenge.kind == SASL_CHALLENGE);
	}
	return finish_packet(&packet, got, is_good);
}

int
sasl_receive_step(int session, struct sasl_step *step, int64_t timeout_ms)
{
	static struct packet packet;
	int got = await_packet(session, timeout_ms, &packet);
	bool is_good = false;

	if (got == 1) {
		step->is_verdict =
		    checkpw_parse_answer(packet_span(&packet), &step->verdict);
		is_good =
		    step->is_verdict ||
		    (sasl_parse_message(packet_span(&packet), &step->message) &&
			(step->message.kind == SASL_CHALLENGE ||
			    step->message.kind == SASL_NAMES));
	}
	return finish_packet(&packet, got, is_good);
}
