#ifndef IMAPD_GUEST_H
#define IMAPD_GUEST_H

/*
 * guest - another user's mailbox: an imapd of that user's (imapd -g), which
 * login(8) starts and which judges what we may do there, at the other end of a
 * pair.  Commands go to it as the client wrote them, and its answers back.
 *
 * Limits   GUESTS_MAX at a time, or fewer if login gives no more
 *          (control/imapdguests); the one that was not used for longest makes
 *          room, if none of its folders is selected.
 *          GUEST_LINE_MAX bytes a line; GUEST_NOTICE_MAX one that it says
 *          while no answer is read, if its folder is not the selected one:
 *          a longer one or a literal ends it.
 * Time     GUEST_ANSWER_MS for each line of an answer and each piece of a
 *          literal, GUEST_PROMPT_MS when what is asked takes nobody long: an
 *          owner can stop the process, and LIST asks them all.  An answer as a
 *          whole has GUEST_WAITS times as long, without what the client takes
 *          to read it: four hours, or twelve minutes.  GUEST_PROMPT_MS to read
 *          some of what it is told, and for what it says unasked.
 * Trust    it is another user's process: of what it says tagged lines and
 *          literals' lengths matter.  What is not untagged it tells the client
 *          only as an answer, and of messages only while its folder is the
 *          selected one; the rest is the client's to read.  If it ends within
 *          a line that the client has the beginning of, the session ends, too.
 */

#include "imapd/session.h"

enum {
	GUESTS_MAX = 8,
	GUEST_LINE_MAX = 64 << 20,
	GUEST_NOTICE_MAX = 16384,
	GUEST_ANSWER_MS = 600000,
	GUEST_PROMPT_MS = 30000,
	GUEST_WAITS = 24
};

enum guest_result {
	GUEST_OK,
	GUEST_REFUSED, /* NO or BAD */
	GUEST_GONE,    /* it ended; it is closed by now */
	GUEST_MORE     /* guest_forward_line: the answer goes on */
};

struct guest {
	struct buf owner;
	bool is_url_reader;
	struct reader in;
	struct writer out;
	unsigned enabled; /* as it was told */
	enum language language;
	bool is_collation_inverted;
	uint64_t used;
	bool is_in_line;    /* what it says next is behind a literal */
	struct buf notices; /* what NOTIFY it was told; empty: none so far */
	bool is_notifying;  /* of folders that are not selected */
	bool is_idling;     /* guest_begin_idle */
};

/* Of guests that were notifying. */
enum guests_lost {
	GUESTS_LOST_NONE,
	GUESTS_LOST_CLOSED, /* we closed one */
	GUESTS_LOST_ENDED   /* one ended, or told that it tells no more */
};

struct guests {
	struct guest *items[GUESTS_MAX];
	struct guest *selected; /* has the selected folder; or NULL */
	uint64_t count;         /* of uses */
	struct guest *speaking; /* whose line is taken */
	bool is_dropped;        /* the line is */
	bool is_half_told;      /* the client was told a part of a line */
	struct buf silent; /* owners whose guests did not answer in time, each
			      ended by LF */
	bool is_later;  /* why guest_find found none: it may be there later */
	bool has_ended; /* that is so as its process ended at its beginning */
	enum guests_lost lost;
	bool has_new; /* one that may have something to notify of */
};

/* What is answered if there is none now, but may be later. */
extern const char guest_unavailable[];

/* It is told what the client enabled.  NULL: there is none for this user. */
struct guest *guest_find(struct session *session, struct span owner);

/* The same for one that is open; false: it had ended, and is closed. */
bool guest_keep(struct session *session, struct guest *guest);

/*
 * One that has URLFETCH alone (imapd -u), at any account's mailbox: no other
 * command finds it.  As guest_find; it is told nothing.
 */
struct guest *guest_open_reader(struct session *session, struct span owner);

/* Has one of owner's not answered in time, in this session? */
bool guest_is_silent(const struct session *session, struct span owner);

void guest_close(struct session *session, struct guest *guest);

/* The same of one that ended, or says what nobody can take. */
void guest_close_gone(struct session *session, struct guest *guest);

void guests_free(struct session *session);

/* What comes before the tagged line; pieces of lines and of literals. */
typedef void guest_taker(void *context, struct span piece, bool is_line);

/* To the client, of whose session context is; unless it is none of its
 * business: what is not untagged never is. */
guest_taker guest_tell;

/* The same, and the "+" of IDLE. */
guest_taker guest_tell_idle;

/*
 * The same for what it says unasked: a line is passed on if it is one of NOTIFY
 * (STATUS, LIST or METADATA) about a folder of its own, all else is not.
 */
guest_taker guest_tell_notices;

/*
 * It has said something unasked: one line, to the client, if that is to know
 * it.  GUEST_MORE or GUEST_GONE, which the line is waited for no longer than
 * GUEST_PROMPT_MS in all, its literals included.
 */
enum guest_result guest_hear(struct session *session, struct guest *guest);

/* Is there something to hear, or its end? */
bool guest_is_audible(const struct guest *guest);

/*
 * Bytes of a command, however many: what it says unasked meanwhile is heard, so
 * that neither waits for the other to read.  If it ends, the answer tells.
 */
void guest_write(
    struct session *session, struct guest *guest, struct span bytes);

/*
 * The answer to the command that had tag: what is before the tagged line goes
 * to take, that line to final (cleared first).
 */
enum guest_result guest_answer(struct session *session, struct guest *guest,
    struct span tag, guest_taker *take, void *context, struct buf *final);

/* The answer to the client's command, of whose session take has the context;
 * the tagged line goes to the client, too. */
enum guest_result guest_forward(
    struct session *session, struct guest *guest, guest_taker *take);

/* One line of it, with the literal behind that, of IDLE: it is there, or its
 * beginning is. */
enum guest_result guest_forward_line(
    struct session *session, struct guest *guest);

/* A command of our own, without tag and CRLF; nothing of its answer is told but
 * what guest_tell_notices tells. */
enum guest_result guest_say(
    struct session *session, struct guest *guest, const char *command);

/* The same, and what comes before the tagged line goes to take. */
enum guest_result guest_ask(struct session *session, struct guest *guest,
    struct span command, guest_taker *take, void *context);

/* IDLE of our own, whose news is heard as what is said unasked is; what is
 * asked meanwhile ends it for as long. */
void guest_begin_idle(struct session *session, struct guest *guest);

/* News goes to the client until it has ended; GUEST_OK, too, if it had. */
enum guest_result guest_end_idle(struct session *session, struct guest *guest);

/* A tag that goes before such a command. */
#define GUEST_TAG "guest"

/* No folder of a guest's is selected any more. */
void guest_unselect(struct session *session);

#endif
