#include "store/deliver.h"

#include <errno.h>

#include "mail/header.h"

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
