/*
 * write - the writing half of queue/file.h, used by queue-inject alone.
 */

#include <stdio.h>
#include <string.h>

#include "mail/header.h"
#include "queue/file.h"

static void
add_padding(struct buf *buf, uint64_t offset)
{
	uint64_t used = offset % QUEUE_SLOT_SIZE;

	for (; used > 0 && used < QUEUE_SLOT_SIZE; used++)
		buf_add_char(buf, '\n');
}

void
queue_add_tail(struct buf *tail, struct queue_sum *sum, uint64_t message_length,
    struct span envelope_bytes, const struct envelope *envelope)
{
	struct slot fresh = { .state = SLOT_WAITING };
	char slot[QUEUE_SLOT_SIZE];
	char trailer[QUEUE_TRAILER_SIZE + 1];

	queue_sum_add(sum, envelope_bytes);
	buf_add(tail, envelope_bytes);
	add_padding(tail, message_length + envelope_bytes.len);
	slot_format(&fresh, slot);
	for (size_t i = 0; i < envelope->recipient_count; i++)
		buf_add(tail, (struct span){ slot, sizeof(slot) });
	snprintf(trailer, sizeof(trailer),
	    "%s %016llx %08llx %08llx %016llx%*s\n", QUEUE_MAGIC,
	    (unsigned long long)message_length,
	    (unsigned long long)envelope_bytes.len,
	    (unsigned long long)envelope->recipient_count,
	    (unsigned long long)queue_sum_value(sum),
	    QUEUE_TRAILER_SIZE - 1 - (int)sizeof(QUEUE_MAGIC) + 1 - 17 - 9 - 9 -
		17,
	    "");
	buf_add(tail, (struct span){ trailer, QUEUE_TRAILER_SIZE });
}

bool
queue_add_plain_head(struct buf *head, const struct envelope *envelope)
{
	struct span rest = envelope->recipients;
	struct recipient recipient;

	if (envelope->recipient_count != 1 ||
	    !envelope_next(&rest, &recipient) || !recipient.is_mailbox ||
	    recipient.original.len > 0 || recipient.notify.len > 0 ||
	    envelope->envid.len > 0 || envelope->ret.len > 0 ||
	    envelope->requires_tls || envelope->hold_until > 0 ||
	    envelope->by.mode != 0 || envelope->priority != 0 ||
	    envelope->verp.len > 0 || !header_is_safe(recipient.address) ||
	    !header_is_safe(envelope->sender))
		return false;
	buf_add_string(head, "Return-Path: <");
	buf_add(head, envelope->sender);
	buf_add_string(head, ">\nDelivered-To: ");
	buf_add(head, recipient.address);
	buf_add_string(head, "\n");
	return true;
}
