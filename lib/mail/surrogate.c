#include "mail/surrogate.h"

#include <string.h>

#include "mail/addrlist.h"
#include "mail/contenttype.h"
#include "mail/domain.h"
#include "mail/header.h"
#include "mail/words.h"

enum {
	LINE_MAX_WANTED = 76,
	GROWTH = 16, /* an encoded word of one character, at most */
	SPARE = 4096
};

/* ---- one field ---- */

static const char *const address_fields[] = { "From", "To", "Cc", "Bcc",
	"Sender", "Reply-To", "Return-Path", "Resent-From", "Resent-To",
	"Resent-Cc", "Resent-Bcc", "Resent-Sender", "Resent-Reply-To",
	"Disposition-Notification-To" };
static const char *const parameter_fields[] = { "Content-Type",
	"Content-Disposition" };

/* A phrase of RFC 5322, whatever is in the name. */
static void
add_phrase(struct buf *into, struct span name)
{
	if (span_is_ascii(name))
		header_add_quoted(into, name);
	else
		words_add_ascii(into, name);
}

/* May it stand without quotes? */
static bool
is_plain_local(struct span local)
{
	for (size_t i = 0; i < local.len; i++) {
		char c = local.ptr[i];

		if (c <= ' ' || strchr("()<>,;:@[]\"\\", c) != NULL)
			return false;
	}
	return true;
}

/* The addr-spec, unless it has no form in ASCII. */
static bool
add_addr_spec(struct buf *into, const struct addrlist_item *item)
{
	struct span local = buf_span(&item->local);
	struct span domain = buf_span(&item->domain);
	struct buf ascii = buf_new(4 * domain.len + SPARE);
	bool is_good = local.len > 0 && span_is_ascii(local);

	if (span_is_ascii(domain))
		buf_add(&ascii, domain);
	else
		is_good = is_good && domain_add_ascii(&ascii, domain);
	if (is_good && is_plain_local(local))
		buf_add(into, local);
	else if (is_good)
		add_phrase(into, local);
	if (is_good && domain.len > 0) {
		buf_add_char(into, '@');
		buf_add(into, buf_span(&ascii));
	}
	buf_free(&ascii);
	return is_good;
}

/* RFC 6858 section 3: "name <invalid>:;" of what cannot be written. */
static void
add_mailbox(struct buf *into, const struct addrlist_item *item, bool in_group)
{
	struct buf address = buf_new(4 * item->domain.len + SPARE);
	bool is_good = add_addr_spec(&address, item);

	if (item->name.len > 0)
		add_phrase(into, buf_span(&item->name));
	else if (!is_good)
		add_phrase(into, buf_span(&item->local));
	if (!is_good) {
		/* There is no group within a group. */
		buf_add_string(into,
		    in_group ? " <invalid@internationalized-address.invalid>"
			     : ":;");
	} else {
		buf_add_string(into, item->name.len > 0 ? " <" : "<");
		buf_add(into, buf_span(&address));
		buf_add_char(into, '>');
	}
	buf_free(&address);
}

static void
add_addresses(struct buf *into, struct span value)
{
	struct addrlist list = { .rest = value };
	struct addrlist_item item = { .kind = ADDRLIST_MAILBOX };
	bool in_group = false;
	bool is_first = true;

	while (addrlist_next_item(&list, &item)) {
		if (item.kind == ADDRLIST_GROUP_END) {
			buf_add_char(into, ';');
			in_group = false;
			is_first = false;
			continue;
		}
		if (!is_first)
			buf_add_string(into, ", ");
		is_first = item.kind == ADDRLIST_GROUP;
		if (item.kind == ADDRLIST_GROUP) {
			add_phrase(into, buf_span(&item.name));
			buf_add_string(into, ": ");
			in_group = true;
		} else {
			add_mailbox(into, &item, in_group);
		}
	}
	addrlist_item_free(&item);
}

/* RFC 2231 section 4. */
static void
add_extended(struct buf *into, struct span value)
{
	buf_add_string(into, "*=utf-8''");
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (ascii_is_alnum(c) || c == '.' || c == '-' || c == '_')
			buf_add_char(into, c);
		else
			buf_printf(into, "%%%02X", (unsigned)(unsigned char)c);
	}
}

static void
add_parameters(struct buf *into, struct span value)
{
	size_t semicolon = span_index(value, ';');
	struct span rest = span_slice(value, semicolon, value.len);
	struct buf text = buf_new(value.len + 1);
	struct span name;

	words_add_ascii(into, span_trim(span_slice(value, 0, semicolon)));
	while (content_type_next(&rest, &name, &text)) {
		if (name.len > 0 && span_is_ascii(name)) {
			buf_add_string(into, "; ");
			buf_add(into, name);
			if (span_is_ascii(buf_span(&text))) {
				buf_add_char(into, '=');
				add_phrase(into, buf_span(&text));
			} else {
				add_extended(into, buf_span(&text));
			}
		}
		buf_clear(&text);
	}
	buf_free(&text);
}

/* Broken at spaces, before a line is too long. */
static void
add_broken(struct buf *into, struct span text, size_t column)
{
	while (text.len > 0) {
		size_t next =
		    1 + span_index(span_slice(text, 1, text.len), ' ');
		struct span word = span_slice(text, 0, next);

		if (column + word.len > LINE_MAX_WANTED && column > 1 &&
		    text.ptr[0] == ' ') {
			buf_add_string(into, "\r\n");
			column = 0;
		}
		buf_add(into, word);
		column += word.len;
		text = span_slice(text, word.len, text.len);
	}
}

/* A field with its folds and its last line end. */
static void
add_field(struct buf *into, struct span field)
{
	struct span rest = field;
	struct span name;
	struct span value;

	if (span_is_ascii(field) || !header_next(&rest, &name, &value) ||
	    !span_is_ascii(name)) {
		/* Of what is no field nobody needs the bytes. */
		for (size_t i = 0; i < field.len; i++)
			buf_add_char(into,
			    (field.ptr[i] & 0x80) != 0 ? '?' : field.ptr[i]);
		return;
	}
	struct buf unfolded = buf_new(value.len + 1);
	struct buf text = buf_new(GROWTH * value.len + SPARE);
	header_add_unfolded(&unfolded, value);
	if (span_is_one_of(name, address_fields,
		sizeof(address_fields) / sizeof(*address_fields)))
		add_addresses(&text, buf_span(&unfolded));
	else if (span_is_one_of(name, parameter_fields,
		     sizeof(parameter_fields) / sizeof(*parameter_fields)))
		add_parameters(&text, buf_span(&unfolded));
	else
		words_add_ascii(&text, buf_span(&unfolded));
	buf_add(into, name);
	buf_add_string(into, ":");
	struct buf line = buf_new(text.len + 1);
	buf_add_char(&line, ' ');
	buf_add(&line, buf_span(&text));
	add_broken(into, buf_span(&line), name.len + 1);
	buf_add_string(into, "\r\n");
	buf_free(&line);
	buf_free(&text);
	buf_free(&unfolded);
}

void
surrogate_add_header(struct buf *into, struct span header)
{
	if (span_is_ascii(header)) {
		buf_add(into, header);
		return;
	}
	while (header.len > 0) {
		size_t len = header_field_length(header);

		add_field(into, span_slice(header, 0, len));
		header = span_slice(header, len, header.len);
	}
}

/* ---- all of a message ---- */

void
surrogate_init(struct surrogate *surrogate)
{
	*surrogate =
	    (struct surrogate){ .header = buf_new((size_t)MIME_HEADER_MAX) };
	mime_init(&surrogate->mime, NULL, NULL);
}

void
surrogate_free(struct surrogate *surrogate)
{
	mime_free(&surrogate->mime);
	buf_free(&surrogate->header);
}

static void
end_header(struct surrogate *surrogate, struct buf *into)
{
	surrogate_add_header(into, buf_span(&surrogate->header));
	buf_clear(&surrogate->header);
}

/* A line, or a piece of one. */
static void
add_piece(struct surrogate *surrogate, struct buf *into, struct span piece)
{
	bool is_end = piece.ptr[piece.len - 1] == '\n';

	if (!surrogate->is_mid_line)
		surrogate->is_header_line = surrogate->mime.in_header;
	surrogate->is_mid_line = !is_end;
	mime_add(&surrogate->mime, piece);
	if (!surrogate->is_header_line) {
		buf_add(into, piece);
		return;
	}
	if (surrogate->header.len + piece.len > surrogate->header.max)
		end_header(surrogate, into);
	if (piece.len > surrogate->header.max)
		buf_add(into, piece);
	else
		buf_add(&surrogate->header, piece);
	if (is_end && !surrogate->mime.in_header)
		end_header(surrogate, into);
}

/* Lines of a body up to one that begins with "--", or may: mime needs none. */
static size_t
body_length(struct span bytes)
{
	const char *found = memmem(bytes.ptr, bytes.len, "\n--", 3);

	if (found != NULL)
		return (size_t)(found - bytes.ptr) + 1;
	bool is_open = bytes.len > 1 && bytes.ptr[bytes.len - 1] == '-' &&
		       bytes.ptr[bytes.len - 2] == '\n';
	return bytes.len - is_open;
}

static bool
is_watched(const struct surrogate *surrogate, struct span bytes)
{
	if (surrogate->is_mid_line)
		return surrogate->is_watched;
	return surrogate->mime.in_header ||
	       (bytes.ptr[0] == '-' && (bytes.len == 1 || bytes.ptr[1] == '-'));
}

static void
pass(struct surrogate *surrogate, struct span bytes)
{
	surrogate->is_watched = false;
	surrogate->is_mid_line = bytes.ptr[bytes.len - 1] != '\n';
}

bool
surrogate_passes(struct surrogate *surrogate, struct span bytes)
{
	if (bytes.len > 0 && (is_watched(surrogate, bytes) ||
				 (span_index(bytes, '\n') + 1 < bytes.len &&
				     body_length(bytes) < bytes.len)))
		return false;
	if (bytes.len > 0)
		pass(surrogate, bytes);
	return true;
}

void
surrogate_add(struct surrogate *surrogate, struct buf *into, struct span bytes)
{
	while (bytes.len > 0) {
		size_t end = span_index(bytes, '\n');
		size_t take = end < bytes.len ? end + 1 : end;

		if (is_watched(surrogate, bytes)) {
			surrogate->is_watched = true;
			add_piece(surrogate, into, span_slice(bytes, 0, take));
		} else {
			take = body_length(bytes);
			buf_add(into, span_slice(bytes, 0, take));
			pass(surrogate, span_slice(bytes, 0, take));
		}
		bytes = span_slice(bytes, take, bytes.len);
	}
}

void
surrogate_end(struct surrogate *surrogate, struct buf *into)
{
	end_header(surrogate, into);
}
