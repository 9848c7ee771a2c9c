#ifndef STORE_SCRIPTS_H
#define STORE_SCRIPTS_H

/*
 * scripts - an account's Sieve scripts, in its Maildir: mailscripts(5).
 *
 * sieve/NAME.sieve          a script; NAME in UTF-8 as RFC 5804 section 1.6
 *                           has it
 * sieve/DIGEST.sieve.long   one whose name is too long for a file's
 * sieve/active              the name of the one that mail is delivered by, LF
 *
 * Jail    all is opened below the Maildir's descriptor; no symbolic link is
 *         followed; no name can lead out of it.
 * Power   what is changed is there, whole, when true was returned.
 */

#include "base/buf.h"

enum {
	SCRIPTS_NAME_MAX = 512 /* octets: 128 characters at least */
};

enum scripts_status {
	SCRIPTS_OK,
	SCRIPTS_NONEXISTENT,
	SCRIPTS_EXISTS,
	SCRIPTS_ACTIVE,  /* it cannot go */
	SCRIPTS_INVALID, /* no script can have that name */
	SCRIPTS_LIMIT,   /* control/sievescripts, control/sievesize */
	SCRIPTS_QUOTA,   /* the disk's, or the account's */
	SCRIPTS_ERROR    /* errno says why */
};

struct scripts_limits {
	uint64_t count;
	uint64_t size; /* octets of one */
};

/* control/sievescripts (100) and control/sievesize (65536): before the jail. */
struct scripts_limits scripts_limits(void);

/* control/sieveredirects (4): those of a script that runs, before the jail. */
uint64_t scripts_redirects_max(void);

/* Pure: may a script have that name? */
bool scripts_is_name(struct span name);

/* Append a script's text, at most text->max octets of it. */
enum scripts_status scripts_read(
    int maildir, struct span name, struct buf *text);

/* Append the active one's name; SCRIPTS_NONEXISTENT: there is none. */
enum scripts_status scripts_active(int maildir, struct buf *name);

/* Hand out each; false if take returned false, or with errno set. */
bool scripts_list(int maildir,
    bool (*take)(void *context, struct span name, bool is_active),
    void *context);

/* Would it be taken, RFC 5804 section 2.5? */
enum scripts_status scripts_have_space(int maildir,
    const struct scripts_limits *limits, struct span name, uint64_t size);
enum scripts_status scripts_put(int maildir,
    const struct scripts_limits *limits, struct span name, struct span text);
enum scripts_status scripts_delete(int maildir, struct span name);
enum scripts_status scripts_rename(
    int maildir, struct span from, struct span to);
/* name "": none is. */
enum scripts_status scripts_set_active(int maildir, struct span name);

#endif
