#ifndef IMAPD_LIST_H
#define IMAPD_LIST_H

/*
 * list - what LIST (RFC 9051 section 6.3.9, RFC 5258) asks for.
 */

#include "imapd/session.h"

/* Does pattern ('*' any, '%' any but '/') match all of name? INBOX in any case.
 * Takes time in proportion to both lengths.
 */
bool list_matches(struct span pattern, struct span name);

/* "* LIST (ATTRIBUTES) "/" NAME", without the line's end. */
void list_put_head(struct session *session, const char *verb,
    const struct account_folder *folder);

/* STATUS items, RFC 9051 section 6.3.11. */
enum status_item {
	STATUS_MESSAGES = 1 << 0,
	STATUS_RECENT = 1 << 1,
	STATUS_UIDNEXT = 1 << 2,
	STATUS_UIDVALIDITY = 1 << 3,
	STATUS_UNSEEN = 1 << 4,
	STATUS_DELETED = 1 << 5,
	STATUS_SIZE = 1 << 6,
	STATUS_HIGHESTMODSEQ = 1 << 7,
	STATUS_MAILBOXID = 1 << 8,
	STATUS_APPENDLIMIT = 1 << 9,
	STATUS_DELETED_STORAGE = 1 << 10
};

/* "(MESSAGES UNSEEN)" */
bool status_parse(struct parse *parse, unsigned *items);

/* "* STATUS NAME (...)", or what stands against it. */
enum account_status status_put(
    struct session *session, struct span name, unsigned items);

/* The same if the client did not ask: that enables nothing. */
enum account_status status_put_news(
    struct session *session, struct span name, unsigned items);

#endif
