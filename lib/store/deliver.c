#include "store/deliver.h"

#include <errno.h>
#include <unistd.h>

#include "mail/header.h"

enum {
	PIECE_SIZE = 65536
};

bool
deliver_add_head(struct buf *head, const struct deliver_message *message)
{
	if (!header_is_safe(message->sender) ||
	    !header_is_safe(message->recipient)) {
		errno = EBADMSG;
		return false;
	}
	buf_add_string(head, "Return-Path: <");
	buf_add(head, message->sender);
	buf_add_string(head, ">\nDelivered-To: ");
	buf_add(head, message->recipient);
	buf_add_string(head, "\n");
	return !head->overflow;
}

bool
deliver_each_piece(const struct deliver_message *message,
    bool (*take)(void *context, struct span piece), void *context)
{
	uint64_t offset = message->offset;
	uint64_t left = message->length;
	char bytes[PIECE_SIZE];

	while (left > 0) {
		size_t want = left < PIECE_SIZE ? (size_t)left : PIECE_SIZE;
		ssize_t got = pread(message->fd, bytes, want, (off_t)offset);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == 0)
			errno = EIO;
		if (got <= 0 ||
		    !take(context, (struct span){ bytes, (size_t)got }))
			return false;
		offset += (uint64_t)got;
		left -= (uint64_t)got;
	}
	return true;
}
