#ifndef NET_SOURCES_H
#define NET_SOURCES_H

/*
 * sources - control/sourceaddress: from which of our addresses a connection to
 * another host is made.
 *
 * Grammar  PATTERN ADDRESS [ADDRESS] a line: an IPv4 address, an IPv6 one, or
 *          one of each.  PATTERN is @DOMAIN for that domain's senders
 *          (@.DOMAIN: of all below it), a destination's DOMAIN or .DOMAIN, or
 *          * for all else.
 */

#include <netinet/in.h>

#include "base/control.h"

struct source {
	struct span pattern;
	bool has_ipv4;
	bool has_ipv6;
	struct in_addr ipv4;
	struct in6_addr ipv6;
};

/* Read the file.  A line without sense ends the program: control_complain. */
struct control_list sources_read(void);

/* False if line is none. */
bool source_parse(struct span line, struct source *source);

/*
 * The place, from 1, of the item that counts: the longest pattern that fits the
 * sender, else the longest that fits the destination, else *.  0: none.
 */
size_t sources_find(
    const struct control_list *list, struct span sender, struct span domain);

#endif
