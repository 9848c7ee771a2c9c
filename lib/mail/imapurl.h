#ifndef MAIL_IMAPURL_H
#define MAIL_IMAPURL_H

/*
 * imapurl - IMAP URLs of a message or a part of it.  Relative, as CATENATE
 * takes them (RFC 4469 section 3, RFC 5092 section 11):
 *
 *   [FOLDER [;UIDVALIDITY=N] /] ;UID=N [/;SECTION=S] [/;PARTIAL=O[.L]]
 *
 * One with a scheme, a server or URLAUTH is none of these.  Or one that carries
 * its authorization (RFC 4467 section 3, RFC 5092 section 6.1):
 *
 *   imap://OWNER[;AUTH=A]@HOST[:PORT]/FOLDER[...]/;UID=N[...]
 *       [;EXPIRE=DATE-TIME];URLAUTH=ACCESS[:MECHANISM:TOKEN]
 *
 * HOST is what the client calls this server by, and is not looked at.
 *
 * Limits   IMAPURL_MAX bytes.
 * Memory   spans point into decoded, which imapurl_free gives back; rump,
 *          mechanism and token into the text.
 */

#include "base/buf.h"

enum {
	IMAPURL_MAX = 4096
};

/* Whose session may use it, RFC 4467 section 3. */
enum imapurl_access {
	IMAPURL_SUBMIT, /* submit+USER: who submits mail for that user */
	IMAPURL_USER,   /* user+USER */
	IMAPURL_AUTHUSER,
	IMAPURL_ANONYMOUS
};

struct imapurl {
	struct buf decoded;
	bool has_folder;       /* else it is the selected one */
	bool is_rooted;        /* it began with '/' */
	struct span folder;    /* UTF-8, without that '/' */
	uint32_t uid_validity; /* 0: any */
	uint32_t uid;
	struct span section; /* what stands in "BODY[...]" */
	uint64_t offset;
	uint64_t length; /* UINT64_MAX: to the end */

	/* ---- of one that is authorized ---- */
	struct span owner; /* in UTF-8, like user */
	bool has_expiry;
	int64_t expires_s; /* seconds since 1970 */
	enum imapurl_access access;
	struct span user;      /* of submit+ and user+ */
	struct span rump;      /* all before ":MECHANISM:TOKEN" */
	struct span mechanism; /* empty: there is only the rump */
	struct span token;
};

/* A relative one.  False: it is none; url is then free. */
bool imapurl_parse(struct imapurl *url, struct span text);

/* One with URLAUTH, or the rump of one; the same. */
bool imapurl_parse_authorized(struct imapurl *url, struct span text);
void imapurl_free(struct imapurl *url);

/* As BADURL tells it, RFC 4469 section 5: any TEXT-CHAR but "]". */
void imapurl_add_shown(struct buf *into, struct span text);

#endif
