#ifndef POP3D_TRANSFER_H
#define POP3D_TRANSFER_H

/*
 * transfer - a message as a multi-line reply: RFC 1939 section 3.
 */

#include "pop3d/conversation.h"
#include "store/store.h"

#define TRANSFER_WHOLE UINT64_MAX

enum transfer_status {
	TRANSFER_OK,
	TRANSFER_UNREADABLE, /* errno; nothing was sent: answer -ERR */
	TRANSFER_CUT         /* errno; half a reply was: close the connection */
};

/*
 * Send "+OK N octets", message i, byte-stuffed, and the last line "."; of its
 * body at most body_lines lines.
 */
enum transfer_status transfer_send(struct conversation *talk,
    struct store *store, size_t i, uint64_t body_lines);

#endif
