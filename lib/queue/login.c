#include "queue/login.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "queue/neighbour.h"

/* "ESL" and the format's version, then the record. */
enum {
	HELLO_MAGIC = 0x45534c10,
	REQUEST_MAGIC = 0x45534c11,
	ANSWER_MAGIC = 0x45534c12,
	CHECK_MAGIC = 0x45534c13,
	CHECKED_MAGIC = 0x45534c14,
	APOP_DIGEST_LEN = 32
};

/* ---- the parts of all records ---- */

static bool
set_part(char *place, size_t max, uint16_t *len, struct span value)
{
	if (value.len > max)
		return false;
	if (value.len > 0)
		memcpy(place, value.ptr, value.len);
	*len = (uint16_t)value.len;
	return true;
}

/* What a name or an address may hold: nothing that a log or a path fears. */
static bool
is_printable(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return false;
	return true;
}

static bool
is_user(struct span user)
{
	return user.len > 0 && is_printable(user);
}

/* A password is a C string to those who check it. */
static bool
is_secret(struct span secret, enum login_method method)
{
	if (span_index(secret, '\0') < secret.len)
		return false;
	return method == LOGIN_PASSWORD || secret.len == APOP_DIGEST_LEN;
}

static bool
is_method(unsigned method)
{
	return method == LOGIN_PASSWORD || method == LOGIN_APOP;
}

static bool
send_record(int session, const void *record, size_t size, int fd)
{
	struct span bytes = { record, size };

	return packet_send(session, bytes, &fd, fd == -1 ? 0 : 1);
}

/*
 * The next packet, which must be size bytes long and bring no more than a
 * descriptor where one is wanted.
 */
static int
receive_record(int session, void *record, size_t size, int *fd)
{
	static struct packet packet;
	int got = packet_receive(session, &packet);
	bool is_good = got == 1 && packet.len == size &&
		       packet.fd_count == (fd == NULL ? 0 : 1);

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

static int
await_record(int session, void *record, size_t size, int64_t timeout_ms)
{
	static struct packet packet;
	bool is_there = neighbour_wait(session, timeout_ms, &packet);
	int got = 1;

	if (!is_there)
		got = errno == ECONNRESET ? 0 : -1;
	else
		packet_close_fds(&packet);
	if (is_there && packet.len == size) {
		memcpy(record, packet.bytes, size);
	} else if (is_there) {
		errno = EBADMSG;
		got = -1;
	}
	explicit_bzero(packet.bytes, packet.len);
	return got;
}

/* ---- hello ---- */

bool
login_send_hello(int session, struct span challenge)
{
	struct login_hello hello = { .magic = HELLO_MAGIC };

	if (challenge.len > sizeof(hello.challenge)) {
		errno = EMSGSIZE;
		return false;
	}
	memcpy(hello.challenge, challenge.ptr, challenge.len);
	hello.challenge_len = (uint32_t)challenge.len;
	return send_record(session, &hello, sizeof(hello), -1);
}

int
login_receive_hello(int session, struct login_hello *hello, int64_t timeout_ms)
{
	int got = await_record(session, hello, sizeof(*hello), timeout_ms);

	if (got != 1)
		return got;
	struct span challenge = { hello->challenge, hello->challenge_len };
	if (hello->magic == HELLO_MAGIC &&
	    challenge.len <= sizeof(hello->challenge) &&
	    is_printable(challenge))
		return 1;
	errno = EBADMSG;
	return -1;
}

/* ---- the request ---- */

bool
login_request_init(struct login_request *request, enum login_service service,
    enum login_method method, struct span user)
{
	struct login_head *head = &request->head;

	memset(request, 0, sizeof(*request));
	head->magic = REQUEST_MAGIC;
	head->service = (uint16_t)service;
	head->method = (uint16_t)method;
	return is_user(user) &&
	       set_part(head->user, sizeof(head->user), &head->user_len, user);
}

bool
login_request_set_peer(struct login_request *request, struct span peer,
    const unsigned char network[16])
{
	struct login_head *head = &request->head;

	memcpy(head->network, network, sizeof(head->network));
	return set_part(head->peer, sizeof(head->peer), &head->peer_len, peer);
}

bool
login_request_set_secret(struct login_request *request, struct span secret)
{
	return is_secret(secret, (enum login_method)request->head.method) &&
	       set_part(request->secret, sizeof(request->secret),
		   &request->head.secret_len, secret);
}

bool
login_request_set_input(struct login_request *request, struct span input)
{
	return set_part(request->input, sizeof(request->input),
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
	return send_record(session, request, sizeof(*request), client);
}

static bool
is_head(const struct login_head *head)
{
	return head->magic == REQUEST_MAGIC &&
	       (head->service == LOGIN_POP3 || head->service == LOGIN_IMAP) &&
	       is_method(head->method) && head->user_len <= LOGIN_USER_MAX &&
	       head->secret_len <= LOGIN_SECRET_MAX &&
	       head->input_len <= LOGIN_INPUT_MAX &&
	       head->peer_len <= LOGIN_PEER_MAX && is_user(login_user(head)) &&
	       is_printable(login_peer(head));
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
	if ((size_t)got == sizeof(*head) && is_head(head))
		return 1;
	errno = EBADMSG;
	return -1;
}

static bool
is_request(const struct login_request *request)
{
	return is_head(&request->head) &&
	       is_secret(login_secret(request),
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

	if (got != 1 || is_request(request))
		return got;
	packet_close_fds(&(struct packet){ .fd_count = 1, .fds = { *client } });
	*client = -1;
	errno = EBADMSG;
	return -1;
}

/* ---- the answer ---- */

bool
login_send_answer(int session, enum login_verdict verdict)
{
	struct login_answer answer = { ANSWER_MAGIC, (uint32_t)verdict };

	return send_record(session, &answer, sizeof(answer), -1);
}

int
login_receive_answer(
    int session, enum login_verdict *verdict, int64_t timeout_ms)
{
	struct login_answer answer;
	int got = await_record(session, &answer, sizeof(answer), timeout_ms);

	if (got != 1)
		return got;
	if (answer.magic != ANSWER_MAGIC || answer.verdict < LOGIN_OK ||
	    answer.verdict > LOGIN_FULL) {
		errno = EBADMSG;
		return -1;
	}
	*verdict = (enum login_verdict)answer.verdict;
	return 1;
}

/* ---- login and checkpw ---- */

bool
checkpw_request_init(struct checkpw_request *request, enum checkpw_kind kind,
    enum login_method method, struct span user)
{
	memset(request, 0, sizeof(*request));
	request->magic = CHECK_MAGIC;
	request->kind = (uint16_t)kind;
	request->method = (uint16_t)method;
	return is_user(user) && set_part(request->user, sizeof(request->user),
				    &request->user_len, user);
}

bool
checkpw_request_set(struct checkpw_request *request, struct span secret,
    struct span challenge, struct span peer)
{
	return is_secret(secret, (enum login_method)request->method) &&
	       set_part(request->secret, sizeof(request->secret),
		   &request->secret_len, secret) &&
	       set_part(request->challenge, sizeof(request->challenge),
		   &request->challenge_len, challenge) &&
	       set_part(request->peer, sizeof(request->peer),
		   &request->peer_len, peer);
}

void
checkpw_request_wipe(struct checkpw_request *request)
{
	explicit_bzero(request, sizeof(*request));
}

struct span
checkpw_user(const struct checkpw_request *request)
{
	return (struct span){ request->user, request->user_len };
}

struct span
checkpw_peer(const struct checkpw_request *request)
{
	return (struct span){ request->peer, request->peer_len };
}

struct span
checkpw_secret(const struct checkpw_request *request)
{
	return (struct span){ request->secret, request->secret_len };
}

struct span
checkpw_challenge(const struct checkpw_request *request)
{
	return (struct span){ request->challenge, request->challenge_len };
}

bool
checkpw_send_request(int session, const struct checkpw_request *request)
{
	return send_record(session, request, sizeof(*request), -1);
}

static bool
is_check(const struct checkpw_request *request)
{
	return request->magic == CHECK_MAGIC &&
	       request->kind >= CHECKPW_SYSTEM &&
	       request->kind <= CHECKPW_NOBODY && is_method(request->method) &&
	       request->user_len <= LOGIN_USER_MAX &&
	       request->secret_len <= LOGIN_SECRET_MAX &&
	       request->challenge_len <= LOGIN_CHALLENGE_MAX &&
	       request->peer_len <= LOGIN_PEER_MAX &&
	       is_user(checkpw_user(request)) &&
	       is_printable(checkpw_peer(request)) &&
	       is_secret(
		   checkpw_secret(request), (enum login_method)request->method);
}

bool
checkpw_parse_request(struct span bytes, struct checkpw_request *request)
{
	if (bytes.len != sizeof(*request))
		return false;
	memcpy(request, bytes.ptr, sizeof(*request));
	return is_check(request);
}

int
checkpw_receive_request(
    int session, struct checkpw_request *request, int64_t timeout_ms)
{
	int got = await_record(session, request, sizeof(*request), timeout_ms);

	if (got != 1 || is_check(request))
		return got;
	errno = EBADMSG;
	return -1;
}

bool
checkpw_send_answer(int session, enum checkpw_verdict verdict)
{
	struct checkpw_answer answer = { CHECKED_MAGIC, (uint32_t)verdict };

	return send_record(session, &answer, sizeof(answer), -1);
}

int
checkpw_receive_answer(
    int session, enum checkpw_verdict *verdict, int64_t timeout_ms)
{
	struct checkpw_answer answer;
	int got = await_record(session, &answer, sizeof(answer), timeout_ms);

	if (got != 1)
		return got;
	if (answer.magic != CHECKED_MAGIC || answer.verdict < CHECKPW_OK ||
	    answer.verdict > CHECKPW_LATER) {
		errno = EBADMSG;
		return -1;
	}
	*verdict = (enum checkpw_verdict)answer.verdict;
	return 1;
}
