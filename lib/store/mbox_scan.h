#ifndef STORE_MBOX_SCAN_H
#define STORE_MBOX_SCAN_H

/*
 * mbox_scan - where the messages of an mbox are (RFC 4155, mboxrd quoting).
 *
 * Grammar  a message begins with a line "From ..." at the start of the file or
 *          after an empty line; the empty line before the next one is not the
 *          message's.  ">From ", with any number of ">", loses one.
 * Hash     of the bytes of the message without those header fields in which
 *          mail readers keep their own state (Status, X-UID, ...).
 */

#include "store/store_kind.h"

struct mbox_message {
	uint64_t from;  /* offset of its "From " line */
	uint64_t start; /* of the message */
	uint64_t end;   /* of the message */
	uint64_t octets;
	char hash[STORE_HASH_LEN + 1];
	uint32_t uid;              /* of X-UID; 0: none */
	char x_uidl[UIDL_MAX + 1]; /* of the first X-UIDL; "": none or bad */
};

struct mbox_list {
	struct mbox_message *messages;
	size_t count;
	uint64_t size;         /* of the file */
	uint32_t uid_validity; /* of X-IMAPbase or X-IMAP; 0: none */
};

/* False with errno set (EBADMSG: no mbox), and *list empty. */
bool mbox_scan(int fd, struct mbox_list *list);
void mbox_list_free(struct mbox_list *list);

/* Hand the message over, unquoted; as crlf_add, or false with errno set. */
bool mbox_unquote(int fd, const struct mbox_message *message, struct crlf *out);

/* Is it still where it was? -1 with errno set. */
int mbox_is_there(int fd, const struct mbox_message *message);

#endif
