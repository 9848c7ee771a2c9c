#ifndef SEND_TEXT_H
#define SEND_TEXT_H

/*
 * text - a message from its queue file to the wire, as it is or as 7 bits.
 */

#include "base/io.h"
#include "mail/transfer.h"

struct text {
	int fd;
	uint64_t offset;
	uint64_t length;
	bool is_converted; /* to 7 bits: RFC 6152 section 3 */
};

bool text_has_8bit(const struct text *text);

/* What conversion would make of it. */
struct text_prospect {
	bool is_read; /* false: the file could not be read, nothing is known */
	enum transfer_status status; /* TRANSFER_OK: it can be converted */
	bool has_wide_header;
	uint64_t length; /* of the result */
};

struct text_prospect text_foresee(const struct text *text);

/*
 * Write it with CRLF and doubled dots, and the dot that ends it (RFC 5321
 * section 4.5.2).  False if it cannot be read: the connection must be cut.
 */
bool text_write(const struct text *text, struct writer *out);

#endif
