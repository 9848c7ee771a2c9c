#include "queue/delivery.h"

#include <string.h>

struct recipient
delivery_recipient(const struct delivery *delivery)
{
	struct span rest = delivery->recipients;
	struct recipient recipient = { .address = { "", 0 } };

	envelope_next(&rest, &recipient);
	return recipient;
}

void
delivery_add(struct buf *buf, const struct delivery *delivery)
{
	record_add_number(buf, 'N', delivery->number);
	record_add_string(buf, 'I', delivery->id.text);
	record_add_number(buf, 'O', delivery->offset);
	record_add_number(buf, 'L', delivery->length);
	if (delivery->is_plain)
		record_add_string(buf, 'P', "1");
	if (delivery->is_8bit)
		record_add_string(buf, 'B', "8");
	if (delivery->needs_utf8)
		record_add_string(buf, 'U', "1");
	if (delivery->requires_tls)
		record_add_string(buf, 'Q', "1");
	if (delivery->envid.len > 0)
		record_add(buf, 'E', delivery->envid);
	if (delivery->ret.len > 0)
		record_add(buf, 'R', delivery->ret);
	if (delivery->by.mode != 0)
		deliver_by_add(buf, &delivery->by);
	priority_add(buf, 'Y', delivery->priority);
	if (delivery->solicitation.len > 0)
		record_add(buf, 'S', delivery->solicitation);
	record_add(buf, 'F', delivery->sender);
	buf_add(buf, delivery->recipients);
}

/* The records from the first T on, with ORCPT and NOTIFY after each. */
static bool
take_recipients(struct span packet, struct span *recipients)
{
	struct span rest = packet;
	struct span value;
	char tag;
	size_t count = 0;

	*recipients = (struct span){ "", 0 };
	while (rest.len > 0) {
		struct span here = rest;

		if (!record_next(&rest, &tag, &value))
			return false;
		if (tag == 'T' && count++ == 0)
			*recipients = here;
		else if (count > 0 && tag != 'T' && tag != 'O' && tag != 'N')
			return false;
	}
	return count > 0 && count <= DELIVERY_RECIPIENTS_MAX;
}

bool
delivery_parse(struct span packet, struct delivery *delivery)
{
	struct span value;

	*delivery = (struct delivery){ .number = 0 };
	delivery->is_plain = record_find(packet, 'P', &value);
	delivery->is_8bit = record_find(packet, 'B', &value);
	delivery->needs_utf8 = record_find(packet, 'U', &value);
	delivery->requires_tls = record_find(packet, 'Q', &value);
	record_find(packet, 'E', &delivery->envid);
	record_find(packet, 'R', &delivery->ret);
	record_find(packet, 'S', &delivery->solicitation);
	if (record_find(packet, 'D', &value))
		deliver_by_parse(value, &delivery->by);
	if (record_find(packet, 'Y', &value))
		priority_parse(value, &delivery->priority);
	return record_find(packet, 'I', &value) &&
	       queue_id_parse(value, &delivery->id) &&
	       record_find(packet, 'F', &delivery->sender) &&
	       record_find_number(packet, 'N', UINT64_MAX, &delivery->number) &&
	       record_find_number(packet, 'O', INT64_MAX, &delivery->offset) &&
	       record_find_number(packet, 'L', INT64_MAX, &delivery->length) &&
	       take_recipients(packet, &delivery->recipients);
}

void
verdict_add(struct buf *buf, const struct verdict *verdict)
{
	char kind = (char)verdict->kind;

	record_add_number(buf, 'N', verdict->number);
	record_add(buf, 'V', (struct span){ &kind, 1 });
	record_add(buf, 'C', span_slice(verdict->code, 0, 16));
	record_add(buf, 'R', span_slice(verdict->text, 0, DELIVERY_TEXT_MAX));
	if (verdict->action != ACTION_DELIVERED) {
		char action = (char)verdict->action;

		record_add(buf, 'A', (struct span){ &action, 1 });
	}
}

bool
verdict_parse(struct span packet, struct verdict *verdict)
{
	struct span kind;

	*verdict = (struct verdict){ .kind = VERDICT_LATER };
	if (!record_find(packet, 'V', &kind) || kind.len != 1 ||
	    strchr("KLZDU", kind.ptr[0]) == NULL)
		return false;
	verdict->kind = (enum verdict_kind)kind.ptr[0];
	if (record_find(packet, 'A', &kind)) {
		if (kind.len != 1 || strchr("PXARQ", kind.ptr[0]) == NULL)
			return false;
		verdict->action = (enum verdict_action)kind.ptr[0];
	}
	return record_find(packet, 'C', &verdict->code) &&
	       record_find(packet, 'R', &verdict->text) &&
	       record_find_number(packet, 'N', UINT64_MAX, &verdict->number);
}

bool
verdict_split_said(struct span text, struct span *host, struct span *reply)
{
	static const struct span said = { "] said: ", 8 };
	size_t bracket = 0; /* the last one: a host may be [ADDRESS], too */

	for (size_t i = 0; i + said.len <= text.len; i++) {
		if (text.ptr[i] == '[')
			bracket = i;
		if (!span_equal(span_slice(text, i, said.len), said))
			continue;
		*host = span_slice(text, 0, bracket);
		*reply = span_slice(text, i + said.len, text.len);
		return host->len > 0 && span_index(*host, ' ') == host->len;
	}
	return false;
}

void
channel_add_open(struct buf *buf, const struct channel_opening *opening)
{
	record_add(buf, 'H', opening->destination);
	if (opening->route.len > 0)
		record_add(buf, 'G', opening->route);
	if (opening->asks)
		record_add_string(buf, 'W', "1");
	if (opening->server.len > 0)
		record_add(buf, 'S', opening->server);
	if (opening->tls.len > 0)
		record_add(buf, 'T', opening->tls);
}

bool
channel_parse_open(struct span packet, struct channel_opening *opening)
{
	struct span value;

	*opening = (struct channel_opening){ .route = { "", 0 } };
	record_find(packet, 'G', &opening->route);
	record_find(packet, 'S', &opening->server);
	record_find(packet, 'T', &opening->tls);
	opening->asks = record_find(packet, 'W', &value);
	return record_find(packet, 'H', &opening->destination);
}

void
channel_add_host(struct buf *buf, struct span host)
{
	record_add(buf, 'M', host);
}

bool
channel_parse_host(struct span packet, struct span *host)
{
	return record_find(packet, 'M', host);
}

void
channel_add_ready(struct buf *buf)
{
	record_add_string(buf, 'E', "1");
}

bool
channel_is_ready(struct span packet)
{
	struct span value;

	return record_find(packet, 'E', &value);
}
