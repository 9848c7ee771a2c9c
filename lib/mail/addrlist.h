#ifndef MAIL_ADDRLIST_H
#define MAIL_ADDRLIST_H

/*
 * addrlist - the addresses of From, To, Cc and Bcc: RFC 5322 section 3.4.
 *
 * Display names, comments, groups and folding are passed over; what is left
 * of each mailbox is its addr-spec, or a bare local name.
 */

#include "base/buf.h"

/*
 * Take the next address off *rest and put it into *address (cleared first).
 * False at the end.  A piece without an address (an empty group, two commas)
 * is passed over.
 */
bool addrlist_next(struct span *rest, struct buf *address);

/* What IMAP's ENVELOPE says of each, in order. */
enum addrlist_kind {
	ADDRLIST_MAILBOX,
	ADDRLIST_GROUP, /* the mailboxes that follow are name's */
	ADDRLIST_GROUP_END
};

struct addrlist_item {
	enum addrlist_kind kind;
	struct buf name;   /* the phrase without its quotes; else a comment */
	struct buf route;  /* "@a,@b", RFC 5322 section 4.4 */
	struct buf local;  /* without its quotes */
	struct buf domain; /* empty: there was none */
};

struct addrlist {
	struct span rest;
	bool is_in_group;
	bool owes_end;
};

/*
 * The next item of *list, which began as { value }.  False at the end; item
 * begins zeroed, is reused, and is freed by addrlist_item_free.
 */
bool addrlist_next_item(struct addrlist *list, struct addrlist_item *item);
void addrlist_item_free(struct addrlist_item *item);

#endif
