#include "queue/remoteauth.h"

void
remoteauth_add_request(
    struct buf *buf, const struct remoteauth_request *request)
{
	switch (request->kind) {
	case REMOTEAUTH_BIND:
		record_add(buf, 'H', request->host);
		record_add_number(buf, 'P', request->port);
		return;
	case REMOTEAUTH_SELECT:
		record_add(buf, 'S', request->sender);
		return;
	case REMOTEAUTH_BEGIN:
		record_add_number(buf, 'L', request->line);
		record_add(buf, 'M', request->mechanisms);
		record_add(buf, 'B', request->binding);
		return;
	case REMOTEAUTH_CHALLENGE:
		record_add(buf, 'C', request->challenge);
		return;
	}
}

static bool
parse_bind(struct span packet, struct remoteauth_request *request)
{
	uint64_t port;

	request->kind = REMOTEAUTH_BIND;
	if (request->host.len == 0 ||
	    !record_find_number(packet, 'P', UINT16_MAX, &port))
		return false;
	request->port = (uint16_t)port;
	return true;
}

bool
remoteauth_parse_request(struct span packet, struct remoteauth_request *request)
{
	*request = (struct remoteauth_request){ .port = 0 };
	if (record_find(packet, 'H', &request->host))
		return parse_bind(packet, request);
	request->kind = REMOTEAUTH_SELECT;
	if (record_find(packet, 'S', &request->sender))
		return true;
	request->kind = REMOTEAUTH_CHALLENGE;
	if (record_find(packet, 'C', &request->challenge))
		return request->challenge.len <= REMOTEAUTH_TEXT_MAX;
	request->kind = REMOTEAUTH_BEGIN;
	return record_find_number(packet, 'L', UINT32_MAX, &request->line) &&
	       request->line > 0 &&
	       record_find(packet, 'M', &request->mechanisms) &&
	       record_find(packet, 'B', &request->binding) &&
	       request->mechanisms.len <= REMOTEAUTH_OFFER_MAX &&
	       request->binding.len <= REMOTEAUTH_TEXT_MAX;
}

void
remoteauth_add_step(struct buf *buf, const struct remoteauth_step *step)
{
	if (step->why.len > 0) {
		record_add(buf, 'X', step->why);
		return;
	}
	if (step->mechanism.len > 0)
		record_add(buf, 'M', step->mechanism);
	if (step->has_response)
		record_add(buf, 'R', step->response);
	if (step->is_proven)
		record_add_string(buf, 'Z', "");
	if (buf->len == 0) /* a packet has at least one byte */
		record_add_string(buf, 'M', "");
}

/* One command or line of SMTP: what could end it is not in it. */
static bool
is_visible(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
			return false;
	return text.len <= REMOTEAUTH_TEXT_MAX;
}

bool
remoteauth_parse_step(struct span packet, struct remoteauth_step *step)
{
	struct span empty;

	*step = (struct remoteauth_step){ .has_response = false };
	if (record_find(packet, 'X', &step->why))
		return step->why.len > 0;
	if (!record_find(packet, 'M', &step->mechanism))
		step->mechanism = span_of("");
	step->has_response = record_find(packet, 'R', &step->response);
	step->is_proven = record_find(packet, 'Z', &empty);
	return packet.len > 0 && is_visible(step->mechanism) &&
	       is_visible(step->response);
}

void
remoteauth_add_selected(
    struct buf *buf, const struct remoteauth_selected *selected)
{
	record_add_number(buf, 'N', selected->line);
	record_add_number(buf, 'T', selected->stamp);
	if (selected->is_end)
		record_add_string(buf, 'E', "");
}

bool
remoteauth_parse_selected(
    struct span packet, struct remoteauth_selected *selected)
{
	struct span empty;

	*selected = (struct remoteauth_selected){ .is_end = record_find(
						      packet, 'E', &empty) };
	return record_find_number(packet, 'N', UINT32_MAX, &selected->line) &&
	       record_find_number(packet, 'T', UINT64_MAX, &selected->stamp);
}
