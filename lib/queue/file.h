#ifndef QUEUE_FILE_H
#define QUEUE_FILE_H

/*
 * file - a message in the queue; queue(5).
 *
 * Full form, named by its queue id:
 *     message | envelope | padding | slots | trailer
 *   slots begin at a multiple of QUEUE_SLOT_SIZE; there is one for each
 *   recipient, in the envelope's order, written in place.  The trailer is the
 *   last QUEUE_TRAILER_SIZE bytes, one text line: magic, length of message and
 *   envelope, number of slots, XXH3 of message and envelope, all in hex.
 * Plain form, named "ID.LENGTH.XXH3" in hex: one local recipient; the file is
 *   the mailbox file from its first byte, and begins with two lines,
 *   "Return-Path: <sender>" and "Delivered-To: recipient".
 *
 * Errors  functions that return bool set errno; EBADMSG is a file that is not
 *         whole (it was never acknowledged) or not a queue file.
 */

#include <sys/types.h>

#include "base/buf.h"
#include "queue/envelope.h"
#include "queue/id.h"

/* Starts the trailer: format and version. */
#define QUEUE_MAGIC "estafeta queue file 1"

enum {
	QUEUE_SLOT_SIZE = 256,
	QUEUE_TRAILER_SIZE = 128,
	QUEUE_NAME_MAX = 64,
	QUEUE_PLAIN_HEAD_MAX = 768 /* the two lines of the plain form */
};

/* What a file's name says. */
struct queue_name {
	struct queue_id id;
	bool is_plain;
	uint64_t length;   /* plain: of the whole file */
	uint64_t checksum; /* plain: of the whole file */
};

bool queue_name_parse(struct span text, struct queue_name *name);
void queue_name_format(
    const struct queue_name *name, char text[QUEUE_NAME_MAX]);

/* An open file of either form. */
struct queue_file {
	int fd; /* not owned */
	struct queue_name name;
	uint64_t message_offset; /* where the message itself begins */
	uint64_t message_length;
	uint64_t slots_offset; /* full form */
	uint64_t slot_count;
	uint64_t checksum;
	struct buf envelope_bytes;
	struct envelope envelope; /* points into envelope_bytes */
};

/* Read what stands around the message; queue_file_free afterwards. */
bool queue_file_read(
    struct queue_file *file, int fd, const struct queue_name *name);
void queue_file_free(struct queue_file *file);
/*
 * Have the disk fetch what those will read, if it has few recipients, and do
 * not wait for it: for who opens many.  Says nothing of what it meets.
 */
void queue_file_expect(int fd, const struct queue_name *name);

/* Read every byte and compare the checksum. */
bool queue_file_check(const struct queue_file *file);

/*
 * ---- a route of its own ----
 *
 * An administrator may send one message another way than its recipients'
 * domains go; an extended attribute has that, as net/routes.h writes it.
 */

enum {
	QUEUE_ROUTE_MAX = 300
};

/* Empty if it has none. */
void queue_file_route(
    const struct queue_file *file, char route[QUEUE_ROUTE_MAX + 1]);
/*
 * Empty takes it away; who asked for it syncs.  EOPNOTSUPP: the file system
 * keeps no attributes.
 */
bool queue_file_set_route(int fd, struct span route);

/*
 * ---- released before its time ----
 *
 * A message that its sender holds (FUTURERELEASE) is let go by an administrator
 * with another attribute, the time of that.
 */

/* Is it?  Then envelope.hold_until becomes the time when it was. */
void queue_file_take_release(struct queue_file *file);
/* As queue_file_set_route. */
bool queue_file_set_release(int fd, int64_t when);

/*
 * ---- REQUIRETLS ----
 *
 * An administrator may ask for it, or do without, whatever the envelope says.
 */

/* "yes", "no", or "-": as the envelope has it. */
const char *queue_file_tls(int fd);
/* One of these; as queue_file_set_route. */
bool queue_file_set_tls(int fd, struct span value);
/* envelope.requires_tls becomes what was asked for. */
void queue_file_take_tls(struct queue_file *file);

/*
 * ---- why an administrator's rule holds it ----
 *
 * A third attribute, for people; queue_file_set_why_held with QUEUE_RELEASED:
 * it was let go, and no rule holds it again.
 */

#define QUEUE_RELEASED "-"

enum {
	QUEUE_WHY_MAX = 700
};

/* Empty if no rule ever did. */
void queue_file_why_held(int fd, char why[QUEUE_WHY_MAX + 1]);
/* As queue_file_set_route. */
bool queue_file_set_why_held(int fd, struct span why);

/*
 * ---- slots: the fate of one recipient ----
 *
 * In the full form they stand in the file; a plain file keeps its one slot in
 * an extended attribute, where the file system has those (else a restart
 * forgets when it was last tried), and only after a try that failed.
 */

enum slot_state {
	SLOT_WAITING = 'n',   /* to be tried (again) */
	SLOT_DELIVERED = 'k', /* final */
	SLOT_ARRIVED = 'a',   /* in its mailbox; NOTIFY=SUCCESS is owed */
	SLOT_RELAYED = 'y',   /* at a host that owes no report; so do we */
	SLOT_EXPANDED = 'x',  /* to an alias's members; the same */
	SLOT_FAILED = 'd',    /* final, to be reported */
	SLOT_REPORTED = 'r'   /* final, and its report is in the queue */
};

/* Told once, by a version that told nobody a second time. */
#define SLOT_TOLD_BEFORE INT64_MAX

struct slot {
	enum slot_state state;
	int64_t told_s; /* the message's age at its last delay report */
	unsigned attempts;
	int64_t next_try; /* seconds since 1970 */
	char code[12];    /* enhanced status code of the last attempt */
	char text[180];   /* the other side's words, clipped, one line */
};

/* Delivered, with a report of that still to be made? */
bool slot_owes_success(const struct slot *slot);
/* Waiting, and not yet reported as such at that age of its message? */
bool slot_owes_delay(const struct slot *slot, int64_t age_s);

/* The bytes of a new slot: waiting, never tried. */
void slot_format(const struct slot *slot, char bytes[QUEUE_SLOT_SIZE]);

/*
 * A slot that was torn reads as SLOT_WAITING, never tried: at worst the
 * recipient gets the message twice.
 */
bool slot_read(
    const struct queue_file *file, uint64_t index, struct slot *slot);
bool slot_write(
    const struct queue_file *file, uint64_t index, const struct slot *slot);

/* ---- writing (queue-inject) ---- */

/* Running checksum and length of what was written so far. */
struct queue_sum;
struct queue_sum *queue_sum_new(void);
void queue_sum_add(struct queue_sum *sum, struct span bytes);
uint64_t queue_sum_value(const struct queue_sum *sum);
void queue_sum_free(struct queue_sum *sum);

/*
 * Append to tail what follows the message in the full form: envelope, padding,
 * fresh slots, trailer.  sum must have seen the message, and sees the envelope.
 */
void queue_add_tail(struct buf *tail, struct queue_sum *sum,
    uint64_t message_length, struct span envelope_bytes,
    const struct envelope *envelope);

/*
 * May this envelope's message have the plain form?  If so, append the two
 * first lines of its file to head.
 */
bool queue_add_plain_head(struct buf *head, const struct envelope *envelope);

#endif
