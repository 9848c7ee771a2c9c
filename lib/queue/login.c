#include "queue/login.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queue/login_record.h"
#include "queue/neighbour.h"

/* "ESL" and the format's version, then the record. */
enum {
	HELLO_MAGIC = 0x45534c30,
	REQUEST_MAGIC = 0x45534c31,
	ANSWER_MAGIC = 0x45534c32,
	HANDOVER_MAGIC = 0x45534c15,
	MAIL_MAGIC = 0x45534c16
};

/*
 * The next packet, which must be size bytes long and bring no more than a
 * descriptor, where one may come; *fd is -1 if none did.
 */
static int
receive_record(int session, void *record, size_t size, int *fd)
{
	static struct packet packet;
	int got = packet_receive(session, &packet);
	bool is_good = got == 1 && packet.len == size &&
		       packet.fd_count <= (fd == NULL ? 0 : 1);

	if (is_good) {
		memcpy(record, packet.bytes, size);
		if (fd != NULL)
			*fd = packet_take_fd(&packet, 0);
	} else if (got == 1) {
		errno = EBADMSG;
		got = -1;
	}
	packet_close_fds(&packet);
	explicit_bzero(packet.bytes, packet.len);
	return got;
}

static bool
await_record(int session, int64_t timeout_ms)
{
	struct pollfd wait = { .fd = session, .events = POLLIN };

	if (poll(&wait, 1, (int)timeout_ms) == 1)
		return true;
	errno = ETIMEDOUT;
	return false;
}

static void
drop_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

/* ---- hello ---- */

bool
login_send_hello(int session, struct span challenge, unsigned offers)
{
	struct login_hello hello = { .magic = HELLO_MAGIC, .offers = offers };

	if (challenge.len > sizeof(hello.challenge)) {
		errno = EMSGSIZE;
		return false;
	}
	memcpy(hello.challenge, challenge.ptr, challenge.len);
	hello.challenge_len = (uint32_t)challenge.len;
	return record_send(session, &hello, sizeof(hello), -1);
}

int
login_receive_hello(int session, struct login_hello *hello, int64_t timeout_ms)
{
	int got = record_await(session, hello, sizeof(*hello), timeout_ms);

	if (got != 1)
		return got;
	struct span challenge = { hello->challenge, hello->challenge_len };
	if (hello->magic == HELLO_MAGIC &&
	    challenge.len <= sizeof(hello->challenge) &&
	    record_is_printable(challenge))
		return 1;
	errno = EBADMSG;
	return -1;
}

/* ---- the request ---- */

void
login_head_init(struct login_head *head, enum login_service service,
    enum login_method method)
{
	head->magic = REQUEST_MAGIC;
	head->service = (uint16_t)service;
	head->method = (uint16_t)method;
}

bool
login_request_init(struct login_request *request, enum login_service service,
    enum login_method method, struct span user)
{
	struct login_head *head = &request->head;

	memset(request, 0, sizeof(*request));
	login_head_init(head, service, method);
	return record_is_user(user) &&
	       record_set_part(
		   head->user, sizeof(head->user), &head->user_len, user);
}

bool
login_head_set_peer(
    struct login_head *head, struct span peer, const unsigned char network[16])
{
	memcpy(head->network, network, sizeof(head->network));
	return record_set_part(
	    head->peer, sizeof(head->peer), &head->peer_len, peer);
}

bool
login_request_set_secret(struct login_request *request, struct span secret)
{
	return login_is_secret(
		   secret, (enum login_method)request->head.method) &&
	       record_set_part(request->secret, sizeof(request->secret),
		   &request->head.secret_len, secret);
}

bool
login_request_set_input(struct login_request *request, struct span input)
{
	return record_set_part(request->input, sizeof(request->input),
	    &request->head.input_len, input);
}

void
login_request_wipe(struct login_request *request)
{
	explicit_bzero(request, sizeof(*request));
}

struct span
login_user(const struct login_head *head)
{
	return (struct span){ head->user, head->user_len };
}

struct span
login_peer(const struct login_head *head)
{
	return (struct span){ head->peer, head->peer_len };
}

struct span
login_secret(const struct login_request *request)
{
	return (struct span){ request->secret, request->head.secret_len };
}

struct span
login_input(const struct login_request *request)
{
	return (struct span){ request->input, request->head.input_len };
}

bool
login_send_request(int session, const struct login_request *request, int client)
{
	return record_send(session, request, sizeof(*request), client);
}

/* A SASL exchange begins without a name; what it proves comes after it. */
static bool
has_good_user(const struct login_head *head)
{
	if (head->method == LOGIN_SASL)
		return head->user_len == 0 && head->secret_len == 0 &&
		       head->input_len == 0;
	return login_is_method(head->method) &&
	       record_is_user(login_user(head));
}

bool
login_head_is_good(const struct login_head *head)
{
	return head->magic == REQUEST_MAGIC && head->service >= LOGIN_POP3 &&
	       head->service <= LOGIN_SERVICE_LAST &&
	       head->user_len <= LOGIN_USER_MAX &&
	       head->secret_len <= LOGIN_SECRET_MAX &&
	       head->input_len <= LOGIN_INPUT_MAX &&
	       head->peer_len <= LOGIN_PEER_MAX &&
	       head->is_relayed <= (head->service == LOGIN_IMAP ||
				       head->service == LOGIN_SIEVE) &&
	       has_good_user(head) && record_is_printable(login_peer(head));
}

int
login_peek(int session, struct login_head *head)
{
	ssize_t got =
	    recv(session, head, sizeof(*head), MSG_PEEK | MSG_DONTWAIT);

	if (got == 0 || (got == -1 && errno == ECONNRESET))
		return 0;
	if (got == -1)
		return -1;
	if ((size_t)got == sizeof(*head) && login_head_is_good(head))
		return 1;
	errno = EBADMSG;
	return -1;
}

static bool
is_request(const struct login_request *request)
{
	return login_head_is_good(&request->head) &&
	       login_is_method(request->head.method) &&
	       login_is_secret(login_secret(request),
		   (enum login_method)request->head.method);
}

bool
login_parse_request(struct span bytes, struct login_request *request)
{
	if (bytes.len != sizeof(*request))
		return false;
	memcpy(request, bytes.ptr, sizeof(*request));
	return is_request(request);
}

int
login_receive_request(int session, struct login_request *request, int *client)
{
	int got = receive_record(session, request, sizeof(*request), client);

	if (got != 1 || (is_request(request) &&
			    (request->head.is_relayed != 0) == (*client == -1)))
		return got;
	drop_fd(client);
	errno = EBADMSG;
	return -1;
}

/* ---- the answer ---- */

static bool
send_answer(
    int session, enum login_verdict verdict, struct span account, int fd)
{
	struct login_answer answer = { .magic = ANSWER_MAGIC,
		.verdict = (uint16_t)verdict };

	return record_set_part(answer.account, sizeof(answer.account),
		   &answer.account_len, account) &&
	       record_send(session, &answer, sizeof(answer), fd);
}

bool
login_send_answer(int session, enum login_verdict verdict)
{
	return send_answer(session, verdict, span_of(""), -1);
}

bool
login_send_account(int session, struct span account)
{
	return send_answer(session, LOGIN_OK, account, -1);
}

bool
login_send_connection(int session, int connection)
{
	return send_answer(session, LOGIN_OK, span_of(""), connection);
}

struct span
login_account(const struct login_answer *answer)
{
	return (struct span){ answer->account, answer->account_len };
}

static bool
is_answer(const struct login_answer *answer)
{
	return answer->magic == ANSWER_MAGIC && answer->verdict >= LOGIN_OK &&
	       answer->verdict <= LOGIN_VERDICT_LAST &&
	       answer->account_len <= LOGIN_USER_MAX &&
	       record_is_printable(login_account(answer));
}

bool
login_parse_answer(struct span bytes, struct login_answer *answer)
{
	if (bytes.len != sizeof(*answer))
		return false;
	memcpy(answer, bytes.ptr, sizeof(*answer));
	return is_answer(answer);
}

int
login_receive_answer(
    int session, enum login_verdict *verdict, int64_t timeout_ms)
{
	struct login_answer answer;
	int got = record_await(session, &answer, sizeof(answer), timeout_ms);

	if (got != 1)
		return got;
	if (!is_answer(&answer)) {
		errno = EBADMSG;
		return -1;
	}
	*verdict = (enum login_verdict)answer.verdict;
	return 1;
}

int
login_receive_connection(int session, enum login_verdict *verdict,
    int *connection, int64_t timeout_ms)
{
	struct login_answer answer;

	*connection = -1;
	if (!await_record(session, timeout_ms))
		return -1;
	int got = receive_record(session, &answer, sizeof(answer), connection);
	if (got != 1)
		return got;
	if (is_answer(&answer)) {
		*verdict = (enum login_verdict)answer.verdict;
		return 1;
	}
	drop_fd(connection);
	errno = EBADMSG;
	return -1;
}

/* ---- after the log-in ---- */

struct handover {
	uint32_t magic;
	uint32_t input_len;
	char input[LOGIN_INPUT_MAX];
};

bool
login_send_handover(int session, struct span input, int client)
{
	struct handover handover = { .magic = HANDOVER_MAGIC,
		.input_len = (uint32_t)input.len };

	if (input.len > sizeof(handover.input)) {
		errno = EMSGSIZE;
		return false;
	}
	if (input.len > 0)
		memcpy(handover.input, input.ptr, input.len);
	return record_send(session, &handover, sizeof(handover), client);
}

int
login_receive_handover(
    int session, struct buf *input, int *client, int64_t timeout_ms)
{
	struct handover handover;

	*client = -1;
	if (!await_record(session, timeout_ms))
		return -1;
	int got = receive_record(session, &handover, sizeof(handover), client);
	if (got != 1)
		return got;
	if (handover.magic == HANDOVER_MAGIC &&
	    handover.input_len <= sizeof(handover.input)) {
		buf_add(
		    input, (struct span){ handover.input, handover.input_len });
		return 1;
	}
	drop_fd(client);
	errno = EBADMSG;
	return -1;
}

bool
login_send_message(int session, uint64_t recipients)
{
	const struct login_message message = { MAIL_MAGIC,
		recipients > UINT32_MAX ? UINT32_MAX : (uint32_t)recipients };

	return record_send(session, &message, sizeof(message), -1);
}

bool
login_parse_message(struct span bytes, uint64_t *recipients)
{
	struct login_message message;

	if (bytes.len != sizeof(message))
		return false;
	memcpy(&message, bytes.ptr, sizeof(message));
	*recipients = message.recipients;
	return message.magic == MAIL_MAGIC;
}
