#include "mail/structure_text.h"

#include "mail/addrlist.h"
#include "mail/contenttype.h"
#include "mail/domain.h"
#include "mail/header.h"
#include "mail/structure.h"
#include "mail/utf8.h"
#include "mail/words.h"

enum {
	ADDRESSES_MAX = 2000, /* of one field */
	PARAMETERS_MAX = 200,
	SPARE = 1024
};

void
structure_add_string(struct buf *into, struct span text, bool is_utf8)
{
	if (span_is_ascii(text)) {
		header_add_quoted(into, text);
		return;
	}
	struct buf fit = buf_new(4 * text.len + SPARE);
	if (is_utf8)
		utf8_add_clean(&fit, text);
	else
		words_add_ascii(&fit, text);
	header_add_quoted(into, buf_span(&fit));
	buf_free(&fit);
}

void
structure_add_value(struct buf *into, struct span value, bool is_utf8)
{
	if (value.ptr == NULL) {
		buf_add_string(into, "NIL");
		return;
	}
	struct buf unfolded = buf_new(value.len);
	header_add_unfolded(&unfolded, value);
	structure_add_string(into, buf_span(&unfolded), is_utf8);
	buf_free(&unfolded);
}

void
structure_add_parameters(struct buf *into, struct span parameters, bool is_utf8)
{
	struct buf value = buf_new(parameters.len);
	struct span name;
	size_t count = 0;

	while (count < PARAMETERS_MAX &&
	       content_type_next(&parameters, &name, &value)) {
		if (name.len == 0)
			continue;
		buf_add_char(into, count++ == 0 ? '(' : ' ');
		structure_add_string(into, name, is_utf8);
		buf_add_char(into, ' ');
		structure_add_string(into, buf_span(&value), is_utf8);
		buf_clear(&value);
	}
	buf_add_string(into, count == 0 ? "NIL" : ")");
	buf_free(&value);
}

void
structure_add_disposition(struct buf *into, struct span value, bool is_utf8)
{
	struct span kind = content_token(value);

	if (kind.len == 0) {
		buf_add_string(into, "NIL");
		return;
	}
	buf_add_char(into, '(');
	structure_add_string(into, kind, is_utf8);
	buf_add_char(into, ' ');
	structure_add_parameters(into, value, is_utf8);
	buf_add_char(into, ')');
}

void
structure_add_languages(struct buf *into, struct span value, bool is_utf8)
{
	size_t count = 0;

	while (value.len > 0 && count < PARAMETERS_MAX) {
		struct span item = span_cut(&value, ',');
		struct span language = content_token(item);

		if (language.len == 0)
			continue;
		buf_add_char(into, count++ == 0 ? '(' : ' ');
		structure_add_string(into, language, is_utf8);
	}
	buf_add_string(into, count == 0 ? "NIL" : ")");
}

/* ---- ENVELOPE ---- */

static void
add_domain(struct buf *into, struct span domain, bool is_utf8)
{
	struct buf ascii = buf_new(domain.len * 4 + SPARE);

	if (!is_utf8 && !span_is_ascii(domain) &&
	    domain_add_ascii(&ascii, domain))
		domain = buf_span(&ascii);
	structure_add_string(into, domain, is_utf8);
	buf_free(&ascii);
}

static void
add_or_nil(struct buf *into, const struct buf *text, bool is_utf8)
{
	if (text->len == 0)
		buf_add_string(into, "NIL");
	else
		structure_add_string(into, buf_span(text), is_utf8);
	buf_add_char(into, ' ');
}

static void
add_address(struct buf *into, const struct addrlist_item *item, bool is_utf8)
{
	if (item->kind != ADDRLIST_MAILBOX) {
		buf_add_string(into, "(NIL NIL ");
		add_or_nil(into, &item->name, is_utf8);
		buf_add_string(into, "NIL)");
		return;
	}
	buf_add_char(into, '(');
	add_or_nil(into, &item->name, is_utf8);
	add_or_nil(into, &item->route, is_utf8);
	structure_add_string(into,
	    item->local.len > 0 ? buf_span(&item->local)
				: span_of("MISSING_MAILBOX"),
	    is_utf8);
	buf_add_char(into, ' ');
	add_domain(into,
	    item->domain.len > 0 ? buf_span(&item->domain)
				 : span_of("MISSING_DOMAIN"),
	    is_utf8);
	buf_add_char(into, ')');
}

/* False, and NIL appended, if there are none. */
static bool
add_addresses(struct buf *into, struct span value, bool is_utf8)
{
	struct addrlist list = { .rest = value };
	struct addrlist_item item = { .kind = ADDRLIST_MAILBOX };
	size_t count = 0;

	while (count < ADDRESSES_MAX && addrlist_next_item(&list, &item)) {
		if (item.kind == ADDRLIST_GROUP_END && count == 0)
			continue;
		if (count++ == 0)
			buf_add_char(into, '(');
		add_address(into, &item, is_utf8);
	}
	addrlist_item_free(&item);
	buf_add_string(into, count == 0 ? "NIL" : ")");
	return count > 0;
}

static const char *const envelope_names[] = { "Date", "Subject", "From",
	"Sender", "Reply-To", "To", "Cc", "Bcc", "In-Reply-To", "Message-ID" };

enum envelope_field {
	ENVELOPE_SUBJECT = 1,
	ENVELOPE_FROM,
	ENVELOPE_SENDER,
	ENVELOPE_REPLY_TO,
	ENVELOPE_BCC = 7,
	ENVELOPE_FIELDS = 10
};

void
structure_add_envelope(struct buf *into, struct span header, bool is_utf8)
{
	struct span values[ENVELOPE_FIELDS] = { { NULL, 0 } };
	struct span name;
	struct span value;

	while (header_next(&header, &name, &value))
		for (size_t i = 0; i < ENVELOPE_FIELDS; i++)
			if (values[i].ptr == NULL &&
			    span_equal_nocase(name, span_of(envelope_names[i])))
				values[i] = value;
	buf_add_char(into, '(');
	for (size_t i = 0; i < ENVELOPE_FIELDS; i++) {
		size_t start = into->len;

		if (i > 0)
			buf_add_char(into, ' ');
		if (i < ENVELOPE_FROM || i > ENVELOPE_BCC) {
			structure_add_value(into, values[i], is_utf8);
		} else if (!add_addresses(into, values[i], is_utf8) &&
			   (i == ENVELOPE_SENDER || i == ENVELOPE_REPLY_TO)) {
			/* RFC 9051: what is not there is as From. */
			into->len = start;
			buf_add_char(into, ' ');
			add_addresses(into, values[ENVELOPE_FROM], is_utf8);
		}
	}
	buf_add_char(into, ')');
}
