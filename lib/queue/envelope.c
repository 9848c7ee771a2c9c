#include "queue/envelope.h"

static enum envelope_status
take_message_record(struct envelope *envelope, char tag, struct span value)
{
	switch (tag) {
	case 'B':
		envelope->body = value;
		return ENVELOPE_OK;
	case 'U':
		envelope->needs_utf8 = true;
		return ENVELOPE_OK;
	case 'E':
		envelope->envid = value;
		return ENVELOPE_OK;
	case 'R':
		envelope->ret = value;
		return ENVELOPE_OK;
	case 'H':
		envelope->message_id = value;
		return ENVELOPE_OK;
	case 'C':
		envelope->client = value;
		return ENVELOPE_OK;
	case 'A':
		envelope->authenticated = value;
		return ENVELOPE_OK;
	case 'I':
		envelope->has_uid = true;
		return span_number(value, 10, UINT32_MAX, &envelope->uid)
			   ? ENVELOPE_OK
			   : ENVELOPE_SYNTAX;
	default:
		return ENVELOPE_SYNTAX;
	}
}

static enum envelope_status
check_recipients(struct envelope *envelope)
{
	struct span rest = envelope->recipients;
	struct span value;
	char tag;

	while (rest.len > 0) {
		if (!record_next(&rest, &tag, &value))
			return ENVELOPE_SYNTAX;
		if (tag == 'T' &&
		    (value.len == 0 || value.len > ENVELOPE_ADDRESS_MAX))
			return value.len == 0 ? ENVELOPE_SYNTAX
					      : ENVELOPE_ADDRESS_TOO_LONG;
		if (tag == 'T')
			envelope->recipient_count++;
		else if (tag != 'O' && tag != 'N' && tag != 'M')
			return ENVELOPE_SYNTAX;
	}
	if (envelope->recipient_count > ENVELOPE_RECIPIENTS_MAX)
		return ENVELOPE_TOO_MANY;
	return envelope->recipient_count > 0 ? ENVELOPE_OK
					     : ENVELOPE_NO_RECIPIENT;
}

enum envelope_status
envelope_parse(struct span bytes, struct envelope *envelope)
{
	struct span rest = bytes;
	struct span value;
	char tag;

	*envelope = (struct envelope){ .has_uid = false };
	if (bytes.len < 2 || bytes.ptr[bytes.len - 1] != '\0' ||
	    bytes.ptr[bytes.len - 2] != '\0')
		return ENVELOPE_TRUNCATED;
	rest.len--; /* the closing empty record */
	if (!record_next(&rest, &tag, &value) || tag != 'F')
		return ENVELOPE_SYNTAX;
	if (value.len > ENVELOPE_ADDRESS_MAX)
		return ENVELOPE_ADDRESS_TOO_LONG;
	envelope->sender = value;
	while (rest.len > 0 && rest.ptr[0] != 'T') {
		enum envelope_status status =
		    record_next(&rest, &tag, &value)
			? take_message_record(envelope, tag, value)
			: ENVELOPE_SYNTAX;

		if (status != ENVELOPE_OK)
			return status;
	}
	envelope->recipients = rest;
	return check_recipients(envelope);
}

const char *
envelope_status_text(enum envelope_status status)
{
	switch (status) {
	case ENVELOPE_OK:
		return "envelope accepted";
	case ENVELOPE_TRUNCATED:
		return "envelope is cut short";
	case ENVELOPE_SYNTAX:
		return "envelope has a record that is not in envelope(5)";
	case ENVELOPE_NO_RECIPIENT:
		return "envelope has no recipient";
	case ENVELOPE_TOO_MANY:
		return "envelope has too many recipients";
	case ENVELOPE_ADDRESS_TOO_LONG:
		return "envelope has an address over its limit";
	}
	return "envelope is broken";
}

bool
envelope_next(struct span *rest, struct recipient *recipient)
{
	struct span value;
	char tag;

	if (!record_next(rest, &tag, &value))
		return false;
	*recipient = (struct recipient){ .address = value };
	while (rest->len > 0 && rest->ptr[0] != 'T' &&
	       record_next(rest, &tag, &value)) {
		if (tag == 'O')
			recipient->original = value;
		else if (tag == 'N')
			recipient->notify = value;
		else if (tag == 'M')
			recipient->is_mailbox = true;
	}
	return true;
}

void
envelope_add_sender(struct buf *buf, struct span sender)
{
	record_add(buf, 'F', sender);
}

void
envelope_add_recipient(struct buf *buf, const struct recipient *recipient)
{
	record_add(buf, 'T', recipient->address);
	if (recipient->original.len > 0)
		record_add(buf, 'O', recipient->original);
	if (recipient->notify.len > 0)
		record_add(buf, 'N', recipient->notify);
	if (recipient->is_mailbox)
		record_add_string(buf, 'M', "1");
}

void
envelope_end(struct buf *buf)
{
	buf_add_char(buf, '\0');
}
