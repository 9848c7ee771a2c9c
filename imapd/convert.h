#ifndef IMAPD_CONVERT_H
#define IMAPD_CONVERT_H

/*
 * convert - the responses of CONVERT, RFC 5259 sections 8 and 9.
 */

#include "imapd/convert_request.h"
#include "imapd/session.h"

/* "* N CONVERTED (TAG "t") (...)" of message i; counts what became of it. */
struct convert_counts {
	size_t done;
	size_t failed;
	size_t for_now; /* of those that failed */
	bool is_gone;   /* a message */
};
void put_converted(struct session *session,
    const struct convert_request *request, size_t i,
    struct convert_counts *counts);

#endif
