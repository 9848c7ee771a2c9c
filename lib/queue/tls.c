#include "queue/tls.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "queue/neighbour.h"

/* "EST" and the format's version, then the record. */
enum {
	REQUEST_MAGIC = 0x45535410,
	ANSWER_MAGIC = 0x45535421,
	KEY_REQUEST_MAGIC = 0x45535412,
	KEY_ANSWER_MAGIC = 0x45535413,
	CERTIFICATE_MAGIC = 0x45535414,
	CONNECT_MAGIC = 0x45535425
};

/* ---- session and tlsd ---- */

/* Receive a record of one size, with the one descriptor that may come. */
static int
receive(int session, void *record, size_t size, int *fd, int64_t timeout_ms)
{
	static struct packet packet;

	*fd = -1;
	if (!neighbour_wait(session, timeout_ms, &packet))
		return errno == ECONNRESET ? 0 : -1;
	if (packet.len != size || packet.fd_count > 1) {
		packet_close_fds(&packet);
		errno = EBADMSG;
		return -1;
	}
	memcpy(record, packet.bytes, size);
	*fd = packet_take_fd(&packet, 0);
	return 1;
}

bool
tls_send_request(int session, enum tls_step step, int client)
{
	const struct tls_request request = { REQUEST_MAGIC, (uint32_t)step };
	struct span bytes = { (const char *)&request, sizeof(request) };

	return packet_send(session, bytes, &client, client == -1 ? 0 : 1);
}

int
tls_receive_request(
    int session, enum tls_step step, int *client, int64_t timeout_ms)
{
	struct tls_request request;
	int got =
	    receive(session, &request, sizeof(request), client, timeout_ms);

	if (got != 1 ||
	    (request.magic == REQUEST_MAGIC && request.step == (uint32_t)step &&
		(*client != -1) == (step == TLS_CLIENT)))
		return got;
	errno = EBADMSG;
	return -1;
}

void
tls_set_text(char *place, size_t size, const char *text)
{
	size_t len = 0;

	for (; len + 1 < size && text[len] != '\0'; len++)
		place[len] =
		    (text[len] > ' ' && text[len] < 0x7f) ? text[len] : '?';
	place[len] = '\0';
}

struct tls_answer
tls_answer_new(enum tls_verdict verdict, const char *reason)
{
	struct tls_answer answer = { .magic = ANSWER_MAGIC,
		.verdict = (uint32_t)verdict };

	for (size_t i = 0; i + 1 < sizeof(answer.reason) && reason[i] != '\0';
	     i++)
		answer.reason[i] =
		    (reason[i] >= ' ' && reason[i] < 0x7f) ? reason[i] : '?';
	return answer;
}

bool
tls_send_answer(int session, const struct tls_answer *answer, int plain)
{
	struct span bytes = { (const char *)answer, sizeof(*answer) };

	return packet_send(session, bytes, &plain, plain == -1 ? 0 : 1);
}

/* Text of the other end: ended, and fit for a log line or a header field. */
static bool
is_text(const char *text, size_t size, char lowest)
{
	size_t len = strnlen(text, size);

	for (size_t i = 0; i < len; i++)
		if (text[i] < lowest || text[i] >= 0x7f)
			return false;
	return len < size;
}

static bool
is_answer(const struct tls_answer *answer, int plain)
{
	const struct tls_facts *facts = &answer->facts;

	return answer->magic == ANSWER_MAGIC && answer->verdict >= TLS_READY &&
	       answer->verdict <= TLS_FAILED &&
	       (plain != -1) == (answer->verdict == TLS_DONE) &&
	       is_text(answer->reason, sizeof(answer->reason), ' ') &&
	       is_text(facts->protocol, sizeof(facts->protocol), '!') &&
	       is_text(facts->cipher, sizeof(facts->cipher), '!') &&
	       is_text(facts->server_name, sizeof(facts->server_name), '!') &&
	       is_text(facts->client_name, sizeof(facts->client_name), '!') &&
	       is_text(facts->distrust, sizeof(facts->distrust), '!') &&
	       facts->dane <= TLS_DANE_VERIFIED;
}

int
tls_receive_answer(
    int session, struct tls_answer *answer, int *plain, int64_t timeout_ms)
{
	int got = receive(session, answer, sizeof(*answer), plain, timeout_ms);

	if (got != 1 || is_answer(answer, *plain))
		return got;
	errno = EBADMSG;
	return -1;
}

bool
tls_send_connect(int session, const struct tls_connect *connect, int server)
{
	struct tls_connect sent = *connect;
	struct span bytes = { (const char *)&sent, sizeof(sent) };

	sent.magic = CONNECT_MAGIC;
	return packet_send(session, bytes, &server, 1);
}

bool
tls_parse_connect(const struct packet *packet, struct tls_connect *connect)
{
	if (packet->len != sizeof(*connect) || packet->fd_count != 1)
		return false;
	memcpy(connect, packet->bytes, sizeof(*connect));
	return connect->magic == CONNECT_MAGIC &&
	       is_text(
		   connect->server_name, sizeof(connect->server_name), '!') &&
	       is_text(connect->names, sizeof(connect->names), ' ') &&
	       is_text(connect->tlsa, sizeof(connect->tlsa), ' ');
}

/* ---- tlsd and keyd ---- */

/* From where it lies: a copy would be one more place for a session's secret. */
static bool
send_record(int session, uint32_t magic, const void *record, size_t len)
{
	const struct span parts[] = {
		{ (const char *)&magic, sizeof(magic) },
		{ (const char *)record + sizeof(magic), len - sizeof(magic) },
	};

	return packet_send_parts(session, parts, 2);
}

bool
key_send_request(int session, const struct key_request *request)
{
	return send_record(session, KEY_REQUEST_MAGIC, request,
	    offsetof(struct key_request, bytes) + request->len);
}

bool
key_send_answer(int session, const struct key_answer *answer)
{
	return send_record(session, KEY_ANSWER_MAGIC, answer,
	    offsetof(struct key_answer, bytes) + answer->len);
}

bool
key_send_certificate(int session, const struct key_certificate *certificate)
{
	return send_record(session, CERTIFICATE_MAGIC, certificate,
	    offsetof(struct key_certificate, chain) + certificate->len);
}

bool
key_parse_request(struct span bytes, struct key_request *request)
{
	const size_t head = offsetof(struct key_request, bytes);

	if (bytes.len < head || bytes.len > sizeof(*request))
		return false;
	memcpy(request, bytes.ptr, bytes.len);
	return request->magic == KEY_REQUEST_MAGIC &&
	       request->operation >= KEY_LIST &&
	       request->operation <= KEY_FETCH &&
	       request->len == bytes.len - head;
}

bool
key_parse_answer(struct span bytes, struct key_answer *answer)
{
	const size_t head = offsetof(struct key_answer, bytes);

	if (bytes.len < head || bytes.len > sizeof(*answer))
		return false;
	memcpy(answer, bytes.ptr, bytes.len);
	return answer->magic == KEY_ANSWER_MAGIC &&
	       answer->len == bytes.len - head;
}

bool
key_parse_certificate(struct span bytes, struct key_certificate *certificate)
{
	const size_t head = offsetof(struct key_certificate, chain);

	if (bytes.len <= head || bytes.len > sizeof(*certificate))
		return false;
	memcpy(certificate, bytes.ptr, bytes.len);
	return certificate->magic == CERTIFICATE_MAGIC &&
	       certificate->len == bytes.len - head;
}

static bool
exchange(struct key_channel *channel, const struct key_request *request,
    struct key_answer *answer, int64_t timeout_ms)
{
	static struct packet packet;

	if (!key_send_request(channel->session, request) ||
	    !neighbour_wait(channel->session, timeout_ms, &packet))
		return false;
	packet_close_fds(&packet);
	bool is_ours = key_parse_answer(packet_span(&packet), answer) &&
		       answer->serial == request->serial &&
		       answer->operation == request->operation;
	explicit_bzero(packet.bytes, packet.len);
	if (!is_ours) /* whoever wipes its bytes goes by its length */
		explicit_bzero(answer, sizeof(*answer));
	return is_ours;
}

bool
key_ask(struct key_channel *channel, struct key_request *request,
    struct key_answer *answer, int64_t timeout_ms)
{
	if (channel->session == -1)
		return false;
	request->serial = ++channel->serial;
	if (exchange(channel, request, answer, timeout_ms))
		return answer->is_good != 0;
	close(channel->session);
	channel->session = -1;
	return false;
}

bool
key_tell(struct key_channel *channel, struct key_request *request)
{
	request->serial = ++channel->serial;
	return channel->session != -1 &&
	       key_send_request(channel->session, request);
}
