#ifndef NET_ANCHORS_H
#define NET_ANCHORS_H

/*
 * anchors - control/trustanchor and control/insecuredomains: what DNSSEC
 * (RFC 4035) begins with, and where it does not reach.
 *
 * Grammar  trustanchor holds a file's path, or "none".  That file has a DS
 *          or DNSKEY record a line, as in a zone's file, and ';' begins a
 *          comment.  insecuredomains is a domain_list.
 * Errors   a broken file of control/, or of its naming, ends the program as
 *          control_complain_value does.
 */

#include "base/control.h"

enum anchors_kind {
	ANCHORS_NONE,    /* nothing is validated */
	ANCHORS_DEFAULT, /* the root's, ANCHORS_FILE */
	ANCHORS_GIVEN    /* an administrator's: he knows that they work */
};

#define ANCHORS_FILE "/usr/share/dns/root.key"

struct anchors {
	enum anchors_kind kind;
	struct buf text; /* the file */
};

/* Without ANCHORS_FILE it is ANCHORS_NONE, after a log line. */
struct anchors anchors_read(void);

/* The same, to see what is wrong. */
void anchors_check(void);

/* Cut the next record off *rest; false at the end. */
bool anchors_next(struct span *rest, struct span *record);

#endif
