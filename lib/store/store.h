#ifndef STORE_STORE_H
#define STORE_STORE_H

/*
 * store - a mailbox as POP3 sees it: a list of messages, fixed when it is
 * opened, that are read whole and removed at the end.
 *
 * Names    "maildir:/path" and "mbox:/path".  One that is not there is empty.
 * Lock     one store at a time: flock(2) of PATH/.pop3.lock, or of the mbox.
 * Sizes    are counted once: a Maildir keeps them in PATH/.pop3.sizes.
 *          Deliveries go on; other programs may rename, add and remove
 *          messages.
 * Lines    a message is handed out with CRLF line ends whatever it is kept
 *          with, and ends with one; octets counts exactly that.
 * Memory   a store owns all that it hands out, until store_close.
 */

#include "store/uidl.h"

enum store_status {
	STORE_OK,
	STORE_BUSY, /* someone else has it open or locked */
	STORE_ERROR /* errno says why; EBADMSG: the file is no mbox */
};

struct store;

/*
 * Open and list; *store is changed on STORE_OK only.  formats is NULL, or says
 * which unique ids of another server's are kept.
 */
enum store_status store_open(struct store **store, const char *name,
    int64_t timeout_ms, const struct uidl_formats *formats);

/*
 * Note that its user came, in an attribute of the file that is locked
 * (user.estafeta.login).  False if he was there less than delay_s seconds ago;
 * where there are no such attributes nobody comes too soon.
 */
bool store_note_visit(struct store *store, uint64_t delay_s);

size_t store_count(const struct store *store);

/*
 * The unique-id of message i (RFC 1939 section 7): 1 to 70 visible bytes, the
 * same in every session.  Another server's, if the formats given to store_open
 * have one and it is the only one, or the first, of that text.  Else Maildir:
 * the file's name up to the ':', or a hash of it; mbox: a hash of the message,
 * so that identical copies share theirs.
 */
const char *store_uidl(const struct store *store, size_t i);

/* Size as sent; false with errno set if the message cannot be read. */
bool store_octets(struct store *store, size_t i, uint64_t *octets);

/*
 * Hand the message to take, piece by piece.  False if take returned false, or
 * with errno set: ENOENT the message is gone, ESTALE the mbox was rewritten.
 */
bool store_read(struct store *store, size_t i,
    bool (*take)(void *context, struct span piece), void *context);

/*
 * Read message i now, if there is such a one and it is small: a store_read of
 * it that comes next does not wait for the disk.
 */
void store_read_ahead(struct store *store, size_t i);

void store_mark(struct store *store, size_t i, bool is_deleted);
bool store_is_deleted(const struct store *store, size_t i);

/*
 * The message was read by its owner: a commit moves it from new/ to cur/ and
 * gives it the flag S.  An mbox keeps no note of it.
 */
void store_mark_seen(struct store *store, size_t i);

/*
 * Remove the marked messages; true when that is on stable storage.  False with
 * errno set: some may still be there, nothing else was touched.
 */
bool store_commit(struct store *store);

/* Unlock and free; what is marked and not committed stays. */
void store_close(struct store *store);

#endif
