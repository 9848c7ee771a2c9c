#ifndef SERVICE_SEAT_H
#define SERVICE_SEAT_H

/*
 * seat - what the two halves of login(8)'s parent share: seats.c, which opens
 * seats and waits, and admission.c, which sees each through its attempt.
 */

#include <poll.h>
#include <signal.h>

#include "base/packet.h"
#include "service/penalty.h"
#include "service/quota.h"
#include "service/seats.h"

enum seat_state {
	SEAT_FREE,
	SEAT_WAITING,   /* for a request */
	SEAT_DELAYED,   /* one is there; its time has not come */
	SEAT_CHECKING,  /* a child has it */
	SEAT_REFUSED,   /* by the child; its client will hear of it */
	SEAT_SERVING,   /* the child is the user's by now */
	SEAT_SPARE,     /* the user's without a client: service/spares.h */
	SEAT_GUEST,     /* another user's, for one that is served */
	SEAT_RETURNING, /* a relayed client's: its guests are to end first */
	SEAT_KNOWN      /* SMTP: it asks before each message */
};

struct seat {
	enum seat_state state;
	int session;
	int report; /* our end of the child's pair, then of the user's */
	pid_t pid;  /* of the child */
	bool is_sasl;
	bool is_relayed;    /* the session stays open, for the next log-in */
	bool has_used_apop; /* or may not use it at all */
	bool has_injector;  /* its process has a session with queue-inject */
	uint64_t random;    /* of the challenge */
	uint64_t clock_us;
	int64_t due_ms;   /* of SEAT_DELAYED, _REFUSED, _SPARE, of a guest */
	int64_t begun_ms; /* the attempt */
	pid_t giver;      /* login's child that gives it a client; or 0 */
	int64_t given_until_ms; /* at the latest */
	uint64_t network;       /* penalty_key */
	uint64_t account;
	struct buf user; /* the account's name; IMAP's sessions and guests */
	pid_t helper;    /* a child that does what it asked; or 0 */
	pid_t host;      /* of a guest: the session's process; 0: it ended */
	pid_t last_host; /* which one that was */
};

/* Places in the array that is polled; the seats come after them. */
enum {
	POLL_CONTROL,
	POLL_SIGNALS,
	POLL_CHECKPW,
	POLL_LOOKUP,
	POLL_INJECT,
	POLL_SEATS
};

struct login {
	const struct login_settings *settings;
	struct seat seats[SEATS_MAX];
	size_t seat_count; /* places that were ever used */
	unsigned attempts; /* seats that are SEAT_CHECKING */
	struct pollfd polled[POLL_SEATS + SEATS_MAX];
	struct packet packet;
	struct penalty penalty;
	struct quota quota;
	sigset_t old_mask;
	struct buf challenge;
	pid_t self; /* children ask for the challenge, too */
};

/* RFC 1939 section 7: never the same twice, and not to be guessed. */
struct span seat_challenge(struct login *login, const struct seat *seat);
struct seat *seat_find_free(struct login *login); /* NULL: there is none */
void seat_close_fd(int *fd);
void seat_free(struct seat *seat);

/* Whose guests they are: SMTP's session has no process, but its seat. */
pid_t seat_host(const struct login *login, const struct seat *asking);

/* Those of one that has ended, or has no client any more. */
void seat_end_guests(struct login *login, pid_t host);

/*
 * In a child that is forked for one seat: it ends with its parent, for what it
 * waits for may never come (until it is a user), and holds nothing of other
 * sessions, so that it keeps nobody from seeing their end.
 */
void seat_begin_child(struct login *login, const struct seat *own);

/* A request is there: its client's network may have to wait. */
void admission_take_request(struct login *login, struct seat *seat);

/* Its time has come: fork the child that reads it. */
void admission_begin(struct login *login, struct seat *seat);

/* The child has told what it found. */
void admission_take_report(struct login *login, struct seat *seat);

/* By which an account is counted. */
uint64_t admission_key(struct span account);

/*
 * The account's sessions.  Who is given a client is none besides the child that
 * gives it; one that was sent away and does not go is one still.
 */
uint64_t admission_count(const struct login *login, uint64_t account);

/* SMTP: may the account send this message? */
void admission_take_message(struct login *login, struct seat *seat);

/* Tell the acceptor, which may try again. */
void admission_answer(struct seat *seat, enum login_verdict verdict);

#endif
