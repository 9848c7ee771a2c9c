#include "net/smtp_client.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The keywords that say yes or no, whatever else some of them say. */
static const struct {
	const char *keyword;
	size_t flag;
} flags[] = { { "PIPELINING", offsetof(struct smtp_client, has_pipelining) },
	{ "8BITMIME", offsetof(struct smtp_client, has_8bitmime) },
	{ "CHUNKING", offsetof(struct smtp_client, has_chunking) },
	{ "SMTPUTF8", offsetof(struct smtp_client, has_smtputf8) },
	{ "SIZE", offsetof(struct smtp_client, has_size) },
	{ "DSN", offsetof(struct smtp_client, has_dsn) },
	{ "DELIVERBY", offsetof(struct smtp_client, has_deliverby) },
	{ "NO-SOLICITING", offsetof(struct smtp_client, has_no_soliciting) },
	{ "MT-PRIORITY", offsetof(struct smtp_client, has_mt_priority) },
	{ "STARTTLS", offsetof(struct smtp_client, has_starttls) },
	{ "REQUIRETLS", offsetof(struct smtp_client, has_requiretls) } };

static bool *
flag_at(struct smtp_client *client, size_t i)
{
	return (bool *)((char *)client + flags[i].flag);
}

/* The flag of a keyword; NULL: it is not known. */
static bool *
flag(struct smtp_client *client, struct span keyword)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (span_equal_nocase(keyword, span_of(flags[i].keyword)))
			return flag_at(client, i);
	return NULL;
}

bool
smtp_discard(struct smtp_client *client, struct span keyword)
{
	bool *known = flag(client, keyword);

	if (known != NULL)
		*known = false;
	else if (span_equal_nocase(keyword, span_of("LIMITS")))
		client->mails_max = client->recipients_max = 0;
	else if (span_equal_nocase(keyword, span_of("AUTH")))
		buf_clear(&client->mechanisms);
	else
		return false;
	return true;
}

static void
forget_keywords(struct smtp_client *client)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		*flag_at(client, i) = false;
	buf_clear(&client->mechanisms);
	client->size_max = client->by_min_s = 0;
	client->mails_max = client->recipients_max = 0;
}

void
smtp_open(struct smtp_client *client, int fd)
{
	reader_init(&client->in, fd, 0);
	writer_init(&client->out, fd, 0);
	client->in.peer = &client->out;
	client->line = buf_new(SMTP_LINE_MAX);
	client->text = buf_new(SMTP_TEXT_MAX);
	client->mechanisms = buf_new(SMTP_MECHANISMS_MAX);
	client->code = 0;
	client->status[0] = '\0';
	client->deadline_ms = 0;
	client->is_hello = client->is_lmtp = false;
	forget_keywords(client);
}

void
smtp_free(struct smtp_client *client)
{
	buf_free(&client->line);
	buf_free(&client->text);
	buf_free(&client->mechanisms);
}

void
smtp_write(struct smtp_client *client, const char *format, ...)
{
	char command[SMTP_COMMAND_MAX];
	va_list args;

	va_start(args, format);
	int len = vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(command)) {
		client->out.status = IO_TOO_LONG;
		return;
	}
	write_span(&client->out, (struct span){ command, (size_t)len });
	write_string(&client->out, "\r\n");
}

static unsigned
no_reply(struct smtp_client *client, const char *why)
{
	client->code = 0;
	client->status[0] = '\0';
	buf_clear(&client->text);
	buf_add_string(&client->text, why);
	return 0;
}

static void
add_text(struct buf *text, struct span part)
{
	size_t room = text->max - text->len;

	for (size_t i = 0; i < part.len && i < room; i++) {
		unsigned char c = (unsigned char)part.ptr[i];

		buf_add_char(text, c < ' ' || c == 0x7f ? ' ' : (char)c);
	}
}

/* "5.1.1 " after the code: RFC 2034, if class and code agree. */
static void
take_status(struct smtp_client *client, struct span text)
{
	struct span status = span_slice(text, 0, span_index(text, ' '));
	struct span rest = status;
	uint64_t number;

	client->status[0] = '\0';
	if (status.len < 5 || status.len >= sizeof(client->status) ||
	    (unsigned)(status.ptr[0] - '0') != client->code / 100)
		return;
	for (int i = 0; i < 3; i++)
		if (!span_number(span_cut(&rest, '.'), 10, 999, &number))
			return;
	if (rest.len > 0)
		return;
	memcpy(client->status, status.ptr, status.len);
	client->status[status.len] = '\0';
}

/* RFC 9422: NAME=VALUE, those that are known. */
static void
take_limits(struct smtp_client *client, struct span rest)
{
	while ((rest = span_trim(rest)).len > 0) {
		struct span value = span_cut(&rest, ' ');
		struct span name = span_cut(&value, '=');

		if (span_equal_nocase(name, span_of("MAILMAX")))
			span_number(value, 10, INT64_MAX, &client->mails_max);
		else if (span_equal_nocase(name, span_of("RCPTMAX")))
			span_number(
			    value, 10, INT64_MAX, &client->recipients_max);
	}
}

static void
take_keyword(struct smtp_client *client, struct span text)
{
	struct span rest = text;
	struct span keyword = span_cut(&rest, ' ');

	bool *known = flag(client, keyword);

	if (known != NULL)
		*known = true;
	if (span_equal_nocase(keyword, span_of("LIMITS")))
		take_limits(client, rest);
	else if (span_equal_nocase(keyword, span_of("AUTH")))
		add_text(&client->mechanisms, rest);
	else if (known == &client->has_deliverby)
		span_number(span_trim(rest), 10, INT64_MAX, &client->by_min_s);
	else if (known == &client->has_size)
		span_number(span_trim(rest), 10, INT64_MAX, &client->size_max);
}

/* One line of a reply: false if it is none; *is_last without a hyphen. */
static bool
take_line(struct smtp_client *client, unsigned count, bool *is_last)
{
	struct span line = span_trim(buf_span(&client->line));
	uint64_t code;

	if (!span_number(span_slice(line, 0, 3), 10, 599, &code) ||
	    code < 200 || (count > 0 && code != client->code))
		return false;
	*is_last = line.len == 3 || line.ptr[3] == ' ';
	if (line.len > 3 && line.ptr[3] != ' ' && line.ptr[3] != '-')
		return false;
	client->code = (unsigned)code;
	struct span text = span_slice(line, 4, line.len);
	if (count == 0)
		take_status(client, text);
	else if (client->is_hello && code < 300)
		take_keyword(client, text);
	add_text(&client->text, count == 0 ? line : text);
	add_text(&client->text, span_of(" "));
	return true;
}

static int64_t
reply_deadline(const struct smtp_client *client, int64_t timeout_ms)
{
	int64_t deadline_ms = clock_ms() + timeout_ms;

	return client->deadline_ms != 0 && client->deadline_ms < deadline_ms
		   ? client->deadline_ms
		   : deadline_ms;
}

unsigned
smtp_read(struct smtp_client *client, int64_t timeout_ms)
{
	const int64_t deadline_ms = reply_deadline(client, timeout_ms);
	bool is_last = false;

	buf_clear(&client->text);
	for (unsigned count = 0; !is_last; count++) {
		client->in.timeout_ms = client->out.timeout_ms =
		    deadline_ms - clock_ms();
		enum io_status status = read_line(&client->in, &client->line);

		if (client->out.status == IO_TIMEOUT || status == IO_TIMEOUT)
			return no_reply(client, "the server is too slow");
		if (client->out.status != IO_OK || status == IO_EOF ||
		    status == IO_ERROR)
			return no_reply(client, "the connection was lost");
		if (status != IO_OK || count == SMTP_REPLY_LINES ||
		    !take_line(client, count, &is_last))
			return no_reply(
			    client, "the server does not speak SMTP");
	}
	while (client->text.len > 0 &&
	       client->text.data[client->text.len - 1] == ' ')
		client->text.len--;
	return client->code;
}

unsigned
smtp_hello(struct smtp_client *client, const char *name, int64_t timeout_ms)
{
	forget_keywords(client);
	smtp_write(client, "%s %s", client->is_lmtp ? "LHLO" : "EHLO", name);
	client->is_hello = true;
	unsigned code = smtp_read(client, timeout_ms);
	client->is_hello = false;
	if (code < 500 || client->is_lmtp)
		return code;
	smtp_write(client, "HELO %s", name);
	return smtp_read(client, timeout_ms);
}

const char *
smtp_status(struct smtp_client *client)
{
	if (client->status[0] == '\0')
		snprintf(client->status, sizeof(client->status), "%c.0.0",
		    client->code >= 500   ? '5'
		    : client->code >= 400 ? '4'
					  : '2');
	return client->status;
}
