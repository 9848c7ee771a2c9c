#ifndef SEND_FORM_H
#define SEND_FORM_H

/*
 * form - in what form a server can have a message.
 */

#include "send/commands.h"
#include "send/text.h"
#include "send/transaction.h"

struct form {
	struct telling telling;
	struct text text;
	struct text_facts facts;
};

/*
 * Has every address no byte that no command can hold?  A line end within one
 * would begin a command of its own.
 */
bool form_is_sendable(const struct delivery *delivery);

/*
 * As 8 bits or 7, with SMTPUTF8 or without, as what the server offers lets us.
 * False after a verdict for all.
 */
bool form_choose(struct form *form, const struct smtp_client *client,
    struct verdicts *verdicts);

#endif
