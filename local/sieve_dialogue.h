#ifndef LOCAL_SIEVE_DIALOGUE_H
#define LOCAL_SIEVE_DIALOGUE_H

/*
 * sieve_dialogue - what the relay has to know of ManageSieve: where a command
 * ends, which one is UNAUTHENTICATE (RFC 5804 section 2.14.1), and where a
 * response does.  Pure: see net/relaying.h.
 *
 * Grammar  RFC 5804 section 4: lines, and literals at their ends, {N+} of the
 *          client's and {N} of the session's.
 * Turns    a command is passed on when the one before it is answered.
 * Safety   the session may be anyone's by now.  A line that is not due, one
 *          that clients could read in two ways, and another answer to
 *          UNAUTHENTICATE than OK break the dialogue.  BYE is due at any time,
 *          and ends it.
 */

#include "net/relayed_line.h"
#include "net/relaying.h"

enum sieve_dialogue_state {
	SIEVE_DIALOGUE_READY,   /* all is answered */
	SIEVE_DIALOGUE_LINE,    /* within a command's line */
	SIEVE_DIALOGUE_OCTETS,  /* within its literal */
	SIEVE_DIALOGUE_WHOLE,   /* it waits for the answer */
	SIEVE_DIALOGUE_LEAVING, /* UNAUTHENTICATE was passed on: as RELAYING_ */
	SIEVE_DIALOGUE_LEFT,
	SIEVE_DIALOGUE_OVER,
	SIEVE_DIALOGUE_BROKEN
};

struct sieve_dialogue {
	enum sieve_dialogue_state state;
	struct relayed_line client;
	struct relayed_line session;
	uint64_t client_octets; /* that are left of a literal */
	uint64_t session_octets;
	bool is_continued; /* the client's line is one behind a literal */
	bool is_in_data;   /* the session's next one goes on with data */
	bool is_in_answer; /* or with an answer */
	enum sieve_dialogue_state next; /* at the end of that */
};

/* It begins with a command, the log-in, that the session has to answer. */
void sieve_dialogue_init(struct sieve_dialogue *dialogue);

size_t sieve_dialogue_hear_client(
    struct sieve_dialogue *dialogue, struct span bytes);
size_t sieve_dialogue_hear_session(
    struct sieve_dialogue *dialogue, struct span bytes);

/* The same for the relay, of a struct sieve_dialogue. */
extern const struct relaying_protocol sieve_dialogue_protocol;

#endif
