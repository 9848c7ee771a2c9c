#include "send/judge.h"

#include <stdio.h>
#include <string.h>

void
judge_give(struct connection *connection, struct verdicts *verdicts,
    size_t index, enum verdict_kind kind, const char *code)
{
	const struct smtp_client *client = &connection->client;
	char text[1024];

	snprintf(text, sizeof(text), "%s%s %.*s", connection->server,
	    client->code == 0 ? ":" : " said:", (int)client->text.len,
	    client->text.len == 0 ? "" : client->text.data);
	if (index == ALL_THE_REST)
		verdicts_give_rest(verdicts, kind, code, text);
	else
		verdicts_give(verdicts, index, kind, code, text);
}

/*
 * No TLS was to be had where it is offered, so we try in clear; a host that
 * will not have that has not said no to a message by TLS.
 */
static bool
may_want_tls(const struct connection *connection)
{
	const struct smtp_client *client = &connection->client;

	return connection->is_fallback &&
	       (client->code == 530 ||
		   (client->code >= 500 &&
		       strncmp(client->status, "5.7.", 4) == 0));
}

void
judge_reply(
    struct connection *connection, struct verdicts *verdicts, size_t index)
{
	struct smtp_client *client = &connection->client;

	if (client->code == 0)
		judge_give(connection, verdicts, index, VERDICT_LATER, "4.4.2");
	else if ((client->code == 530 && connection->is_route) ||
		 may_want_tls(connection))
		/* It wants a login or TLS: a setting of ours is missing. */
		judge_give(connection, verdicts, index, VERDICT_LATER, "4.7.0");
	else if (client->code >= 500)
		judge_give(connection, verdicts, index, VERDICT_FAILED,
		    smtp_status(client));
	else if (client->code >= 400)
		judge_give(connection, verdicts, index, VERDICT_LATER,
		    smtp_status(client));
	else
		judge_give(connection, verdicts, index, VERDICT_LATER, "4.5.0");
}
