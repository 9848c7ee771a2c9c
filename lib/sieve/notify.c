#include "sieve/notify.h"

#include "mail/addr.h"
#include "mail/addrlist.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/percent.h"
#include "mail/utf8.h"
#include "mail/words.h"
#include "sieve/compose.h"
#include "sieve/values.h"

enum {
	SUBJECT_MAX = 1 << 20,
	LIST_MAX = 2 * NOTIFY_URI_MAX,   /* with an LF for each address */
	FIELDS_MAX = 8 * NOTIFY_URI_MAX, /* with encoded words */
	IMPORTANCE_NORMAL = 2
};

/* ---- URIs ---- */

/* A URI that was read; all is decoded. */
struct uri {
	struct buf to; /* each address ended by LF */
	struct buf cc;
	struct buf subject;
	struct buf body;
	struct buf fields; /* "NAME: VALUE" LF */
	size_t recipients;
	bool has_subject;
};

/* What may stand in a URI, RFC 3986 section 2; and nothing but text in UTF-8
 * comes of it. */
static bool
add_decoded(struct buf *into, struct span text)
{
	size_t start = into->len;

	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] <= ' ' ||
		    (unsigned char)text.ptr[i] >= 0x7f)
			return false;
	if (!percent_add_decoded(into, text))
		return false;
	return !into->overflow &&
	       utf8_is_valid(span_slice(buf_span(into), start, into->len));
}

/* A list of addresses, parted by commas that are not encoded. */
static bool
add_addresses(struct uri *uri, struct buf *into, struct span list)
{
	struct buf address = buf_new(NOTIFY_URI_MAX);
	struct addr parts;
	bool is_right = true;

	while (is_right && list.len > 0) {
		buf_clear(&address);
		is_right =
		    add_decoded(&address, span_cut(&list, ',')) &&
		    addr_parse_mailbox(buf_span(&address), &parts) == ADDR_OK &&
		    ++uri->recipients <= NOTIFY_RECIPIENTS_MAX;
		if (is_right)
			addr_add_canonical(into, &parts);
		buf_add_char(into, '\n');
	}
	buf_free(&address);
	return is_right;
}

/* Fields that are ours to write, and that a URI has in vain. */
static bool
is_ours(struct span name)
{
	static const char *const ours[] = { "From", "Sender", "Date",
		"Message-ID", "Received", "Auto-Submitted", "Bcc",
		"Return-Path", "Delivered-To", "MIME-Version", "Resent-From",
		"Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Bcc",
		"Resent-Date", "Resent-Message-ID", "Importance" };

	return span_is_one_of(name, ours, sizeof(ours) / sizeof(*ours)) ||
	       span_starts_nocase(name, span_of("Content-"));
}

static bool
add_field(struct uri *uri, struct span name, struct span text)
{
	struct buf value = buf_new(NOTIFY_URI_MAX);
	struct buf capital = buf_new(NOTIFY_URI_MAX);
	bool is_right = values_is_field_name(name) && add_decoded(&value, text);

	/* RFC 5436 section 2.7: with its first letter large. */
	buf_add(&capital, name);
	if (capital.len > 0 && capital.data[0] >= 'a' && capital.data[0] <= 'z')
		capital.data[0] = (char)(capital.data[0] - 'a' + 'A');
	if (is_right && !is_ours(name))
		compose_add_field(
		    &uri->fields, buf_span(&capital), buf_span(&value));
	buf_free(&value);
	buf_free(&capital);
	return is_right;
}

/* "name=value". */
static bool
take_pair(struct uri *uri, struct span pair)
{
	struct buf name = buf_new(NOTIFY_URI_MAX);
	struct span key = span_cut(&pair, '=');
	bool is_right = key.len > 0 && add_decoded(&name, key);
	struct span text = buf_span(&name);

	if (!is_right)
		;
	else if (span_equal_nocase(text, span_of("to")))
		is_right = add_addresses(uri, &uri->to, pair);
	else if (span_equal_nocase(text, span_of("cc")))
		is_right = add_addresses(uri, &uri->cc, pair);
	else if (span_equal_nocase(text, span_of("body")))
		is_right = add_decoded(&uri->body, pair);
	else if (span_equal_nocase(text, span_of("subject"))) {
		buf_clear(&uri->subject);
		is_right = add_decoded(&uri->subject, pair);
		uri->has_subject = true;
	} else
		is_right = add_field(uri, text, pair);
	buf_free(&name);
	return is_right;
}

static void
free_uri(struct uri *uri)
{
	buf_free(&uri->to);
	buf_free(&uri->cc);
	buf_free(&uri->subject);
	buf_free(&uri->body);
	buf_free(&uri->fields);
}

/* False: it is none that we take; uri is to be freed either way. */
static bool
read_uri(struct uri *uri, struct span text)
{
	struct span scheme = span_of("mailto:");

	*uri = (struct uri){ .to = buf_new(LIST_MAX),
		.cc = buf_new(LIST_MAX),
		.subject = buf_new(NOTIFY_URI_MAX),
		.body = buf_new(NOTIFY_URI_MAX),
		.fields = buf_new(FIELDS_MAX) };
	if (text.len > NOTIFY_URI_MAX || !span_starts_nocase(text, scheme))
		return false;
	text = span_slice(text, scheme.len, text.len);
	if (!add_addresses(uri, &uri->to, span_cut(&text, '?')))
		return false;
	while (text.len > 0)
		if (!take_pair(uri, span_cut(&text, '&')))
			return false;
	return uri->recipients > 0 && !uri->fields.overflow;
}

bool
sieve_notify_is_method(struct span method)
{
	struct uri uri;
	bool is_right = read_uri(&uri, method);

	free_uri(&uri);
	return is_right;
}

bool
sieve_notify_applies(struct span header)
{
	return !sieve_mail_is_automatic(header);
}

/* ---- the message ---- */

void
sieve_notify_add_recipients(struct buf *into, const struct sieve_action *action)
{
	struct uri uri;

	if (read_uri(&uri, action->address)) {
		buf_add(into, buf_span(&uri.to));
		buf_add(into, buf_span(&uri.cc));
	}
	free_uri(&uri);
}

void
sieve_notify_add_sender(struct buf *into, const struct sieve_action *action,
    const struct sieve_mail *mail)
{
	struct buf address = buf_new(NOTIFY_URI_MAX);
	struct span from = action->from;

	/* Whoever sends no reports is to get none. */
	if (mail->sender.len == 0)
		return;
	if (from.ptr != NULL && addrlist_next(&from, &address))
		buf_add(into, buf_span(&address));
	else
		buf_add(into, mail->recipient);
	buf_free(&address);
}

static void
add_address_field(struct buf *into, const char *name, struct span lines)
{
	struct buf list = buf_new(2 * lines.len + 1);

	while (lines.len > 0) {
		if (list.len > 0)
			buf_add_string(&list, ", ");
		buf_add(&list, span_cut(&lines, '\n'));
	}
	if (list.len > 0)
		compose_add_mailboxes(into, span_of(name), buf_span(&list));
	buf_free(&list);
}

/* RFC 5436 section 2.7: :message, what the URI has, the message's own. */
static void
add_subject(struct buf *into, const struct uri *uri,
    const struct sieve_action *action, const struct sieve_mail *mail)
{
	struct buf subject = buf_new(SUBJECT_MAX);
	struct span value;

	if (action->text.ptr != NULL)
		buf_add(&subject, action->text);
	else if (uri->has_subject)
		buf_add(&subject, buf_span(&uri->subject));
	else if (header_find(
		     sieve_mail_header(action, mail), "Subject", &value))
		words_add_decoded(&subject, value);
	compose_add_field(into, span_of("Subject"), buf_span(&subject));
	buf_free(&subject);
}

static void
add_origin(struct buf *into, const struct sieve_action *action,
    const struct sieve_mail *mail)
{
	struct buf date = buf_new(64);

	/* No encoded words in a parameter, RFC 2047 section 5. */
	buf_add_string(into, "Auto-Submitted: auto-notified; owner-email=");
	header_add_quoted(into, mail->recipient);
	buf_add_char(into, '\n');
	date_add(&date, mail->now);
	compose_add_field(into, span_of("Date"), buf_span(&date));
	compose_add_field(into, span_of("Message-ID"), mail->message_id);
	compose_add_mailboxes(into, span_of("From"),
	    action->from.ptr != NULL ? action->from : mail->recipient);
	buf_free(&date);
}

void
sieve_notify_add(struct buf *into, const struct sieve_action *action,
    const struct sieve_mail *mail)
{
	struct buf references = buf_new(MESSAGE_ID_MAX);
	struct uri uri;
	struct span value;

	read_uri(&uri, action->address);
	add_origin(into, action, mail);
	add_address_field(into, "To", buf_span(&uri.to));
	add_address_field(into, "Cc", buf_span(&uri.cc));
	add_subject(into, &uri, action, mail);
	if (header_find(sieve_mail_header(action, mail), "Message-ID", &value))
		header_add_message_id(&references, value);
	if (references.len > 0)
		compose_add_field(
		    into, span_of("References"), buf_span(&references));
	if (action->importance != IMPORTANCE_NORMAL)
		buf_add_string(into, action->importance < IMPORTANCE_NORMAL
					 ? "Importance: high\n"
					 : "Importance: low\n");
	buf_add(into, buf_span(&uri.fields));
	compose_add_text(into, buf_span(&uri.body));
	buf_free(&references);
	free_uri(&uri);
}
