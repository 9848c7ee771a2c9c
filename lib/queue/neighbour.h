#ifndef QUEUE_NEIGHBOUR_H
#define QUEUE_NEIGHBOUR_H

/*
 * neighbour - the socketpairs that neighbour(8) makes between programs.
 *
 * A program finds each neighbour that its run script gave it at that
 * neighbour's number; the neighbour itself finds the other end at
 * NEIGHBOUR_SELF.  A pair carries packets (base/packet.h).  Who forks a child
 * for each client hands it a session: a pair of its own, so that one client's
 * process never sees another's answers.
 */

#include <stdint.h>

#include "base/packet.h"

enum neighbour_fd {
	NEIGHBOUR_SELF = 0,
	NEIGHBOUR_INJECT = 10,
	NEIGHBOUR_LOOKUP = 11,
	NEIGHBOUR_RESOLVE = 12,
	NEIGHBOUR_LOGIN = 13,
	NEIGHBOUR_CHECKPW = 14,
	NEIGHBOUR_LOCAL = 15,
	NEIGHBOUR_REMOTE = 16,
	NEIGHBOUR_BOUNCE = 17,
	NEIGHBOUR_TLS = 18,
	NEIGHBOUR_KEY = 19,
	NEIGHBOUR_FILTER_MILTER = 60, /* after the listening sockets */
	NEIGHBOUR_FILTER_RSPAMD = 61,
	NEIGHBOUR_FILTER_AUTH = 62,
	NEIGHBOUR_FILTER_SITE = 63,
	NEIGHBOUR_FILTER_GUARD = 64,
	NEIGHBOUR_GREYLIST = 65,
	NEIGHBOUR_REMOTE_AUTH = 66,
	NEIGHBOUR_ODMR = 67,
	NEIGHBOUR_TURNED = 68,
	NEIGHBOUR_STS = 69
};

/* The number for "inject", "lookup", ...; -1 if there is no such name. */
int neighbour_number(const char *name);

/* Did the run script give this program that neighbour? */
bool neighbour_is_given(int neighbour);

/*
 * In the environment of one that neighbour -w starts when it is asked, and
 * again after it has ended with EX_OK; confine(8) leaves it there.
 */
#define NEIGHBOUR_RESTS "NEIGHBOUR_RESTS"

/*
 * control/timeoutneighbour in milliseconds: for how long such a one may have
 * had nothing to do, and no session open, before it ends.  -1: it stays, since
 * nobody would start it again or the file says 0.
 */
int64_t neighbour_rest_ms(void);

/*
 * Open a session with the neighbour at control: the other end is sent to it,
 * ours is returned; -1 with errno set.
 */
int neighbour_open_session(int control);

/*
 * Send the neighbour the end of a packet_pair whose other end is the session,
 * which may have been asked already; false with errno set.  The end stays the
 * caller's to close.
 */
bool neighbour_pass_session(int control, int end);

/*
 * The same as neighbour_open_session for a neighbour that is two processes: a
 * session of a kind that the first of them passes on, unread.
 */
int neighbour_open_session_of(int control, const char *kind);

/*
 * For the neighbour: the end of a new session if the packet opens one, taken
 * out of the packet; -1 if it is an ordinary request, or its descriptor is no
 * end of such a pair, for which nobody could wait.
 */
int neighbour_accept_session(struct packet *packet);
int neighbour_accept_session_of(struct packet *packet, const char *kind);

/* Is it an end of such a pair?  On another a reader might wait for ever. */
bool neighbour_is_pair_end(int fd);

/*
 * Send a request (with descriptors) and wait for the answer in *packet.
 * False with errno set: ETIMEDOUT, ECONNRESET if the neighbour is gone.
 * After false the session is shut down: an answer that comes yet would be
 * taken for that of the next question.
 */
bool neighbour_ask(int session, struct span request, const int *fds,
    int fd_count, int64_t timeout_ms, struct packet *packet);

/* The second half alone: wait for the next packet. */
bool neighbour_wait(int session, int64_t timeout_ms, struct packet *packet);

/*
 * The neighbour's side: answer a session's request.  A client whose answer
 * cannot be sent loses the session, and so hears of it at once.
 */
void neighbour_answer(
    int session, struct span answer, const int *fds, int fd_count);

#endif
