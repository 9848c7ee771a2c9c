#ifndef MAIL_CHARSET_TABLES_H
#define MAIL_CHARSET_TABLES_H

/*
 * charset_tables - the upper halves of character sets of one byte, so that
 * they can be read in a jail and need no memory of a process.
 */

#include "base/span.h"

/*
 * Characters 0x80 to 0xff of the set with that name, ASCII case ignored; NULL
 * if there is no table of it.
 */
const uint16_t *charset_table(struct span name);

#endif
