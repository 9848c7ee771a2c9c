#include "queue/envelope.h"

#include "mail/header.h"
#include "mail/verp.h"
#include "mail/xtext.h"

enum {
	PRIORITY_MAX = 9
};

bool
deliver_by_parse(struct span value, struct deliver_by *by)
{
	uint64_t seconds;

	if (!span_number(span_cut(&value, ' '), 10, INT64_MAX, &seconds) ||
	    value.len < 1 || value.len > 2 ||
	    (value.ptr[0] != 'R' && value.ptr[0] != 'N') ||
	    (value.len == 2 && value.ptr[1] != 'T'))
		return false;
	*by = (struct deliver_by){ .mode = value.ptr[0],
		.is_traced = value.len == 2,
		.time = (int64_t)seconds };
	return true;
}

void
deliver_by_add(struct buf *buf, const struct deliver_by *by)
{
	struct buf value = buf_new(64);

	buf_printf(&value, "%lld %c%s", (long long)by->time, by->mode,
	    by->is_traced ? "T" : "");
	record_add(buf, 'D', buf_span(&value));
	buf_free(&value);
}

void
priority_add(struct buf *buf, char tag, int priority)
{
	struct buf value = buf_new(8);

	if (priority != 0) {
		buf_printf(&value, "%d", priority);
		record_add(buf, tag, buf_span(&value));
	}
	buf_free(&value);
}

bool
priority_parse(struct span value, int *priority)
{
	bool is_negative = value.len > 0 && value.ptr[0] == '-';
	uint64_t number;

	if (!span_number(span_slice(value, is_negative, value.len), 10,
		PRIORITY_MAX, &number))
		return false;
	*priority = is_negative ? -(int)number : (int)number;
	return true;
}

static bool
take_number(struct span value, int64_t *number)
{
	uint64_t found;

	if (!span_number(value, 10, INT64_MAX, &found))
		return false;
	*number = (int64_t)found;
	return true;
}

static bool
take_span(struct span value, struct span *into)
{
	*into = value;
	return header_is_safe(value);
}

/* False if the record, or its value, is none of ours. */
static bool
take_message_record(struct envelope *envelope, char tag, struct span value)
{
	switch (tag) {
	case 'B':
		return take_span(value, &envelope->body);
	case 'U':
		envelope->needs_utf8 = true;
		return true;
	case 'E':
		return take_span(value, &envelope->envid) &&
		       value.len <= XTEXT_ENVID_MAX &&
		       span_index(value, ' ') == value.len;
	case 'R':
		return take_span(value, &envelope->ret);
	case 'Q':
		envelope->requires_tls = true;
		return true;
	case 'W':
		return take_number(value, &envelope->hold_until);
	case 'D':
		return deliver_by_parse(value, &envelope->by);
	case 'P':
		return priority_parse(value, &envelope->priority);
	case 'S':
		return take_span(value, &envelope->solicitation) &&
		       value.len <= ENVELOPE_SOLICITATION_MAX &&
		       span_index(value, ' ') == value.len;
	case 'V':
		envelope->verp = value;
		return verp_is_delimiters(value);
	case 'H':
		return take_span(value, &envelope->message_id);
	case 'C':
		return take_span(value, &envelope->client);
	case 'A':
		return take_span(value, &envelope->authenticated);
	case 'I':
		envelope->has_uid = true;
		return span_number(value, 10, UINT32_MAX, &envelope->uid);
	default:
		return false;
	}
}

/* A recipient's own: ORCPT, NOTIFY, or that it is a mailbox. */
static bool
is_recipient_record(char tag, struct span value)
{
	switch (tag) {
	case 'O':
		return value.len <= XTEXT_ORCPT_MAX && header_is_safe(value) &&
		       span_index(value, ' ') == value.len;
	case 'N':
		for (size_t i = 0; i < value.len; i++)
			if (span_index(span_of("nsfd"), value.ptr[i]) == 4)
				return false;
		return value.len <= 3;
	case 'M':
		return true;
	default:
		return false;
	}
}

static bool
is_too_long(const struct envelope *envelope, struct span address)
{
	size_t length = envelope->verp.len > 0
			    ? verp_length_max(envelope->sender, address)
			    : address.len;

	return length > ENVELOPE_ADDRESS_MAX;
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
		if (tag == 'T' && value.len == 0)
			return ENVELOPE_SYNTAX;
		if (tag == 'T' && is_too_long(envelope, value))
			return ENVELOPE_ADDRESS_TOO_LONG;
		if (tag == 'T')
			envelope->recipient_count++;
		else if (!is_recipient_record(tag, value))
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
		if (!record_next(&rest, &tag, &value) ||
		    !take_message_record(envelope, tag, value))
			return ENVELOPE_SYNTAX;
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

void
envelope_add_of_user(struct buf *into, struct span given, const unsigned *uid)
{
	struct span value;
	char tag;
	bool has_recipient = false;

	while (record_next(&given, &tag, &value)) {
		has_recipient = has_recipient || tag == 'T';
		if (!has_recipient && (tag == 'I' || tag == 'C' || tag == 'A'))
			continue;
		record_add(into, tag, value);
		if (tag == 'F' && !has_recipient && uid != NULL)
			record_add_number(into, 'I', *uid);
	}
	envelope_end(into);
}
