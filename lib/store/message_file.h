#ifndef STORE_MESSAGE_FILE_H
#define STORE_MESSAGE_FILE_H

/*
 * message_file - a message's bytes as IMAP hands them out: CRLF line ends,
 * 0x80 for NUL, nothing added at the end.
 */

#include "mail/mime.h"

enum {
	MESSAGE_BLOCK = 65536,
	MESSAGE_HEADER_MAX = 1 << 20 /* of which fields are picked */
};

/*
 * Append the header, its empty line included, as it stands in the file; all of
 * what MESSAGE_HEADER_MAX allows.  False with errno set.
 */
bool message_read_header(int fd, struct buf *header);

/* Feed all of the file to mime, and finish it; false with errno set. */
bool message_parse(int fd, struct mime *mime);

/* A place in a file, on both scales. */
struct message_place {
	uint64_t raw;
	uint64_t wire;
};

/*
 * Hand out octets [offset, offset + length) of what lies between raw offsets
 * from and to.  *place, if it is between from and offset, saves reading what
 * is before it, and is set to where the reading ended; its wire counts from
 * from.  False if take was, or with errno set.
 */
struct message_range {
	uint64_t from;
	uint64_t to; /* UINT64_MAX: the end */
	uint64_t offset;
	uint64_t length;
};
bool message_emit(int fd, const struct message_range *range,
    struct message_place *place, bool (*take)(void *context, struct span piece),
    void *context);

/* The size of what lies between two raw offsets; false with errno set. */
bool message_octets(int fd, uint64_t from, uint64_t to, uint64_t *octets);

/* Hand out the bytes between two raw offsets as they stand. */
bool message_each_piece(int fd, uint64_t from, uint64_t to,
    bool (*take)(void *context, struct span piece), void *context);

#endif
