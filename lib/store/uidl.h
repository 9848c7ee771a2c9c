#ifndef STORE_UIDL_H
#define STORE_UIDL_H

/*
 * uidl - the unique ids (RFC 1939 section 7) that another POP3 server gave.
 *
 * Formats  as Dovecot's pop3_uidl_format: %u UID, %v UIDVALIDITY, %f the
 *          file's name up to the ':', %g the GUID; between the '%' and the
 *          letter, 0 and a width fill up with zeros, and X makes a number
 *          hexadecimal, in small letters as Dovecot's are; %% is a '%'.  All
 *          else stands for itself.  "X-UIDL" alone is the value of that header
 *          field, as qpopper and others leave it in an mbox.
 * Limits   a unique id has 1 to 70 bytes from 0x21 to 0x7e.
 */

#include "base/control.h"

enum {
	UIDL_MAX = 70,
	UIDL_FORMATS_MAX = 8
};

/* In the order in which they are tried. */
struct uidl_formats {
	struct span formats[UIDL_FORMATS_MAX]; /* the list's, or the caller's */
	size_t count;
	struct control_list list;
};

/* What is known of a message; 0 or empty if it is not. */
struct uidl_facts {
	uint32_t uid;
	uint32_t uid_validity;
	struct span name;
	struct span guid;
	struct span saved; /* its unique id itself: tried before all formats */
	struct span x_uidl;
};

/* What control/pop3uidl says; nonsense ends the program, as in control.h. */
void uidl_formats_read(struct uidl_formats *formats);
void uidl_formats_free(struct uidl_formats *formats);

bool uidl_is_valid(struct span uidl);
bool uidl_is_format(struct span format);

/*
 * Put the unique id of a message with these facts into an empty buf; false, and
 * the buf is empty, if no format has what it asks for.
 */
bool uidl_make(struct buf *into, const struct uidl_formats *formats,
    const struct uidl_facts *facts);

#endif
