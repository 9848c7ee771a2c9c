#ifndef MAIL_UTF7_H
#define MAIL_UTF7_H

/*
 * utf7 - modified UTF-7, RFC 3501 section 5.1.3: folder names in ASCII.
 *
 * Each name has one form: what could be written in another is no name.
 * special holds ASCII characters that are encoded though they are printable,
 * as '.' is where it parts levels on disk; "" for IMAP itself.
 */

#include "base/buf.h"

/* Append text, which is UTF-8; false if it is none, or has control bytes. */
bool utf7_encode(struct buf *into, struct span text, const char *special);

/* Append what text means; false, and nothing appended, if it is no such text.
 */
bool utf7_decode(struct buf *into, struct span text, const char *special);

#endif
