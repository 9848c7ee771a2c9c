#ifndef MAIL_ALIASITEMS_H
#define MAIL_ALIASITEMS_H

/*
 * aliasitems - the right-hand side of an alias, item by item; aliases(5).
 *
 * Grammar  items separated by commas and white space around them:
 *            user@example.org, "a b"@example.org   an address
 *            joe, "joe", \joe    a name of this host; with \ it is not looked
 *                                up as an alias again
 *            /path, "/pa th"     a file (a Maildir if it ends in /)
 *            |command, "|command, with comma", |"command"   a program
 *            :include:/path      a file of further items
 *          Inside quotes \" is a quote and \\ a backslash; a backslash before
 *          any other character stays.
 * Memory   an item's text lies in the caller's buf, until its next use.
 */

#include "base/buf.h"

enum alias_item_kind {
	ALIAS_ADDRESS,
	ALIAS_NAME,
	ALIAS_FINAL_NAME, /* \joe; text is without the backslash */
	ALIAS_FILE,
	ALIAS_PROGRAM, /* text is without the | */
	ALIAS_INCLUDE  /* text is the path */
};

struct alias_item {
	enum alias_item_kind kind;
	struct span text; /* never empty, never holds a control byte */
	struct span raw;  /* as written, trimmed */
};

enum alias_item_status {
	ALIAS_ITEM_OK,
	ALIAS_ITEM_END, /* nothing but space was left */
	ALIAS_ITEM_OPEN_QUOTE,
	ALIAS_ITEM_AFTER_QUOTE, /* text between a closing quote and the comma */
	ALIAS_ITEM_CONTROL_BYTE,
	ALIAS_ITEM_BAD_ADDRESS,
	ALIAS_ITEM_BAD_NAME,
	ALIAS_ITEM_BAD_PATH, /* :include: without an absolute path */
	ALIAS_ITEM_EMPTY     /* a lone | or \ */
};

/*
 * Take the next item off *rest.  After any status but OK and END *rest is
 * what follows the item's comma, so that a reader can go on and find more.
 */
enum alias_item_status alias_item_next(
    struct span *rest, struct buf *text, struct alias_item *item);

/* What is wrong and how to mend it. */
const char *alias_item_status_text(enum alias_item_status status);

#endif
