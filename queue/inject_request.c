#include "queue/inject_request.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/die.h"

enum {
	DRAIN_READS = 32 /* of a pipe, before others have their turn */
};

void
unwatch(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

static void
close_pipe(int *fd, struct event **event)
{
	unwatch(event);
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

struct request *
request_new(struct session *session, const struct queue_id *id)
{
	struct request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		temp_fail("out of memory");
	request->session = session;
	request->is_users = session->is_users;
	request->envelope_bytes = buf_new(ENVELOPE_MAX);
	request->message_fd = packet_take_fd(&session->service->packet, 0);
	request->envelope_fd = packet_take_fd(&session->service->packet, 1);
	incoming_init(&request->incoming, id);
	session->request = request;
	return request;
}

void
request_answer(
    struct request *request, enum inject_verdict verdict, const char *text)
{
	struct buf packet = buf_new(PACKET_MAX);

	inject_add_answer(&packet, &request->incoming.name.id, verdict, text);
	if (request->session != NULL) {
		neighbour_answer(
		    request->session->fd, buf_span(&packet), NULL, 0);
		gather_moved(&request->session->service->gather,
		    &request->session->gathering);
		request->session->request = NULL;
		request->session = NULL;
	}
	buf_free(&packet);
}

void
request_free(struct request *request)
{
	close_pipe(&request->message_fd, &request->message_readable);
	close_pipe(&request->envelope_fd, &request->envelope_readable);
	buf_free(&request->envelope_bytes);
	free(request);
}

/* Nothing of it is kept. */
void
request_refuse(struct service *service, struct request *request,
    enum inject_verdict verdict, const char *text)
{
	incoming_abort(service->injector, &request->incoming);
	request_answer(request, verdict, text);
	request_free(request);
}

void
request_refuse_errno(struct service *service, struct request *request)
{
	const char *id = request->incoming.name.id.text;

	switch (errno) {
	case EEXIST:
		request_refuse(
		    service, request, INJECT_EXISTS, "already queued");
		return;
	case EFBIG:
		request_refuse(service, request, INJECT_REFUSED,
		    "5.3.4 message is over the size limit");
		return;
	case ENOSPC:
	case EDQUOT:
		warn_errno("%s not kept", id);
		request_refuse(service, request, INJECT_LATER,
		    "4.3.1 the queue's disk is full");
		return;
	default:
		warn_errno("%s not kept", id);
		request_refuse(service, request, INJECT_LATER,
		    "4.3.0 cannot write to the queue");
	}
}

/* Bytes read: > 0 some, 0 none yet, -1 the end or an error. */
static ssize_t
read_some(int fd, char *bytes, size_t size)
{
	for (;;) {
		ssize_t got = read(fd, bytes, size);

		if (got > 0)
			return got;
		if (got == 0 || (errno != EINTR && errno != EAGAIN))
			return -1;
		if (errno == EAGAIN)
			return 0;
	}
}

/* False if the request was refused, and is gone; as drain_message. */
bool
request_drain_envelope(struct request *request)
{
	char bytes[4096];
	ssize_t got = 1;

	for (int i = 0; i < DRAIN_READS && got > 0; i++) {
		got = read_some(request->envelope_fd, bytes, sizeof(bytes));
		if (got > 0)
			buf_add(&request->envelope_bytes,
			    (struct span){ bytes, (size_t)got });
	}
	if (request->envelope_bytes.overflow) {
		request_refuse(request->session->service, request,
		    INJECT_REFUSED, "5.3.4 the envelope is too long");
		return false;
	}
	if (got == -1)
		close_pipe(&request->envelope_fd, &request->envelope_readable);
	return true;
}

/*
 * What is there, but no more than DRAIN_READS: a writer who is quick must not
 * keep all others waiting.
 */
bool
request_drain_message(struct request *request)
{
	struct service *service = request->session->service;
	char bytes[32768];
	ssize_t got = 1;

	for (int i = 0; i < DRAIN_READS; i++) {
		struct envelope *known = NULL;

		got = read_some(request->message_fd, bytes, sizeof(bytes));
		if (got <= 0)
			break;
		if (request->envelope_fd == -1 && request->incoming.fd == -1 &&
		    envelope_parse(buf_span(&request->envelope_bytes),
			&request->envelope) == ENVELOPE_OK)
			known = &request->envelope;
		if (!incoming_add(service->injector, &request->incoming,
			(struct span){ bytes, (size_t)got }, known)) {
			request_refuse_errno(service, request);
			return false;
		}
	}
	if (got == -1)
		close_pipe(&request->message_fd, &request->message_readable);
	return true;
}
