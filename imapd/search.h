#ifndef IMAPD_SEARCH_H
#define IMAPD_SEARCH_H

/*
 * search - what SEARCH, SORT and THREAD have in common.
 */

#include "imapd/parse.h"

/*
 * A character set and the space behind it.  *failure is what to answer if it
 * is neither UTF-8 nor a part of it (RFC 9051 section 6.4.4); else unchanged.
 */
bool search_parse_charset(struct parse *parse, const char **failure);

#endif
