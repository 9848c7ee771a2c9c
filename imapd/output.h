#ifndef IMAPD_OUTPUT_H
#define IMAPD_OUTPUT_H

/*
 * output - what goes into a response.
 */

#include "imapd/session.h"

void put(struct session *session, const char *text);
void put_span(struct session *session, struct span text);
void put_number(struct session *session, uint64_t number);
void put_format(struct session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "* OK [CODE] text" and CRLF, the text in the session's language. */
void put_reply(struct session *session, const char *text);

/* A quoted string or a literal; NIL if ptr is NULL. */
void put_nstring(struct session *session, struct span text);

/* Octets of a section that were announced: if they do not come, the connection
 * is of no use any more. */
void put_octets(struct session *session, const struct folder_section *section,
    uint64_t offset, uint64_t length);

/* A folder's name, as the session writes it (UTF-8 or modified UTF-7). */
void put_name(struct session *session, struct span name);

/* "(\\Seen word ...)" */
void put_flags(struct session *session, const struct folder_message *message);

/*
 * "* VANISHED (EARLIER) ...": what vanished since modseq and is in set, all if
 * that has no range, but up to the UID above.
 */
void put_vanished_earlier(struct session *session, uint64_t modseq,
    const struct set *set, uint32_t above);

/* "* N FETCH (", or with UIDONLY "* UID UIDFETCH (" (RFC 9586 section 3). */
void put_fetch(struct session *session, size_t i);

/* What a section is of: "1.2.HEADER". */
struct section;
void put_section_name(struct session *session, const struct section *section);

/* "* N FETCH (FLAGS ...)", with UID and MODSEQ where they belong. */
void put_flag_news(struct session *session, size_t i);

/* "* N FETCH (...)" of "(ITEM ...)" and UID; \Seen is not set. */
void put_fetched(
    struct session *session, struct span items, const struct picks *picks);

/* "(N)" of MODSEQ, which session_news has to know of. */
void put_modseq_value(struct session *session, uint64_t modseq);

/* "* N FETCH (UID N MODSEQ (N))" */
void put_modseq(struct session *session, size_t i);

/* "\" 1-Feb-2024 10:20:30 +0000\"" */
void put_date_time(struct session *session, int64_t seconds);
void output_add_date_time(struct buf *into, int64_t seconds);

/*
 * The name that a client's text means, in UTF-8 and without a '/' at its end,
 * onto name; false if it can mean none.
 */
bool take_name(
    const struct session *session, struct span text, struct buf *name);

/* The same as the client writes it, a guest too: "Other Users/OWNER/NAME". */
bool take_shown_name(
    const struct session *session, struct span text, struct buf *name);

/* An astring that names a folder, onto name (of ACCOUNT_NAME_MAX).  False
 * after BAD or NO. */
bool parse_folder_name(
    struct session *session, struct parse *parse, struct buf *name);

#endif
