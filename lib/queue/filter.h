#ifndef QUEUE_FILTER_H
#define QUEUE_FILTER_H

/*
 * filter - what smtpd and a filter say to each other; filter(5).
 *
 * A session carries one request at a time.  Each but FILTER_RESET gets
 * answers: for a message any number of edits, then for every stage a verdict.
 *
 * Limits  FILTER_VALUE_MAX bytes a field's value, FILTER_NAME_MAX its name,
 *         FILTER_REPLY_MAX a reply, FILTER_EDITS_MAX edits a message,
 *         FILTER_ROUNDS_MAX verdicts FILTER_AGAIN.
 * Memory  nothing is allocated when reading: spans point into the packet.
 */

#include "base/record.h"
#include "queue/neighbour.h"

enum {
	FILTER_VALUE_MAX = 16000,
	FILTER_NAME_MAX = 100,
	FILTER_REPLY_MAX = 480,
	FILTER_EDITS_MAX = 2000,
	FILTER_ROUNDS_MAX = 16
};

enum filter_stage {
	FILTER_CONNECT,
	FILTER_HELO,
	FILTER_MAIL,
	FILTER_RCPT,
	FILTER_MESSAGE, /* with the read end of a pipe */
	FILTER_RESET    /* the transaction is over; no answer */
};

struct filter_request {
	enum filter_stage stage;
	/* connect */
	struct span host;    /* M: how we call ourselves */
	struct span service; /* D: "smtpd", "submission" */
	struct span client;  /* C: its address */
	struct span name;    /* N: its name, or empty */
	struct span local;   /* L: our address */
	uint64_t client_port;
	uint64_t local_port;
	/* helo */
	struct span helo; /* H */
	struct span tls;  /* S: the version, or empty */
	bool is_esmtp;    /* E */
	/* mail */
	struct span sender; /* F */
	struct span user;   /* U: authenticated as, or empty */
	/* rcpt */
	struct span recipient; /* T */
	/* message */
	struct span id; /* I: queue id */
	uint64_t size;  /* Z: bytes that come on the pipe */
};

enum filter_verdict {
	FILTER_ACCEPT,     /* A */
	FILTER_REJECT,     /* R, text is the reply */
	FILTER_DEFER,      /* D, text is the reply */
	FILTER_QUARANTINE, /* Q, text is the reason */
	FILTER_DISCARD,    /* X */
	FILTER_AGAIN       /* G: show the message once more, edited */
};

enum filter_edit {
	FILTER_NO_EDIT, /* it is a verdict */
	FILTER_ADD,     /* a: name, value */
	FILTER_INSERT,  /* i: name, value, index */
	FILTER_CHANGE,  /* c: name, value, index */
	FILTER_DELETE,  /* d: name, index (0: all) */
	FILTER_ADD_RECIPIENT,
	FILTER_DELETE_RECIPIENT,
	FILTER_SENDER, /* f: address, empty for the null path */
	FILTER_BODY    /* b: with the read end of a pipe */
};

struct filter_answer {
	enum filter_edit edit;
	enum filter_verdict verdict; /* if edit is FILTER_NO_EDIT */
	struct span text;            /* W */
	struct span name;            /* N */
	struct span value;           /* B */
	struct span address;         /* T; F for FILTER_SENDER */
	uint64_t index;              /* I */
};

void filter_add_request(struct buf *buf, const struct filter_request *request);
bool filter_parse_request(struct span packet, struct filter_request *request);

void filter_add_answer(struct buf *buf, const struct filter_answer *answer);

/*
 * False if the packet is no answer, is over a limit, or says what could upset
 * a header, an envelope or the client: a reply that is none, a value that ends
 * its field, an address that is no mailbox.
 */
bool filter_parse_answer(struct span packet, struct filter_answer *answer);

/*
 * The same checks for who makes an answer of what others said.  A reply is
 * one line, "550 5.7.1 words", of the given class ('4' or '5').
 */
bool filter_is_reply(struct span text, char class);
bool filter_is_field(struct span name, struct span value);

#endif
