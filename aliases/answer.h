#ifndef ALIASES_ANSWER_H
#define ALIASES_ANSWER_H

/*
 * answer - what an address is: the decision of lookup(8), without its wire.
 *
 * Order for our own domains: alias, system user, both again for the part
 * before the delimiter, then the names that must never be lost (postmaster,
 * abuse, mailer-daemon, root).  For virtual domains: account, account without
 * extension, the domain's catch-all, the same names.
 * Memory  the answer points into directory and its tables, and is valid until
 *         the next call.
 */

#include "aliases/passwd.h"
#include "aliases/settings.h"
#include "base/table.h"
#include "queue/lookup.h"

struct directory {
	struct settings settings;
	struct passwd_file users;
	struct table aliases;
	struct table accounts;
	/* The address being asked for, and what the answer points at. */
	struct buf name; /* local part, lower case */
	struct buf domain;
	struct buf key;
	struct buf account;
	struct buf home;
	struct buf mailbox;
	struct buf extension;
	struct buf target;
	struct buf owner;
	struct buf text;
};

void directory_open(struct directory *directory);
void directory_close(struct directory *directory);

/*
 * address: local@domain, or a name of our own domain.  A backslash before it
 * means that no alias is wanted.
 */
void answer_find(struct directory *directory, struct span address,
    struct lookup_answer *answer);

#endif
