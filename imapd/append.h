#ifndef IMAPD_APPEND_H
#define IMAPD_APPEND_H

/*
 * append - what APPEND's grammar (append.c), the messages' octets
 * (append_message.c) and CATENATE's URLs (catenate.c) share.
 *
 * Trouble  the first one is kept and answered at the command's end; what
 *          follows is read and dropped, but for a literal that the client
 *          would send only when asked.
 */

#include "imapd/url_source.h"

struct appending {
	struct session *session;
	struct folder_append *append;
	struct buf name;     /* of the folder that they go to */
	struct buf reason;   /* what failure may point into */
	const char *failure; /* NULL: none so far */
	size_t count;
	uint32_t rights;    /* on that folder */
	uint64_t octets;    /* of the message that comes in */
	bool is_replace;    /* RFC 8508 */
	bool is_in_utf8;    /* UTF8 (~{N}: RFC 6855 section 4 */
	bool is_in_parts;   /* CATENATE (: RFC 4469 */
	bool wants_literal; /* behind what was just read */
	struct url_source source;
};

void append_fail(struct appending *appending, const char *failure);

/* The next message; its octets follow. */
void append_begin_message(struct appending *appending, uint32_t flags,
    const struct span *keywords, size_t keyword_count, int64_t date_s);

/* So many octets more: is the message too large, or the quota used up? */
void append_ask_room(struct appending *appending, uint64_t octets);
void append_octets(struct appending *appending, struct span octets);
void append_end_message(struct appending *appending);

/* What a literal brings.  False: the client is gone, or will not send it after
 * what it is told. */
bool append_take_literal(
    struct appending *appending, const struct literal *literal);

/* All messages are here: the command's answer. */
void append_finish(struct appending *appending);
void append_free(struct appending *appending);

/* The octets that a URL names, RFC 4469. */
void catenate_url(struct appending *appending, struct span text);

#endif
