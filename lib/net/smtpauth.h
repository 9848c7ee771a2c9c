#ifndef NET_SMTPAUTH_H
#define NET_SMTPAUTH_H

/*
 * smtpauth - control/smtpauth: by which name and password we log in to the
 * hosts of control/smtproutes.
 *
 * Grammar  HOST SENDER USER PASSWORD a line, spaces between; the password is
 *          all the rest.  HOST is as smtproutes has it, a name or [ADDRESS],
 *          perhaps with :PORT; SENDER an address, @DOMAIN, or * for all.  A
 *          password that starts or ends with a space, has " #" in it, or
 *          begins with "base64:", is "base64:" and its base64.
 * Limits   SMTPAUTH_WORD_MAX bytes of a user's name or a password.
 */

#include "base/control.h"

enum {
	SMTPAUTH_WORD_MAX = 255
};

struct smtpauth {
	struct span host;
	uint16_t port; /* 0: any */
	struct span sender;
	struct span user;
	struct span password; /* as written: smtpauth_password decodes it */
};

/*
 * Read the file, which is a secret: as a line without sense, one that others
 * than its owner and group can read ends the program by control_complain.
 */
struct control_list smtpauth_read(void);

/*
 * A number that is another when the file is another; 0: there is none.  Ask
 * before the file is read.
 */
uint64_t smtpauth_stamp(void);

/* False if line is none.  *smtpauth points into line. */
bool smtpauth_parse(struct span line, struct smtpauth *smtpauth);

/* Append the password itself; wipe it afterwards. */
void smtpauth_password(const struct smtpauth *smtpauth, struct buf *password);

/* Is it for that host and port, of which host is in smtproutes' words? */
bool smtpauth_is_for(
    const struct smtpauth *smtpauth, struct span host, uint16_t port);

/*
 * The place, from 1, of the item that is for host, port and sender: a line
 * with the address counts before one with its domain, and that before *; of
 * equals the first.  0 if there is none; *is_for_host, if none of any sender.
 */
size_t smtpauth_find(const struct control_list *list, struct span host,
    uint16_t port, struct span sender, bool *is_for_host);

#endif
