#ifndef MAIL_CHARSET_UNICODE_H
#define MAIL_CHARSET_UNICODE_H

/*
 * charset_unicode - UTF-16 (RFC 2781) and UTF-7 (RFC 2152), as charset_wide
 * has its sets: the contract is charset_wide_take's.
 *
 * Lenient  UTF-16 without a mark is big-endian; a '+' that begins nothing
 *          stands for itself.
 */

#include "mail/charset_wide.h"

size_t charset_utf16_take(enum charset_wide set, unsigned *mode,
    struct span text, uint32_t *character);
size_t charset_utf7_take(unsigned *mode, struct span text, uint32_t *character);

#endif
