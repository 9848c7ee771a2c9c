#ifndef SERVICE_OAUTH_H
#define SERVICE_OAUTH_H

/*
 * oauth - what a client sends as OAUTHBEARER (RFC 7628 section 3.1) or
 * XOAUTH2 (Google's, the same without the header of GS2).
 *
 * Memory  token points into the message; name is the caller's.
 */

#include "base/buf.h"

/*
 * Append the user's name to *name and set *token; false if the message is not
 * such a one, or names no user.
 */
bool oauth_parse_bearer(
    struct span message, struct buf *name, struct span *token);
bool oauth_parse_xoauth2(
    struct span message, struct buf *name, struct span *token);

#endif
