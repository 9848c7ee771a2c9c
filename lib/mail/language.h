#ifndef MAIL_LANGUAGE_H
#define MAIL_LANGUAGE_H

/*
 * language - what imapd and pop3d say to people, in a language that they ask
 * for: LANGUAGE (RFC 5255 section 3), LANG (RFC 6856 section 3).
 *
 * The sources say all in English; a text that has no row is said so.
 */

#include "base/buf.h"

enum language {
	LANGUAGE_DEFAULT, /* i-default, RFC 2277: English in ASCII */
	LANGUAGE_ENGLISH,
	LANGUAGE_SPANISH,
	LANGUAGE_COUNT
};

/* "es"; and what it is called in itself: "Español". */
const char *language_tag(enum language language);
const char *language_name(enum language language);

/*
 * The language that a basic language range asks for: of "es-MX" it is "es"
 * (RFC 4647 section 3.4).  False, and nothing is changed, if there is none.
 */
bool language_find(struct span range, enum language *language);

/* A text in that language: one that is constant. */
const char *language_say(enum language language, const char *english);

/* "NO [CODE] text", "-ERR [CODE] text": the text of it is said so. */
void language_add_reply(
    struct buf *into, enum language language, const char *reply);

#endif
