#include "send/commands.h"

#include "mail/domain.h"
#include "mail/xtext.h"

static void
add_parameter(struct buf *line, const char *name, struct span value)
{
	if (value.len == 0)
		return;
	buf_add_string(line, name);
	buf_add(line, value);
}

static void
write_line(struct smtp_client *client, struct buf *line)
{
	smtp_write(client, "%.*s", (int)line->len, line->data);
	buf_free(line);
}

static void
add_address(
    struct buf *line, const struct telling *telling, struct span address)
{
	if (telling->needs_utf8)
		buf_add(line, address);
	else
		domain_add_address(line, address);
	buf_add_char(line, '>');
}

void
command_mail(struct smtp_client *client, const struct telling *telling)
{
	const struct delivery *delivery = telling->delivery;
	struct buf line = buf_new(SMTP_COMMAND_MAX);
	const char *ret = span_equal(delivery->ret, span_of("F"))   ? "FULL"
			  : span_equal(delivery->ret, span_of("H")) ? "HDRS"
								    : "";

	struct span sender = delivery->sender;
	if (span_equal(sender, span_of(ENVELOPE_DOUBLE_BOUNCE)))
		sender = span_of("");
	buf_add_string(&line, "MAIL FROM:<");
	add_address(&line, telling, sender);
	if (client->has_size)
		buf_printf(
		    &line, " SIZE=%llu", (unsigned long long)telling->size);
	if (telling->is_8bit)
		buf_add_string(&line, " BODY=8BITMIME");
	if (telling->needs_utf8)
		buf_add_string(&line, " SMTPUTF8");
	if (telling->requires_tls)
		buf_add_string(&line, " REQUIRETLS");
	if (client->has_dsn) { /* RFC 3461 section 5.2.1 */
		add_parameter(&line, " RET=", span_of(ret));
		add_parameter(&line, " ENVID=", delivery->envid);
	}
	if (client->has_deliverby && delivery->by.mode != 0)
		buf_printf(&line, " BY=%lld;%c%s",
		    (long long)telling->by_seconds, delivery->by.mode,
		    delivery->by.is_traced ? "T" : "");
	if (client->has_mt_priority && delivery->priority != 0)
		buf_printf(&line, " MT-PRIORITY=%d", delivery->priority);
	if (client->has_no_soliciting) /* RFC 3865 */
		add_parameter(&line, " SOLICIT=", delivery->solicitation);
	write_line(client, &line);
}

static const char *
notify_word(char letter)
{
	switch (letter) {
	case 's':
		return "SUCCESS";
	case 'f':
		return "FAILURE";
	case 'd':
		return "DELAY";
	default:
		return "NEVER";
	}
}

/* RFC 6533 section 3: where UTF-8 may not go, in ASCII, or not at all. */
static void
add_original(
    struct buf *line, const struct telling *telling, struct span original)
{
	struct buf ascii = buf_new(XTEXT_ORCPT_MAX);

	if (telling->needs_utf8)
		add_parameter(line, " ORCPT=", original);
	else if (orcpt_add_ascii(&ascii, original) && !ascii.overflow)
		add_parameter(line, " ORCPT=", buf_span(&ascii));
	buf_free(&ascii);
}

void
command_rcpt(struct smtp_client *client, const struct telling *telling,
    const struct recipient *recipient)
{
	struct buf line = buf_new(SMTP_COMMAND_MAX);

	buf_add_string(&line, "RCPT TO:<");
	add_address(&line, telling, recipient->address);
	if (client->has_dsn) {
		for (size_t i = 0; i < recipient->notify.len; i++) {
			buf_add_string(&line, i == 0 ? " NOTIFY=" : ",");
			buf_add_string(
			    &line, notify_word(recipient->notify.ptr[i]));
		}
		add_original(&line, telling, recipient->original);
	}
	write_line(client, &line);
}

bool
command_is_ascii_address(struct span address)
{
	struct buf whole = buf_new(SMTP_COMMAND_MAX);

	domain_add_address(&whole, address);
	bool is_ascii = span_is_ascii(buf_span(&whole));
	buf_free(&whole);
	return is_ascii;
}
