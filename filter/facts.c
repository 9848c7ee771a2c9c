#include "filter/facts.h"

void
facts_init(struct facts *facts)
{
	struct buf text = buf_new(FACTS_TEXT_MAX);

	*facts = (struct facts){ .host = text,
		.service = text,
		.client = text,
		.name = text,
		.local = text,
		.helo = text,
		.tls = text,
		.user = text,
		.sender = text,
		.recipient = text,
		.recipients = buf_new(FACTS_RECIPIENTS_MAX),
		.id = text };
}

static void
set(struct buf *buf, struct span value)
{
	buf_clear(buf);
	buf_add(buf, value);
}

static void
forget_transaction(struct facts *facts)
{
	buf_clear(&facts->user);
	buf_clear(&facts->sender);
	buf_clear(&facts->recipient);
	buf_clear(&facts->recipients);
	buf_clear(&facts->id);
}

static void
take_connect(struct facts *facts, const struct filter_request *request)
{
	set(&facts->host, request->host);
	set(&facts->service, request->service);
	set(&facts->client, request->client);
	set(&facts->name, request->name);
	set(&facts->local, request->local);
	facts->client_port = request->client_port;
	facts->local_port = request->local_port;
	buf_clear(&facts->helo);
	forget_transaction(facts);
}

void
facts_take(struct facts *facts, const struct filter_request *request)
{
	switch (request->stage) {
	case FILTER_CONNECT:
		take_connect(facts, request);
		break;
	case FILTER_HELO:
		set(&facts->helo, request->helo);
		set(&facts->tls, request->tls);
		forget_transaction(facts);
		break;
	case FILTER_MAIL:
		forget_transaction(facts);
		set(&facts->sender, request->sender);
		set(&facts->user, request->user);
		break;
	case FILTER_RCPT:
		set(&facts->recipient, request->recipient);
		if (facts->recipients.len + request->recipient.len <
		    FACTS_RECIPIENTS_MAX) {
			buf_add(&facts->recipients, request->recipient);
			buf_add_char(&facts->recipients, '\n');
		}
		break;
	case FILTER_MESSAGE:
		set(&facts->id, request->id);
		facts->size = request->size;
		break;
	case FILTER_RESET:
		forget_transaction(facts);
		break;
	}
}

void
facts_drop_recipient(struct facts *facts)
{
	size_t len = facts->recipients.len;
	size_t end = facts->recipient.len + 1;

	if (len >= end)
		facts->recipients.len = len - end;
}
