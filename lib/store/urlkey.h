#ifndef STORE_URLKEY_H
#define STORE_URLKEY_H

/*
 * urlkey - the mailbox access key of a folder, RFC 4467 section 2.2: who has it
 * can make URLs that carry their authorization.  The file estafeta-urlkey in
 * the folder itself, urlkey(5): RENAME takes it along, and it goes with the
 * folder.
 *
 * Damage   a file that is not as urlkey(5) says is ACCOUNT_ERROR with EBADMSG:
 *          no URL is valid then, until urlkey_reset.
 */

#include "store/account.h"

enum {
	URLKEY_SIZE = 32
};

struct urlkey {
	uint8_t bytes[URLKEY_SIZE];
};

/* Pure: is text a file of urlkey(5)? */
bool urlkey_parse(struct span text, struct urlkey *key);

/* ACCOUNT_NONEXISTENT: there is no such folder, or it has no key. */
enum account_status urlkey_read(
    struct account *account, struct span folder, struct urlkey *key);

/* The same, and if it has none, one is made, durable. */
enum account_status urlkey_make(
    struct account *account, struct span folder, struct urlkey *key);

/* Another one, durable: none of the URLs that there are stays valid. */
enum account_status urlkey_reset(struct account *account, struct span folder);

/* No folder has one; durable. */
enum account_status urlkey_remove_all(struct account *account);

/* Another number whenever the folder's key is another one; 0: it has none. */
uint64_t urlkey_stamp(struct account *account, struct span folder);

#endif
