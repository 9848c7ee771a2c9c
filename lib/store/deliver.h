#ifndef STORE_DELIVER_H
#define STORE_DELIVER_H

/*
 * deliver - one message on its way into a mailbox, as the mailbox's owner.
 *
 * The message is length bytes at offset of an open file; it gets two lines
 * before it, Return-Path (RFC 5321 section 4.4) and Delivered-To (RFC 9228).
 * In the plain form of queue(5) the file holds them already.
 */

#include <sys/types.h>

#include "base/buf.h"
#include "base/io.h"

struct deliver_message {
	int fd;            /* the queue file, for pread */
	uint64_t offset;   /* of the message in it */
	uint64_t length;   /* bytes */
	bool is_whole;     /* the whole file is the mailbox file (plain form) */
	bool may_be_there; /* a retry: look for an earlier delivery */
	struct span sender;
	struct span recipient;
	/* fd is no file of the queue's: a copy may be left to the sync of the
	 * file system that queue_fd is on. */
	bool is_edited;
	int queue_fd;
	/* A Maildir: flags of its name, in cur/ then; NULL: it is in new/. */
	const char *letters;
};

enum deliver_status {
	DELIVER_SYNCED, /* in the mailbox and on stable storage */
	DELIVER_LINKED, /* in the mailbox; a sync of the message's own file */
			/* system makes it stable */
	DELIVER_BUSY,   /* locked by someone else for too long */
	DELIVER_ERROR   /* errno; nothing was delivered */
};

/* Append the two lines; false if an address could not stand in a header. */
bool deliver_add_head(struct buf *head, const struct deliver_message *message);

#endif
