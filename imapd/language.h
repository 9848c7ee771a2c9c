#ifndef IMAPD_LANGUAGE_H
#define IMAPD_LANGUAGE_H

/*
 * language - LANGUAGE, RFC 5255 section 3.2, before the log-in and after it.
 */

#include "imapd/parse.h"
#include "mail/language.h"

/*
 * What stands behind "LANGUAGE".  take is given what goes before the tagged
 * answer, which is returned, to be said in *language as it is then.
 */
const char *language_command(struct parse *parse, enum language *language,
    void (*take)(void *context, const char *text), void *context);

#endif
