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

struct text_facts {
	bool is_read; /* false: the file could not be read, nothing is known */
	bool has_8bit;
	uint64_t wire_length; /* as text_write_chunk writes it */
};

/* Of a text that is not converted. */
struct text_facts text_look(const struct text *text);

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

/*
 * The same for BDAT (RFC 3030): of this length, no dot is doubled and none ends
 * it.
 */
bool text_write_chunk(
    const struct text *text, uint64_t wire_length, struct writer *out);

#endif
