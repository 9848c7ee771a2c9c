#ifndef MAIL_HEADER_CONVERT_H
#define MAIL_HEADER_CONVERT_H

/*
 * header_convert - a header with its encoded words and its parameters of RFC
 * 2231 in another character set, RFC 5259 section 6.
 *
 * Kept   all else, folds too; but a field that has such parameters is written
 *        anew, without its comments.  A field that makes no sense stays.
 * Lines  of what is written anew have less than 78 bytes, as far as a
 *        parameter's name lets them.
 */

#include "mail/charset_writer.h"

/* Append the lines of header, which end with CRLF. */
void header_add_converted(struct buf *into, struct span header,
    struct charset_writer *writer, struct span charset);

#endif
