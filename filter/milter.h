#ifndef FILTER_MILTER_H
#define FILTER_MILTER_H

/*
 * milter - a conversation with one milter, as its MTA.
 *
 *   milter    the connection, negotiation, packets
 *   steps     the steps of a session and what the milter says to each
 *   message   a message: header, body, end, and the edits
 *
 * Errors  a milter that cannot be reached, is too slow, ends, or says what is
 *         no answer has failed for the rest of the session; then its default
 *         action holds.
 */

#include "base/io.h"
#include "filter/facts.h"
#include "filter/wire.h"
#include "net/milters.h"

/* Until when the milter is not asked again. */
enum milter_state {
	MILTER_TALKING,
	MILTER_MESSAGE_DONE, /* it accepted the message */
	MILTER_SESSION_DONE, /* it accepted the session */
	MILTER_FAILED
};

struct milter {
	const struct milter_setting *setting;
	const struct milter_settings *settings;
	enum milter_state state;
	bool has_session; /* it was told of a client */
	int fd;
	struct reader in;
	struct writer out;
	struct wire_options options;
	struct buf offer;  /* what options.macros points into */
	struct buf packet; /* the newest from the milter */
	struct buf data;   /* what is being sent */
};

/* Connect and negotiate.  On failure the state says so, and a line is logged.
 */
void milter_open(struct milter *milter, const struct milter_settings *settings,
    const struct milter_setting *setting);

/* The same over a connection that is there. */
void milter_begin(struct milter *milter, const struct milter_settings *settings,
    const struct milter_setting *setting, int fd);

void milter_free(struct milter *milter);

/* The milter is of no more use in this session. */
void milter_fail(struct milter *milter, const char *why);

/* Send a command with its data; failures show when an answer is awaited. */
void milter_send(
    struct milter *milter, enum wire_command command, struct span data);

/*
 * Wait for an answer: false after milter_fail.  WIRE_PROGRESS gives it its
 * time anew, and is not returned.
 */
bool milter_receive(
    struct milter *milter, int64_t timeout_ms, struct wire_reply *reply);

/* Has the milter asked for (not) this step? */
bool milter_wants(const struct milter *milter, enum wire_protocol no_step);

/* ---- steps ---- */

/* A verdict of filter(5), text a buf of FILTER_REPLY_MAX. */
struct milter_verdict {
	enum filter_verdict verdict;
	struct buf text;
};

/*
 * One step of the session; false if the verdict is another than accepted.
 * stage is not FILTER_MESSAGE.
 */
bool milter_step(struct milter *milter, enum filter_stage stage,
    const struct facts *facts, struct milter_verdict *verdict);

/* The macros of a step, as the milter asked for them or else as is usual. */
void milter_send_macros(struct milter *milter, enum wire_command command,
    const struct facts *facts);

/* Ask for the answer to a step, unless it is one without. */
bool milter_await(struct milter *milter, enum wire_protocol mute,
    int64_t timeout_ms, struct milter_verdict *verdict);

/* What a reply to a step means; false if it is not "go on". */
bool milter_judge(struct milter *milter, const struct wire_reply *reply,
    struct milter_verdict *verdict);

/* The verdict of a milter that has failed; false if it is not "go on". */
bool milter_default_verdict(
    const struct milter *milter, struct milter_verdict *verdict);

/* ---- message ---- */

/*
 * Pass on a message that comes on a pipe, and send the edits over session.
 * False if the verdict is another than accepted.
 */
bool milter_message(struct milter *milter, int session, int message,
    const struct facts *facts, struct milter_verdict *verdict);

#endif
