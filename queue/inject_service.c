/*
 * inject_service - queue-inject as a neighbour: many sessions, one sync in
 * flight for all messages that wait.
 */

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/sandbox.h"
#include "base/syncer.h"
#include "queue/injector.h"
#include "queue/neighbour.h"

enum {
	DRAIN_READS = 32 /* of a pipe, before others have their turn */
};

struct service {
	struct injector *injector;
	struct event_base *base;
	struct syncer *syncer;
	bool is_syncing;
	struct request *waiting; /* written, for the next sync */
	struct request *syncing; /* covered by the one in flight */
	struct packet packet;    /* the one being handled */
};

struct session {
	struct service *service;
	int fd;
	bool is_control; /* its end is the service's end */
	struct event *readable;
	struct request *request;
};

struct request {
	struct session *session; /* NULL when the client went away */
	struct request *next;
	struct incoming incoming;
	struct buf envelope_bytes;
	struct envelope envelope; /* points into envelope_bytes */
	int message_fd;           /* -1 after its end */
	int envelope_fd;
	struct event *message_readable;
	struct event *envelope_readable;
	bool is_committed;
};

static void handle_packet(evutil_socket_t fd, short what, void *context);

static struct event *
watch(
    struct service *service, int fd, event_callback_fn callback, void *context)
{
	struct event *event = event_new(
	    service->base, fd, EV_READ | EV_PERSIST, callback, context);

	if (event == NULL || event_add(event, NULL) == -1)
		temp_fail("out of memory");
	return event;
}

static void
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

static void
open_session(struct service *service, int fd, bool is_control)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		temp_fail("out of memory");
	fd_set_nonblocking(fd);
	session->service = service;
	session->fd = fd;
	session->is_control = is_control;
	session->readable = watch(service, fd, handle_packet, session);
}

static void
answer(struct request *request, enum inject_verdict verdict, const char *text)
{
	struct buf packet = buf_new(PACKET_MAX);

	inject_add_answer(&packet, &request->incoming.name.id, verdict, text);
	if (request->session != NULL) {
		neighbour_answer(
		    request->session->fd, buf_span(&packet), NULL, 0);
		request->session->request = NULL;
		request->session = NULL;
	}
	buf_free(&packet);
}

static void
free_request(struct request *request)
{
	close_pipe(&request->message_fd, &request->message_readable);
	close_pipe(&request->envelope_fd, &request->envelope_readable);
	buf_free(&request->envelope_bytes);
	free(request);
}

/* Nothing of it is kept. */
static void
refuse(struct service *service, struct request *request,
    enum inject_verdict verdict, const char *text)
{
	incoming_abort(service->injector, &request->incoming);
	answer(request, verdict, text);
	free_request(request);
}

static void
refuse_errno(struct service *service, struct request *request)
{
	const char *id = request->incoming.name.id.text;

	switch (errno) {
	case EEXIST:
		refuse(service, request, INJECT_EXISTS, "already queued");
		return;
	case EFBIG:
		refuse(service, request, INJECT_REFUSED,
		    "5.3.4 message is over the size limit");
		return;
	case ENOSPC:
	case EDQUOT:
		warn_errno("%s not kept", id);
		refuse(service, request, INJECT_LATER,
		    "4.3.1 the queue's disk is full");
		return;
	default:
		warn_errno("%s not kept", id);
		refuse(service, request, INJECT_LATER,
		    "4.3.0 cannot write to the queue");
	}
}

static void
start_sync(struct service *service)
{
	if (service->is_syncing || service->waiting == NULL)
		return;
	service->syncing = service->waiting;
	service->waiting = NULL;
	service->is_syncing = true;
	syncer_start(service->syncer);
}

/* Before any answer: the manager must know of what its client calls kept. */
static void
notify_manager(const struct service *service, const struct request *kept)
{
	struct buf names = buf_new(SIZE_MAX / 2);

	for (; kept != NULL; kept = kept->next)
		incoming_add_name(&kept->incoming, &names);
	spool_notify(&service->injector->spool, buf_span(&names));
	buf_free(&names);
}

/* The sync is done: what it covered is kept, or was never there. */
static void
handle_synced(evutil_socket_t fd, short what, void *context)
{
	struct service *service = context;
	int error = syncer_result(service->syncer);
	struct request *next;

	(void)fd, (void)what;
	service->is_syncing = false;
	struct request *done = service->syncing;
	service->syncing = NULL;
	start_sync(service);
	if (error == 0)
		notify_manager(service, done);
	for (struct request *request = done; request != NULL; request = next) {
		next = request->next;
		if (error != 0) {
			errno = error;
			refuse_errno(service, request);
			continue;
		}
		incoming_free(&request->incoming); /* and so unlock it */
		answer(request, INJECT_KEPT, "kept");
		free_request(request);
	}
}

static void
finish_request(struct service *service, struct request *request)
{
	enum envelope_status status = envelope_parse(
	    buf_span(&request->envelope_bytes), &request->envelope);

	if (status != ENVELOPE_OK) {
		refuse(service, request, INJECT_REFUSED,
		    envelope_status_text(status));
		return;
	}
	if (!incoming_finish(service->injector, &request->incoming,
		buf_span(&request->envelope_bytes), &request->envelope)) {
		refuse_errno(service, request);
		return;
	}
	request->next = service->waiting;
	service->waiting = request;
	start_sync(service);
}

static void
finish_if_whole(struct request *request)
{
	if (request->message_fd == -1 && request->envelope_fd == -1 &&
	    request->is_committed)
		finish_request(request->session->service, request);
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
static bool
drain_envelope(struct request *request)
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
		refuse(request->session->service, request, INJECT_REFUSED,
		    "5.3.4 the envelope is too long");
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
static bool
drain_message(struct request *request)
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
			refuse_errno(service, request);
			return false;
		}
	}
	if (got == -1)
		close_pipe(&request->message_fd, &request->message_readable);
	return true;
}

static void
handle_envelope(evutil_socket_t fd, short what, void *context)
{
	struct request *request = context;

	(void)fd, (void)what;
	if (drain_envelope(request))
		finish_if_whole(request);
}

static void
handle_message(evutil_socket_t fd, short what, void *context)
{
	struct request *request = context;

	(void)fd, (void)what;
	if (drain_message(request))
		finish_if_whole(request);
}

/* The end of a pipe that one reads from? */
static bool
is_pipe(int fd)
{
	struct stat status;

	return fd != -1 && fstat(fd, &status) == 0 &&
	       S_ISFIFO(status.st_mode) &&
	       (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

static void
begin_request(struct session *session)
{
	struct packet *packet = &session->service->packet;
	struct queue_id id;
	struct request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		temp_fail("out of memory");
	request->session = session;
	request->envelope_bytes = buf_new(ENVELOPE_MAX);
	request->message_fd = packet_take_fd(packet, 0);
	request->envelope_fd = packet_take_fd(packet, 1);
	bool is_good = inject_parse_request(packet_span(packet), &id);
	if (!is_good)
		id = queue_id_make();
	incoming_init(&request->incoming, &id);
	if (!is_good || !is_pipe(request->message_fd) ||
	    !is_pipe(request->envelope_fd)) {
		log_event("no request of inject(5)");
		refuse(session->service, request, INJECT_REFUSED,
		    "5.3.0 a request is an id and two pipes");
		return;
	}
	session->request = request;
	fd_set_nonblocking(request->message_fd);
	fd_set_nonblocking(request->envelope_fd);
	if (!drain_envelope(request) || !drain_message(request))
		return;
	if (request->envelope_fd != -1)
		request->envelope_readable = watch(session->service,
		    request->envelope_fd, handle_envelope, request);
	if (request->message_fd != -1)
		request->message_readable = watch(session->service,
		    request->message_fd, handle_message, request);
}

/* Nobody waits for it any more: unless it is committed it is dropped. */
static void
leave_request(struct session *session)
{
	struct request *request = session->request;

	if (request == NULL)
		return;
	session->request = NULL;
	request->session = NULL;
	if (request->is_committed && request->message_fd == -1 &&
	    request->envelope_fd == -1)
		return;
	incoming_abort(session->service->injector, &request->incoming);
	free_request(request);
}

static void
close_session(struct session *session)
{
	struct service *service = session->service;

	if (session->is_control) {
		event_base_loopbreak(service->base);
		return;
	}
	leave_request(session);
	unwatch(&session->readable);
	close(session->fd);
	free(session);
}

static void
commit_request(struct request *request)
{
	if (request->is_committed)
		return; /* said twice: it waits for its pipes, or its sync */
	request->is_committed = true;
	if (request->envelope_fd != -1 && !drain_envelope(request))
		return;
	if (request->message_fd == -1 || drain_message(request))
		finish_if_whole(request);
}

static void
give_scratch(struct session *session)
{
	int fd = spool_scratch(&session->service->injector->spool);

	if (fd == -1)
		warn_errno("no file for a message that is being judged");
	neighbour_answer(
	    session->fd, (struct span){ "W", 2 }, &fd, fd == -1 ? 0 : 1);
	if (fd != -1)
		close(fd);
}

static void
handle_packet(evutil_socket_t fd, short what, void *context)
{
	struct session *session = context;
	struct packet *packet = &session->service->packet;

	(void)what;
	int got = packet_receive(fd, packet);
	if (got == -1 && errno == EAGAIN)
		return;
	if (got == -1)
		log_event("no request of inject(5)");
	if (got == -1 && session->is_control)
		return;
	if (got != 1) {
		close_session(session);
		return;
	}
	int opened = neighbour_accept_session(packet);
	struct span bytes = packet_span(packet);
	struct span domain;
	struct queue_id id;
	if (opened != -1) {
		open_session(session->service, opened, false);
	} else if (inject_parse_retry(bytes, &domain)) {
		spool_ask_retry(&session->service->injector->spool, domain);
	} else if (inject_is_scratch(bytes)) {
		if (session->request == NULL)
			give_scratch(session);
	} else if (inject_is_withdrawal(bytes)) {
		leave_request(session);
	} else if (inject_is_commit(bytes)) {
		if (session->request != NULL)
			commit_request(session->request);
	} else if (session->request == NULL ||
		   inject_parse_request(bytes, &id)) {
		leave_request(session); /* one at a time */
		begin_request(session);
	}
	packet_close_fds(packet);
}

int
injector_serve(struct injector *injector)
{
	struct service service = { .injector = injector };

	if (!neighbour_is_given(NEIGHBOUR_SELF))
		die(EX_USAGE, "a service is started by neighbour(8)");
	/* Any open file names its file system, the FIFO too. */
	service.syncer = syncer_new(injector->spool.trigger);
	service.base = event_base_new();
	if (service.base == NULL)
		temp_fail("cannot make an event loop");
	open_session(&service, NEIGHBOUR_SELF, true);
	watch(&service, syncer_fd(service.syncer), handle_synced, &service);
	sandbox_enter(
	    SANDBOX_READ_FILES | SANDBOX_WRITE_FILES | SANDBOX_THREADS);
	event_base_dispatch(service.base);
	return EX_OK;
}
