#ifndef QUEUE_INJECT_REQUEST_H
#define QUEUE_INJECT_REQUEST_H

/*
 * inject_request - one message that a session with the service hands over:
 * its pipes, its file, and its end.
 */

#include <event2/event.h>
#include <sys/queue.h>

#include "base/syncer.h"
#include "queue/gather.h"
#include "queue/injector.h"
#include "queue/neighbour.h"

/* The first that came first, so that none waits for all others' answers. */
STAILQ_HEAD(requests, request);

struct service {
	struct injector *injector;
	struct event_base *base;
	struct syncer *syncer;
	bool is_syncing;
	struct gather gather;
	struct event *gathered;  /* its time is the next sync's */
	struct requests waiting; /* written, for the next sync */
	struct requests syncing; /* covered by the one in flight */
	struct buf untold;       /* names for the manager, whose FIFO is full */
	struct event *tellable;  /* it is no more */
	struct packet packet;    /* the one being handled */
};

struct session {
	struct service *service;
	int fd;
	bool is_control; /* its end is the service's end */
	bool is_users;   /* INJECT_FOR_USERS */
	struct event *readable;
	struct request *request;
	struct gather_session gathering;
};

struct request {
	struct session *session; /* NULL when the client went away */
	STAILQ_ENTRY(request) link;
	struct incoming incoming;
	struct buf envelope_bytes;
	struct envelope envelope; /* points into envelope_bytes */
	int message_fd;           /* -1 after its end */
	int envelope_fd;
	struct event *message_readable;
	struct event *envelope_readable;
	bool is_committed;
	bool is_users; /* as its session */
};

/* Forget the event and set it to NULL. */
void unwatch(struct event **event);

/* The packet's descriptors become the session's new request. */
struct request *request_new(struct session *session, const struct queue_id *id);

/* Its session, if it is still there, hears the verdict. */
void request_answer(
    struct request *request, enum inject_verdict verdict, const char *text);

/* Close and free; its file stays. */
void request_free(struct request *request);

/* Nothing of it is kept: answer and free; refuse_errno tells errno's reason. */
void request_refuse(struct service *service, struct request *request,
    enum inject_verdict verdict, const char *text);
void request_refuse_errno(struct service *service, struct request *request);

/*
 * Take what is in its pipe, but not without end: a writer who is quick must
 * not keep all others waiting. False if the request was refused, and is gone.
 */
bool request_drain_envelope(struct request *request);
bool request_drain_message(struct request *request);

#endif
