#include "queue/bounce_part.h"

#include <string.h>

#include "mail/transfer.h"
#include "mail/utf8.h"

static const char message_type[] = "message/rfc822";

static void
forget(void *context, struct span bytes)
{
	(void)context;
	(void)bytes;
}

static void
feed(struct transfer *transfer, struct span lines)
{
	while (span_index(lines, '\n') < lines.len)
		transfer_add(transfer, span_cut(&lines, '\n'), TRANSFER_LF);
	transfer_finish(transfer, lines);
}

const char *
bounce_part_message_type(struct span message)
{
	struct transfer transfer;

	if (span_is_ascii(message))
		return message_type;
	transfer_init(&transfer, TRANSFER_TO_7BIT, forget, NULL);
	/* As deep as it will be in the report. */
	transfer_add(&transfer,
	    span_of("Content-Type: multipart/report; boundary=-"), TRANSFER_LF);
	transfer_add(&transfer, span_of(""), TRANSFER_LF);
	transfer_add(&transfer, span_of("---"), TRANSFER_LF);
	transfer_add(
	    &transfer, span_of("Content-Type: message/rfc822"), TRANSFER_LF);
	transfer_add(&transfer, span_of(""), TRANSFER_LF);
	feed(&transfer, message);
	bool is_convertible = transfer.status == TRANSFER_OK;
	bool is_global = !transfer.has_wide_header || utf8_is_valid(message);
	transfer_free(&transfer);
	return is_convertible ? message_type
	       : is_global    ? "message/global"
			      : NULL;
}

static void
add_quoted(struct buf *out, struct span lines)
{
	struct encoder encoder;

	encoder_init(&encoder);
	while (lines.len > 0) {
		encoder_add_quoted(&encoder, out, span_cut(&lines, '\n'));
		encoder_end_quoted(&encoder, out);
	}
}

void
bounce_part_add(struct buf *out, const char *boundary, const char *type,
    struct span content)
{
	bool is_ascii = span_is_ascii(content);
	bool is_8bit = !is_ascii && strcmp(type, message_type) == 0;

	buf_printf(out, "--%s\nContent-Type: %s\n", boundary, type);
	if (!is_ascii)
		buf_printf(out, "Content-Transfer-Encoding: %s\n",
		    is_8bit ? "8bit" : "quoted-printable");
	buf_add_char(out, '\n');
	if (is_ascii || is_8bit)
		buf_add(out, content);
	else
		add_quoted(out, content);
	buf_add_char(out, '\n');
}

void
bounce_part_add_ascii(struct buf *into, struct span text)
{
	while (text.len > 0) {
		uint32_t character = utf8_next(&text);

		buf_add_char(into, character < 0x80 ? (char)character : '?');
	}
}

void
bounce_part_add_clean(struct buf *into, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_add_char(
		    into, (unsigned char)text.ptr[i] < ' ' ? ' ' : text.ptr[i]);
}
