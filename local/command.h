#ifndef LOCAL_COMMAND_H
#define LOCAL_COMMAND_H

/*
 * command - the records inside local-deliver: parser to spawner, parser to
 * deliverer; local-deliver(8).  Verdicts go back as in queue/delivery.h.
 *
 * The spawner, which is root, reads only struct spawn_record; the command that
 * follows it in a RELAY is opaque to it.
 */

#include "base/packet.h"
#include "base/record.h"
#include "queue/delivery.h"

enum spawn_op {
	SPAWN_START =
	    1,       /* descriptors: the deliverer's end, the parser's end */
	SPAWN_RELAY, /* descriptor: a queue file, given to the deliverer's */
		     /* uid if it is an injector's still; then the command */
	SPAWN_STOP,  /* forget the deliverer */
	SPAWN_BYE    /* the parser ends as it should */
};

enum {
	DELIVERERS_MAX = 128, /* at work or kept for more */
	SPAWN_GROUP_MAIL = 1  /* flag of SPAWN_START */
};

struct spawn_record {
	uint32_t op;
	uint32_t slot; /* below DELIVERERS_MAX */
	uint32_t uid;  /* RELAY: as at the start of that slot */
	uint32_t gid;
	uint32_t flags;
};

enum command_kind {
	COMMAND_MAILDIR = 'L',
	COMMAND_MBOX = 'B',    /* the recipient's own mailbox */
	COMMAND_FILE = 'F',    /* a file that an alias names */
	COMMAND_PROGRAM = 'P', /* descriptor: the queue file, as for all */
	COMMAND_FORWARD = 'W', /* second descriptor: a session with inject */
	COMMAND_INCLUDE = 'I'  /* answered with the file's descriptor */
};

/* All spans point into the packet. */
struct command {
	uint64_t number;
	enum command_kind kind;
	struct span path; /* or the program's command line */
	struct span name; /* in the Maildir; a forward: our host */
	struct span id;   /* of the message */
	struct span sender;
	struct span recipient; /* of Delivered-To */
	struct span account;   /* whose mailbox: USER */
	struct span home;
	struct span extension;
	struct span new_id; /* of the forwarded message */
	struct span new_sender;
	struct span envid; /* of a forward, as in envelope(5) */
	struct span ret;
	struct span solicitation;
	struct span recipients; /* records T, forwarded to, with O and N */
	uint64_t offset;
	uint64_t length;
	bool is_whole;
	bool is_8bit;
	bool needs_utf8;
	bool may_be_there;
	bool requires_tls;
	int priority; /* RFC 6710 */
};

void command_add(struct buf *buf, const struct command *command);
bool command_parse(struct span packet, struct command *command);

#endif
