#ifndef IMAPD_URL_H
#define IMAPD_URL_H

/*
 * url - relative IMAP URLs of a message or a part of it, as CATENATE takes
 * them (RFC 4469 section 3, RFC 5092 section 11):
 *
 *   [FOLDER [;UIDVALIDITY=N] /] ;UID=N [/;SECTION=S] [/;PARTIAL=O[.L]]
 *
 * One with a scheme, a server or URLAUTH is none of these.
 *
 * Memory   spans point into decoded, which url_free gives back.
 */

#include "base/buf.h"

enum {
	URL_MAX = 4096
};

struct url {
	struct buf decoded;
	bool has_folder;       /* else it is the selected one */
	bool is_rooted;        /* it began with '/' */
	struct span folder;    /* UTF-8, without that '/' */
	uint32_t uid_validity; /* 0: any */
	uint32_t uid;
	struct span section; /* what stands in "BODY[...]" */
	uint64_t offset;
	uint64_t length; /* UINT64_MAX: to the end */
};

/* False: it is no such URL; url is then free. */
bool url_parse(struct url *url, struct span text);
void url_free(struct url *url);

#endif
