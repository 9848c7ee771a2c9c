#ifndef IMAPD_DIALOGUE_H
#define IMAPD_DIALOGUE_H

/*
 * dialogue - what one who stands between a client and its session has to know
 * of both: where a command begins, and which one is UNAUTHENTICATE (RFC 8437).
 * Pure: bytes of both sides go in, and how many of them may be passed on comes
 * out.
 *
 * Grammar  RFC 9051 section 9: lines, and literals {N} of both sides; of the
 *          client's {N+}, ~{N} and ~{N+}, too.
 * Turns    a command is passed on when the one before it is answered, its
 *          literal when it is asked for: so what the client says next is what
 *          it took it for, whatever was on its way then.
 * Safety   the session may be anyone's by now.  An answer, a "+" or a "* BAD"
 *          that is not due, a line that clients could read in two ways, and
 *          another answer to UNAUTHENTICATE than OK break the dialogue.
 * Limits   a tag has DIALOGUE_TAG_MAX bytes; a longer one breaks it, too.  The
 *          length of lines and literals is the session's concern.
 */

#include "net/relayed_line.h"
#include "net/relaying.h"

enum {
	DIALOGUE_TAG_MAX = 200
};

enum dialogue_state {
	DIALOGUE_READY,   /* all is answered */
	DIALOGUE_LINE,    /* within a command's line */
	DIALOGUE_OCTETS,  /* within its literal */
	DIALOGUE_ASKING,  /* its literal waits for "+", or for the answer */
	DIALOGUE_WHOLE,   /* it waits for the answer; IDLE for "+" */
	DIALOGUE_IDLING,  /* IDLE waits for the client's line */
	DIALOGUE_LEAVING, /* UNAUTHENTICATE was passed on, and was the last */
	DIALOGUE_LEFT,  /* and it is answered: the session is to say no more */
	DIALOGUE_BROKEN /* pass nothing more on */
};

struct dialogue_tag {
	char text[DIALOGUE_TAG_MAX];
	size_t len; /* 0: that line had none, and is answered by "* BAD" */
};

struct dialogue {
	enum dialogue_state state;
	struct relayed_line client;
	struct relayed_line session;
	uint64_t client_octets; /* that are left of a literal */
	uint64_t session_octets;
	bool is_continued;   /* its line is one behind a literal */
	bool is_idle;        /* the command is */
	bool is_in_response; /* the session's next line goes on with it */
	bool is_idle_due; /* UNAUTHENTICATE came within it: its answer first */
	struct dialogue_tag tag; /* of the command */
	struct dialogue_tag idle_tag;
};

/* It begins with a command, the log-in, that the session has to answer. */
void dialogue_init(struct dialogue *dialogue, struct span tag);

/*
 * The client's next bytes: how many of them may be passed on.  The others are
 * to be given again when the session has said more.
 */
size_t dialogue_hear_client(struct dialogue *dialogue, struct span bytes);

/* The session's next bytes: how many may be passed on.  The others never. */
size_t dialogue_hear_session(struct dialogue *dialogue, struct span bytes);

/* The same for the relay, of a struct dialogue. */
extern const struct relaying_protocol dialogue_protocol;

#endif
