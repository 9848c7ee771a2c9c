#ifndef IMAPD_DIALOGUE_H
#define IMAPD_DIALOGUE_H

/*
 * dialogue - what one who stands between a client and its session has to know
 * of both: where a command begins, and which one is UNAUTHENTICATE (RFC 8437).
 * Pure: bytes of both sides go in, and how many of them may be passed on comes
 * out.
 *
 * Grammar  RFC 9051 section 9: lines, and literals {N} of both sides; of the
 *          client's {N+}, ~{N} and ~{N+}, too.  Behind a literal that waits to
 *          be asked for, and behind IDLE, nothing of the client's is passed on
 *          until the session has answered, so that what comes next is what the
 *          client took it for.
 * Safety   the session may be anyone's by now.  A "+" that nobody waits for, a
 *          line that clients could read in two ways, and another answer to
 *          UNAUTHENTICATE than OK break the dialogue.
 * Limits   a tag has DIALOGUE_TAG_MAX bytes; a longer one breaks it, too.  The
 *          length of lines and literals is the session's concern.
 */

#include "base/span.h"

enum {
	DIALOGUE_TAG_MAX = 200,
	DIALOGUE_HEAD_MAX = 256 /* of a line: a tag and a verb */
};

enum dialogue_state {
	DIALOGUE_RUNNING,
	DIALOGUE_WAITING, /* for the session's answer to {N} or IDLE */
	DIALOGUE_LEAVING, /* UNAUTHENTICATE was passed on, and was the last */
	DIALOGUE_LEFT,    /* and it is answered */
	DIALOGUE_BROKEN   /* pass nothing more on */
};

/* The announcement of a literal at the end of a line. */
enum dialogue_brace {
	BRACE_NONE,
	BRACE_OPEN,   /* "{" */
	BRACE_DIGITS, /* "{12" */
	BRACE_PLUS,   /* "{12+" */
	BRACE_CLOSED, /* "{12}" */
	BRACE_CR      /* and the CR */
};

struct dialogue_line {
	char head[DIALOGUE_HEAD_MAX];
	size_t len; /* of the line, which may be longer */
	char last;
	enum dialogue_brace brace;
	bool has_plus;
	uint64_t octets;
};

struct dialogue {
	enum dialogue_state state;
	struct dialogue_line client;
	struct dialogue_line session;
	uint64_t client_octets; /* that are left of a literal */
	uint64_t session_octets;
	bool is_in_command;  /* the client's next line goes on with it */
	bool is_in_response; /* the session's */
	bool is_idle_asked;  /* what is waited for is IDLE's "+" */
	bool is_idling;
	bool is_ok_last;     /* the last line is OK with the latest tag */
	uint64_t unanswered; /* commands */
	char tag[DIALOGUE_TAG_MAX]; /* of the latest command */
	size_t tag_len;
};

/* It begins with a command, the log-in, that the session has to answer. */
void dialogue_init(struct dialogue *dialogue);

/*
 * The client's next bytes: how many of them may be passed on.  The others are
 * to be given again when the session has said more.
 */
size_t dialogue_hear_client(struct dialogue *dialogue, struct span bytes);

/* The session's next bytes: how many may be passed on.  The others never. */
size_t dialogue_hear_session(struct dialogue *dialogue, struct span bytes);

/* The session has ended: was that UNAUTHENTICATE's doing? */
bool dialogue_has_left(const struct dialogue *dialogue);

#endif
