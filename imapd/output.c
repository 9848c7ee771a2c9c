#include "imapd/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mail/utf7.h"
#include "mail/utf8.h"
#include "store/flag_names.h"

enum {
	QUOTED_MAX = 1000,
	INBOX_LEN = 5
};

void
put(struct session *session, const char *text)
{
	write_string(session->out, text);
}

void
put_reply(struct session *session, const char *text)
{
	struct buf line = buf_new(SIZE_MAX / 2);

	language_add_reply(&line, session->language, text);
	put_span(session, buf_span(&line));
	put(session, "\r\n");
	buf_free(&line);
}

void
put_span(struct session *session, struct span text)
{
	write_span(session->out, text);
}

/* Numbers are most of some answers: no format is interpreted for them. */
void
put_number(struct session *session, uint64_t number)
{
	char digits[SPAN_DIGITS_MAX];

	put_span(session, span_digits(number, digits));
}

void
put_format(struct session *session, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	int len = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (len > 0 && (size_t)len < sizeof(text))
		write_span(session->out, (struct span){ text, (size_t)len });
}

struct sending {
	struct session *session;
	uint64_t sent;
};

static bool
take_piece(void *context, struct span piece)
{
	struct sending *sending = context;

	sending->sent += piece.len;
	put_span(sending->session, piece);
	return sending->session->out->status == IO_OK;
}

void
put_octets(struct session *session, const struct folder_section *section,
    uint64_t offset, uint64_t length)
{
	struct sending sending = { .session = session };

	if (length > 0)
		folder_section_read(
		    section, offset, length, take_piece, &sending);
	if (sending.sent != length) {
		writer_flush(session->out);
		session->out->status = IO_ERROR;
	}
}

bool
session_is_utf8(const struct session *session)
{
	return (session->enabled & (ENABLED_REV2 | ENABLED_UTF8)) != 0;
}

static bool
can_be_quoted(const struct session *session, struct span text)
{
	if (text.len > QUOTED_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '\0' || c == '\r' || c == '\n')
			return false;
	}
	return span_is_ascii(text) ||
	       (session_is_utf8(session) && utf8_is_valid(text));
}

void
put_nstring(struct session *session, struct span text)
{
	if (text.ptr == NULL) {
		put(session, "NIL");
		return;
	}
	if (!can_be_quoted(session, text)) {
		put_format(session, "{%zu}\r\n", text.len);
		put_span(session, text);
		return;
	}
	put(session, "\"");
	while (text.len > 0) {
		size_t plain = 0;

		while (plain < text.len && text.ptr[plain] != '"' &&
		       text.ptr[plain] != '\\')
			plain++;
		put_span(session, span_slice(text, 0, plain));
		if (plain < text.len) {
			put(session, "\\");
			put_span(session, span_slice(text, plain, 1));
			plain++;
		}
		text = span_slice(text, plain, SIZE_MAX);
	}
	put(session, "\"");
}

void
put_name(struct session *session, struct span name)
{
	struct buf text = buf_new((size_t)ACCOUNT_NAME_MAX * 8);
	struct buf whole = buf_new((size_t)ACCOUNT_NAME_MAX * 2);

	if (session->prefix.len > 0 && name.len > 0) {
		buf_add(&whole, buf_span(&session->prefix));
		buf_add(&whole, name);
		name = buf_span(&whole);
	}
	if (name.len == 0) /* METADATA's account */
		put(session, "\"\"");
	else if (session_is_utf8(session) || !utf7_encode(&text, name, ""))
		put_nstring(session, name);
	else
		put_nstring(session, buf_span(&text));
	buf_free(&text);
	buf_free(&whole);
}

void
put_flags(struct session *session, const struct folder_message *message)
{
	uint32_t set = message->flags;
	const struct flag_name *name = flag_names;
	const char *space = "";

	if ((session->enabled & ENABLED_REV2) != 0)
		set &= ~(uint32_t)MESSAGE_RECENT;
	put(session, "(");
	for (; name->text != NULL; name++)
		if ((set & name->flag) != 0) {
			put(session, space);
			put(session, name->text);
			space = " ";
		}
	for (size_t i = 0; i < FOLDER_KEYWORDS_MAX; i++)
		if ((message->keywords >> i & 1) != 0) {
			put(session, space);
			put_span(session, folder_keyword(session->folder, i));
			space = " ";
		}
	put(session, ")");
}

void
put_fetch(struct session *session, size_t i)
{
	bool is_uid_only = (session->enabled & ENABLED_UIDONLY) != 0;

	put(session, "* ");
	put_number(session,
	    is_uid_only ? folder_message(session->folder, i)->uid : i + 1);
	put(session, is_uid_only ? " UIDFETCH (" : " FETCH (");
}

void
output_add_date_time(struct buf *into, int64_t seconds)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t when = (time_t)seconds;
	struct tm date;

	if (gmtime_r(&when, &date) == NULL || date.tm_year > 9999 - 1900 ||
	    date.tm_year < -1900)
		date = (struct tm){ .tm_mday = 1, .tm_year = 70 };
	buf_printf(into, "\"%2d-%s-%04d %02d:%02d:%02d +0000\"", date.tm_mday,
	    months[date.tm_mon], date.tm_year + 1900, date.tm_hour, date.tm_min,
	    date.tm_sec);
}

void
put_date_time(struct session *session, int64_t seconds)
{
	struct buf text = buf_new(64);

	output_add_date_time(&text, seconds);
	put_span(session, buf_span(&text));
	buf_free(&text);
}

/* INBOX itself, in any case, or what is below it. */
static bool
is_inbox(struct span name)
{
	return span_equal_nocase(
		   span_slice(name, 0, INBOX_LEN), span_of("INBOX")) &&
	       (name.len == INBOX_LEN || name.ptr[INBOX_LEN] == '/');
}

bool
take_shown_name(
    const struct session *session, struct span text, struct buf *name)
{
	bool is_good;

	if (session_is_utf8(session) || !span_is_ascii(text)) {
		is_good = utf8_is_valid(text);
		if (is_good)
			buf_add(name, text);
	} else {
		is_good = utf7_decode(name, text, "");
	}
	if (name->len > 1 && name->data[name->len - 1] == '/')
		name->len--;
	if (is_good && is_inbox(buf_span(name)))
		memcpy(name->data, "INBOX", INBOX_LEN);
	return is_good && !name->overflow;
}

bool
take_name(const struct session *session, struct span text, struct buf *name)
{
	struct span prefix = buf_span(&session->prefix);

	if (!take_shown_name(session, text, name))
		return false;
	if (prefix.len == 0)
		return true;
	if (name->len <= prefix.len || !span_starts(buf_span(name), prefix))
		return false;
	buf_drop(name, prefix.len);
	if (is_inbox(buf_span(name)))
		memcpy(name->data, "INBOX", INBOX_LEN);
	return true;
}

bool
parse_folder_name(
    struct session *session, struct parse *parse, struct buf *name)
{
	struct span text;

	*name = buf_new(ACCOUNT_NAME_MAX);
	if (!parse_astring(parse, &text)) {
		session_bad(session, "BAD a folder's name is missing");
		return false;
	}
	if (take_name(session, text, name))
		return true;
	buf_free(name);
	session_reply(session, "NO [CANNOT] no folder can have that name");
	return false;
}
