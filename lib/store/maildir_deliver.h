#ifndef STORE_MAILDIR_DELIVER_H
#define STORE_MAILDIR_DELIVER_H

/*
 * maildir_deliver - a message into a Maildir, at most once for each name.
 *
 * The name is the caller's and always the same for the same message and
 * recipient: a repeated delivery finds it, in new/ or (if the message may be
 * there already) in cur/, and is done.  With letters (maildir_name.h) it goes
 * into cur/ itself.  A file with that name and other bytes,
 * as a power cut can leave behind, is replaced.
 *
 * A message of the plain form is linked if the Maildir is on its file system;
 * else, and for every other form, the bytes are copied through tmp/.
 */

#include "store/deliver.h"

enum {
	MAILDIR_NAME_MAX = 200
};

/*
 * Append the name: SECONDS.QID.HOST of a plain message, with a hash of the
 * recipient after the id for any other.  seconds must be the message's own
 * time, as its id tells it.  '/' and ':' in host become octal.
 */
struct maildir_name {
	uint64_t seconds;
	struct span id;
	struct span recipient; /* empty: a plain message */
	struct span host;
};
void maildir_add_name(struct buf *into, const struct maildir_name *name);

/*
 * Deliver into the Maildir at path, which is made (0700) if it is missing.
 * fchmod is called on a linked file: it must be ours.
 */
enum deliver_status maildir_deliver(
    const struct deliver_message *message, const char *path, const char *name);

#endif
