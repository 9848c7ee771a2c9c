#ifndef IMAPD_URL_SOURCE_H
#define IMAPD_URL_SOURCE_H

/*
 * url_source - the message or part of the account that a URL names, for
 * CATENATE and URLFETCH: no flag is set, and no folder selected.
 *
 * Memory   the folder that was named last stays open for the next URL, until
 *          url_source_free.
 */

#include "imapd/section.h"
#include "imapd/session.h"
#include "mail/imapurl.h"

struct url_source {
	struct folder *folder; /* NULL: none */
	struct buf name;
	size_t i; /* of the message that was found last */
	struct fetch_request request;
	struct section section; /* of it; its memory is request's and text's */
	struct buf text;
	bool has_request;
};

struct url_source url_source_new(void);
void url_source_free(struct url_source *source);

/* Open a folder of the account, in which the URL's message must be, and take
 * apart which section it names; false if there is none. */
bool url_source_find(struct session *session, struct url_source *source,
    struct span folder, const struct imapurl *url);

/*
 * Open that section, in this form; length: octets from url->offset on.  What
 * has no encoding, a header or a multipart's text, is as it was sent in either
 * form.  As folder_section_open.
 */
enum account_status url_source_open(struct url_source *source,
    const struct imapurl *url, enum section_form form,
    struct folder_section **opened, uint64_t *length);

#endif
