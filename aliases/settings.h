#ifndef ALIASES_SETTINGS_H
#define ALIASES_SETTINGS_H

/*
 * settings - what lookup(8) takes from control/, read again when it changes.
 *
 * Errors  those of base/control.h: a broken file ends the program with
 *         EX_TEMPFAIL after a line that says where and how to mend it.
 */

#include "base/control.h"

/* Domain names, sorted, to be found quickly. */
struct domain_set {
	struct control_list list; /* items in lower case, in order */
};

struct settings {
	struct buf first_me;         /* at start */
	struct buf me;               /* control/me */
	struct domain_set locals;    /* default: me and localhost */
	struct domain_set virtuals;  /* virtualdomains */
	struct control_list relayed; /* rcpthosts */
	struct buf delimiter;        /* recipientdelimiter, any one of these */
	struct buf default_delivery; /* defaultdelivery */
	struct buf postmaster;       /* postmaster; may be empty */
	uint64_t uid_min;            /* uidmin */
	struct control_watch watch;
};

/* The first time, *settings must be zeroed. */
void settings_load(struct settings *settings);
void settings_free(struct settings *settings);

/* Load again if a file changed. */
void settings_refresh(struct settings *settings);

bool domain_set_has(const struct domain_set *set, struct span domain);

#endif
