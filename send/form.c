#include "send/form.h"

static bool
is_sendable(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return false;
	return true;
}

bool
form_is_sendable(const struct delivery *delivery)
{
	struct span rest = delivery->recipients;
	struct recipient recipient;

	if (!is_sendable(delivery->sender) || !is_sendable(delivery->envid))
		return false;
	while (envelope_next(&rest, &recipient))
		if (!is_sendable(recipient.address) ||
		    !is_sendable(recipient.original))
			return false;
	return true;
}

/* Every way to send it is closed, or (not readable) not known yet. */
static bool
refuse(struct verdicts *verdicts, const struct text_prospect *prospect,
    const char *code, const char *text)
{
	if (prospect->is_read)
		verdicts_give_rest(verdicts, VERDICT_FAILED, code, text);
	else
		verdicts_give_rest(verdicts, VERDICT_LATER, "4.3.0",
		    "the message cannot be read from the queue");
	return false;
}

/* RFC 6531 section 3.6: what needs no UTF-8 after all may go without. */
static bool
give_up_utf8(struct form *form, const struct text_prospect *prospect,
    struct verdicts *verdicts)
{
	const struct delivery *delivery = form->telling.delivery;
	struct span rest = delivery->recipients;
	struct recipient recipient;

	if (!prospect->is_read || prospect->has_wide_header ||
	    !command_is_ascii_address(delivery->sender))
		return refuse(verdicts, prospect, "5.6.7",
		    "the next host does not offer SMTPUTF8");
	for (size_t i = 0; envelope_next(&rest, &recipient); i++)
		if (!command_is_ascii_address(recipient.address))
			verdicts_give(verdicts, i, VERDICT_FAILED, "5.6.7",
			    "the next host does not offer SMTPUTF8, which "
			    "this address needs");
	form->telling.needs_utf8 = false;
	return verdicts->left > 0;
}

/* RFC 6152 section 3: as 7 bits, or not at all. */
static bool
give_up_8bit(struct form *form, const struct text_prospect *prospect,
    struct verdicts *verdicts)
{
	if (!prospect->is_read || prospect->status != TRANSFER_OK)
		return refuse(verdicts, prospect, "5.6.3",
		    "the next host does not offer 8BITMIME, and the message "
		    "cannot be converted to 7 bits");
	form->text.is_converted = true;
	form->telling.is_8bit = false;
	form->telling.size = prospect->length;
	return true;
}

bool
form_choose(struct form *form, const struct smtp_client *client,
    struct verdicts *verdicts)
{
	const struct delivery *delivery = form->telling.delivery;
	struct telling *telling = &form->telling;
	struct text_prospect prospect = { .is_read = true };
	/* What came without BODY= is looked at: it may hold such bytes too. */
	bool is_told = delivery->is_8bit && client->has_8bitmime;
	if (!is_told || client->has_chunking)
		form->facts = text_look(&form->text);
	bool has_8bit = is_told || form->facts.has_8bit;
	bool lacks_utf8 = delivery->needs_utf8 && !client->has_smtputf8;
	bool lacks_8bit = has_8bit && !client->has_8bitmime;

	telling->size = delivery->length;
	telling->is_8bit = has_8bit && client->has_8bitmime;
	telling->needs_utf8 = delivery->needs_utf8;
	if ((lacks_utf8 || lacks_8bit) && has_8bit)
		prospect = text_foresee(&form->text);
	if ((lacks_utf8 && !give_up_utf8(form, &prospect, verdicts)) ||
	    (lacks_8bit && !give_up_8bit(form, &prospect, verdicts)))
		return false;
	if (client->has_size && client->size_max > 0 &&
	    telling->size > client->size_max)
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.3.4",
		    "the message is over the next host's limit");
	return verdicts->left > 0;
}
