#ifndef SMTPD_MESSAGE_H
#define SMTPD_MESSAGE_H

/*
 * message - what DATA and BDAT share: a message on its way into the queue.
 *
 * A line that is not fit, too many hops, too many bytes: the first reason is
 * kept, what follows is dropped, and message_finish says it.
 */

#include "mail/transfer.h"
#include "queue/draft.h"
#include "queue/id.h"
#include "smtpd/complete.h"
#include "smtpd/lines.h"
#include "smtpd/submit.h"

struct session;

struct message {
	struct session *session;
	struct queue_id id;
	bool is_judged; /* by filters: a draft first, a submission afterwards */
	struct draft draft;
	struct submission submission;
	struct buf envelope;
	struct lines lines;
	struct transfer transfer; /* BODY=BINARYMIME only */
	bool is_binary;
	struct buf converted; /* a line of what transfer makes of it */
	uint64_t size;        /* as it came */
	uint64_t header_size;
	uint64_t fields;
	uint64_t hops;
	struct buf message_id;        /* for the log; empty if there is none */
	struct completion completion; /* of a user's message */
	bool is_body;
	bool is_solicitation; /* the last line was of such a field */
	const char *refusal;  /* the first reason found, or NULL */
};

/* Make the queue id, the envelope and the Received field. */
void message_begin(struct message *message, struct session *session);

void message_refuse(struct message *message, const char *reply);

/*
 * Count bytes before they are read; refuses what is over control/databytes,
 * whatever the number.
 */
void message_count(struct message *message, uint64_t bytes);

/* A line of the header, or the empty one after it. */
void message_look_at_header(struct message *message, struct span line);

/* The same for the field Solicitation, RFC 3865; before its end. */
void soliciting_look_at_header(struct message *message, struct span line);

/* Is it "line CR"?  If not, it is refused: RFC 5321 section 2.3.8. */
bool message_check_line(struct message *message, struct span *line);

/* One line, its CR LF taken off, its dots as they are meant. */
void message_add_line(struct message *message, struct span line);

/*
 * The same for a binary message: pieces as in mail/transfer.h, and what is
 * left at its end.
 */
void message_add_piece(
    struct message *message, struct span piece, enum transfer_end end);
void message_end_pieces(struct message *message, struct span last);

/* Commit, and say what became of it. */
void message_finish(struct message *message);

/* Drop it, without a word. */
void message_abort(struct message *message);

#endif
