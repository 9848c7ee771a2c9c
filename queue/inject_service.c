/*
 * inject_service - queue-inject as a neighbour: many sessions, one sync in
 * flight for all messages that wait.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "base/io.h"
#include "base/sandbox.h"
#include "queue/inject_request.h"

enum {
	UNTOLD_MAX = 1 << 20 /* bytes of names */
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

static struct session *
open_session(struct service *service, int fd, bool is_control)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		temp_fail("out of memory");
	fd_set_nonblocking(fd);
	session->service = service;
	session->fd = fd;
	session->is_control = is_control;
	if (!is_control)
		gather_moved(&service->gather, &session->gathering);
	session->readable = watch(service, fd, handle_packet, session);
	return session;
}

static void
start_sync(struct service *service)
{
	const struct request *request;

	evtimer_del(service->gathered);
	STAILQ_CONCAT(&service->syncing, &service->waiting);
	service->is_syncing = true;
	for (request = STAILQ_FIRST(&service->syncing); request != NULL;
	     request = STAILQ_NEXT(request, link))
		syncer_add(service->syncer, request->incoming.fd);
	syncer_start(service->syncer);
}

static void
handle_gathered(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	start_sync(context);
}

/* Names beyond UNTOLD_MAX are left to the manager's own search. */
static void
tell_manager(struct service *service)
{
	buf_drop(&service->untold, spool_notify(&service->injector->spool,
				       buf_span(&service->untold)));
	if (service->untold.len > 0)
		event_add(service->tellable, NULL);
}

static void
handle_tellable(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	tell_manager(context);
}

/* Before any answer: the manager should know of what its client calls kept. */
static void
notify_manager(struct service *service, const struct requests *kept)
{
	const struct request *request;

	for (request = STAILQ_FIRST(kept); request != NULL;
	     request = STAILQ_NEXT(request, link))
		if (service->untold.len < UNTOLD_MAX)
			incoming_add_name(&request->incoming, &service->untold);
	tell_manager(service);
}

static struct request *
take_first(struct requests *requests)
{
	struct request *first = STAILQ_FIRST(requests);

	if (first != NULL)
		STAILQ_REMOVE_HEAD(requests, link);
	return first;
}

static void
ask_retry(struct service *service, struct span domain)
{
	if (service->untold.len < UNTOLD_MAX)
		spool_add_retry(&service->untold, domain);
	tell_manager(service);
}

/* A sync is done: what it covered is kept, or was never there. */
static void
answer_synced(struct service *service, struct requests *done, int error)
{
	struct request *request;

	if (error != 0) {
		while ((request = take_first(done)) != NULL) {
			errno = error;
			request_refuse_errno(service, request);
		}
		return;
	}
	notify_manager(service, done);
	for (request = STAILQ_FIRST(done); request != NULL;
	     request = STAILQ_NEXT(request, link))
		request_answer(request, INJECT_KEPT, "kept");
}

/* After the answers, for nobody waits for this; it unlocks the files. */
static void
free_answered(struct requests *done)
{
	struct request *request;

	while ((request = take_first(done)) != NULL) {
		incoming_free(&request->incoming);
		request_free(request);
	}
}

/*
 * Nobody else is about to commit: a sync of the one file, made here, takes half
 * the time, for no other process or thread has to wake.  Whoever comes
 * meanwhile would have waited for its end too.
 */
static void
sync_alone(struct service *service)
{
	struct requests alone = STAILQ_HEAD_INITIALIZER(alone);
	const struct request *request = STAILQ_FIRST(&service->waiting);

	STAILQ_CONCAT(&alone, &service->waiting);
	evtimer_del(service->gathered);
	answer_synced(
	    service, &alone, file_sync_named(request->incoming.fd) ? 0 : errno);
	free_answered(&alone);
}

/* At once, or when more messages have come that it will cover. */
static void
plan_sync(struct service *service)
{
	const struct timeval wait = { .tv_usec = GATHER_WAIT_US };

	if (service->is_syncing || STAILQ_EMPTY(&service->waiting))
		return;
	bool may_wait = gather_expects(&service->gather);
	if (may_wait && evtimer_pending(service->gathered, NULL))
		return;
	if (!may_wait &&
	    STAILQ_NEXT(STAILQ_FIRST(&service->waiting), link) == NULL)
		sync_alone(service);
	else if (!may_wait || evtimer_add(service->gathered, &wait) == -1)
		start_sync(service);
}

static void
handle_synced(evutil_socket_t fd, short what, void *context)
{
	struct service *service = context;
	int error = syncer_result(service->syncer);
	struct requests done = STAILQ_HEAD_INITIALIZER(done);

	(void)fd, (void)what;
	service->is_syncing = false;
	STAILQ_CONCAT(&done, &service->syncing);
	answer_synced(service, &done, error);
	free_answered(&done);
	plan_sync(service);
}

/* One that is no envelope stays, to be refused. */
static void
keep_users_records(struct buf *bytes)
{
	struct buf kept = buf_new(ENVELOPE_MAX);
	struct envelope envelope;

	if (envelope_parse(buf_span(bytes), &envelope) == ENVELOPE_OK) {
		envelope_add_of_user(&kept, buf_span(bytes), NULL);
		buf_clear(bytes);
		buf_add(bytes, buf_span(&kept));
	}
	buf_free(&kept);
}

static void
finish_request(struct service *service, struct request *request)
{
	if (request->is_users)
		keep_users_records(&request->envelope_bytes);
	enum envelope_status status = envelope_parse(
	    buf_span(&request->envelope_bytes), &request->envelope);

	if (status != ENVELOPE_OK) {
		request_refuse(service, request, INJECT_REFUSED,
		    envelope_status_text(status));
		return;
	}
	if (!incoming_finish(service->injector, &request->incoming,
		buf_span(&request->envelope_bytes), &request->envelope)) {
		request_refuse_errno(service, request);
		return;
	}
	STAILQ_INSERT_TAIL(&service->waiting, request, link);
	if (request->session != NULL)
		gather_done(&service->gather, &request->session->gathering);
	plan_sync(service);
}

static void
finish_if_whole(struct request *request)
{
	if (request->message_fd == -1 && request->envelope_fd == -1 &&
	    request->is_committed)
		finish_request(request->session->service, request);
}

static void
handle_envelope(evutil_socket_t fd, short what, void *context)
{
	struct request *request = context;

	(void)fd, (void)what;
	if (request_drain_envelope(request))
		finish_if_whole(request);
}

static void
handle_message(evutil_socket_t fd, short what, void *context)
{
	struct request *request = context;

	(void)fd, (void)what;
	if (request_drain_message(request))
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
refuse_packet(struct service *service, struct request *request)
{
	log_event("no request of inject(5)");
	request_refuse(service, request, INJECT_REFUSED,
	    "5.3.0 a request is an id and two pipes, or all in one packet");
}

/* A message that came in one packet, and so is whole. */
static void
take_whole(struct session *session)
{
	struct service *service = session->service;
	struct span envelope;
	struct span message;
	struct queue_id id;
	bool is_good = inject_parse_whole(
	    packet_span(&service->packet), &id, &envelope, &message);

	if (!is_good)
		id = queue_id_make();
	struct request *request = request_new(session, &id);
	if (!is_good || request->message_fd != -1) {
		refuse_packet(service, request);
		return;
	}
	buf_add(&request->envelope_bytes, envelope);
	request->is_committed = true;
	if (incoming_add(service->injector, &request->incoming, message, NULL))
		finish_request(service, request);
	else
		request_refuse_errno(service, request);
}

static void
begin_request(struct session *session)
{
	struct packet *packet = &session->service->packet;
	struct queue_id id;
	bool is_good = inject_parse_request(packet_span(packet), &id);

	if (!is_good)
		id = queue_id_make();
	struct request *request = request_new(session, &id);
	if (!is_good || !is_pipe(request->message_fd) ||
	    !is_pipe(request->envelope_fd)) {
		refuse_packet(session->service, request);
		return;
	}
	fd_set_nonblocking(request->message_fd);
	fd_set_nonblocking(request->envelope_fd);
	if (!request_drain_envelope(request) || !request_drain_message(request))
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
	request_free(request);
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
	gather_done(&session->service->gather, &session->gathering);
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
	if (request->envelope_fd != -1 && !request_drain_envelope(request))
		return;
	if (request->message_fd == -1 || request_drain_message(request))
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

/* On the control pair; false: it opens nothing. */
static bool
handle_opening(struct session *session, struct packet *packet)
{
	struct service *service = session->service;
	int opened = neighbour_accept_session(packet);
	int users = opened != -1
			? -1
			: neighbour_accept_session_of(packet, INJECT_FOR_USERS);

	if (opened != -1)
		open_session(service, opened, false);
	else if (users != -1)
		open_session(service, users, false)->is_users = true;
	else
		return false;
	return true;
}

static void
handle_request(struct session *session, struct span bytes)
{
	struct span domain;
	struct queue_id id;

	if (inject_is_whole(bytes)) {
		leave_request(session); /* one at a time */
		take_whole(session);
	} else if (inject_parse_retry(bytes, &domain)) {
		if (!session->is_users)
			ask_retry(session->service, domain);
	} else if (inject_is_scratch(bytes)) {
		if (session->request == NULL && !session->is_users)
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
	if (!session->is_control || !handle_opening(session, packet))
		handle_request(session, packet_span(packet));
	packet_close_fds(packet);
}

int
injector_serve(struct injector *injector)
{
	struct service service = { .injector = injector,
		.untold = buf_new(2 * (size_t)UNTOLD_MAX) };

	if (!neighbour_is_given(NEIGHBOUR_SELF))
		die(EX_USAGE, "a service is started by neighbour(8)");
	/* Any open file names its file system, the FIFO too. */
	service.syncer = syncer_new(injector->spool.trigger);
	service.base = event_base_new();
	if (service.base == NULL)
		temp_fail("cannot make an event loop");
	gather_init(&service.gather);
	STAILQ_INIT(&service.waiting);
	STAILQ_INIT(&service.syncing);
	service.gathered = evtimer_new(service.base, handle_gathered, &service);
	service.tellable = event_new(service.base, injector->spool.trigger,
	    EV_WRITE, handle_tellable, &service);
	if (service.gathered == NULL || service.tellable == NULL)
		temp_fail("out of memory");
	open_session(&service, NEIGHBOUR_SELF, true);
	watch(&service, syncer_fd(service.syncer), handle_synced, &service);
	sandbox_enter(
	    SANDBOX_READ_FILES | SANDBOX_WRITE_FILES | SANDBOX_THREADS);
	event_base_dispatch(service.base);
	return EX_OK;
}
