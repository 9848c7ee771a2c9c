#ifndef MAIL_UTF8_H
#define MAIL_UTF8_H

/*
 * utf8 - characters of UTF-8, RFC 3629: no surrogates, no long forms, nothing
 * above U+10FFFF.
 */

#include "base/buf.h"

#define UTF8_NONE        UINT32_MAX
#define UTF8_REPLACEMENT 0xfffd

/*
 * Take the next character off *rest, which must not be empty.  UTF8_NONE if
 * it does not begin with one: then one byte was taken.
 */
uint32_t utf8_next(struct span *rest);

/* Append a character; U+FFFD for what is none. */
void utf8_add(struct buf *into, uint32_t character);

bool utf8_is_valid(struct span text);

/* Append text; each byte that belongs to no character becomes U+FFFD. */
void utf8_add_clean(struct buf *into, struct span text);

/* text without the start of a character that its end may have cut off. */
struct span utf8_whole(struct span text);

/*
 * Append text as it is compared: i;unicode-casemap (RFC 5051), each character
 * in its title case and decomposed (NFKD without reordering).  What is no
 * UTF-8 stays.
 */
void utf8_add_folded(struct buf *into, struct span text);

/* The letters of ASCII alone, as i;ascii-casemap has them (RFC 4790 section
 * 9.2): other bytes stay. */
void utf8_add_ascii_folded(struct buf *into, struct span text);

#endif
