#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "mail/contenttype.h"
#include "mail/convert.h"
#include "mail/header.h"
#include "mail/words.h"
#include "store/folder_cache.h"

/* Parts of a message in another form, RFC 5259. */

struct converting {
	const struct folder_conversion *conversion;
	int fd;
	struct buf *out;
	struct convert_text text;
	/* Of a message, or of several parts. */
	struct mime mime;
	struct bodytext texts;
	struct buf kinds; /* of struct part_kind, by part */
	uint64_t octets;  /* that were read */
	bool has_text;
	bool is_unknown; /* a character set, or an encoding */
};

/* ---- one part ---- */

/* Of a leaf: nobody looked into it. */
static const char *const closed_types[] = { "message/rfc822",
	"message/global" };

static bool
read_header(int fd, const struct mime_part *part, struct buf *header)
{
	uint64_t len = part->body.raw - part->header.raw;

	if (len > MIME_HEADER_MAX)
		len = MIME_HEADER_MAX;
	char *room = buf_room(header, (size_t)len);
	ssize_t got = room == NULL ? 0
				   : pread(fd, room, (size_t)len,
					 (off_t)part->header.raw);
	if (got < 0)
		return false;
	buf_grown(header, (size_t)got);
	return true;
}

static void
add_lower(struct buf *into, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_add_char(into, ascii_lower(text.ptr[i]));
}

/* As BODYSTRUCTURE has it: what was not looked into is not what it says. */
static void
add_type(const struct mime_part *part, struct span header, struct buf *type,
    struct buf *parameters)
{
	struct content_type found = { .type = { "", 0 } };
	struct span value;

	if (part->kind == MIME_MESSAGE) {
		buf_add_string(type, "message/rfc822");
		return;
	}
	if (header_find(header, "Content-Type", &value))
		content_type_parse(value, &found);
	if (found.type.len == 0
		? !part->is_in_digest
		: part->kind == MIME_LEAF &&
		      content_type_is(&found, "multipart", NULL)) {
		buf_add_string(type, "text/plain");
		return;
	}
	add_lower(type, found.type);
	buf_add_char(type, '/');
	add_lower(type, found.subtype);
	if (!type->overflow && conversion_is_type(buf_span(type)) &&
	    !span_is_one_of(buf_span(type), closed_types, 2)) {
		buf_add(parameters, found.parameters);
		return;
	}
	buf_clear(type);
	buf_add_string(type, "application/octet-stream");
}

/* The part is message/rfc822 as a whole, or one of its parts. */
static enum account_status
find_part(struct folder *folder, size_t i, int fd,
    const struct section *section, uint32_t *part)
{
	enum account_status status = cache_mime(folder, i, fd);

	if (status != ACCOUNT_OK)
		return status;
	*part =
	    mime_find(&folder->cache->mime, section->part, section->part_count);
	return *part == MIME_NONE ? ACCOUNT_NO_PART : ACCOUNT_OK;
}

static int
open_message(struct folder *folder, size_t i)
{
	cache_of(folder);
	return folder_open_message(folder, i);
}

enum account_status
folder_part_type(struct folder *folder, size_t i, const struct section *section,
    struct buf *type, struct buf *parameters)
{
	uint32_t part;
	struct buf header = buf_new(MIME_HEADER_MAX);
	int fd = open_message(folder, i);

	if (fd == -1)
		return account_error();
	enum account_status status = find_part(folder, i, fd, section, &part);
	if (status == ACCOUNT_OK && section->part_count == 0) {
		buf_add_string(type, "message/rfc822");
	} else if (status == ACCOUNT_OK) {
		const struct mime_part *found =
		    &folder->cache->mime.parts[part];

		if (read_header(fd, found, &header))
			add_type(found, header_of(buf_span(&header)), type,
			    parameters);
		else
			status = account_error();
	}
	int error = errno;
	close(fd);
	errno = error;
	buf_free(&header);
	return status;
}

static bool
take_text(void *context, struct span piece)
{
	struct converting *converting = context;

	convert_text_piece(&converting->text, converting->out, piece);
	return !converting->out->overflow;
}

static enum account_status
convert_part(struct converting *converting, enum convert_kind kind,
    const struct bodytext_part *how, const struct mime_part *part)
{
	const struct folder_conversion *conversion = converting->conversion;
	const struct span charset = { how->charset, how->charset_len };

	converting->octets += part->end.raw - part->body.raw;
	if (converting->octets > conversion->max)
		return ACCOUNT_LIMIT;
	if (how->encoding == DECODER_UNKNOWN || !charset_is_known(charset))
		return ACCOUNT_INVALID;
	converting->text.kind = kind;
	converting->text.part = how;
	converting->text.writer = conversion->writer;
	converting->text.charset = conversion->charset;
	convert_text_begin(&converting->text, converting->out);
	errno = 0;
	bool is_read = message_each_piece(converting->fd, part->body.raw,
	    part->end.raw, take_text, converting);
	int error = errno;
	convert_text_end(&converting->text, converting->out);
	errno = error;
	if (converting->out->overflow)
		return ACCOUNT_LIMIT;
	return is_read ? ACCOUNT_OK : account_error();
}

static enum account_status
convert_leaf(struct folder *folder, size_t i, struct converting *converting,
    const struct section *section)
{
	const struct mime *mime = &folder->cache->mime;
	struct buf header = buf_new(MIME_HEADER_MAX);
	struct bodytext texts = { .parts = NULL };
	uint32_t part;
	enum account_status status =
	    find_part(folder, i, converting->fd, section, &part);

	if (status != ACCOUNT_OK)
		return status;
	if (!read_header(converting->fd, &mime->parts[part], &header))
		status = account_error();
	else
		bodytext_take_header(
		    &texts, mime, part, header_of(buf_span(&header)));
	if (status == ACCOUNT_OK)
		status = texts.count == 0
			     ? ACCOUNT_INVALID
			     : convert_part(converting,
				   converting->conversion->how->kind,
				   &texts.parts[0], &mime->parts[part]);
	bodytext_free(&texts);
	buf_free(&header);
	return status;
}

/* ---- several parts ---- */

enum readable {
	READABLE_NOT,
	READABLE_HTML,
	READABLE_PLAIN
};

struct part_kind {
	bool is_alternative;
	bool is_related;
	enum readable readable; /* the best that it holds */
	uint32_t text;          /* of a leaf: its place in texts */
};

static struct part_kind *
kind_of(const struct converting *converting, uint32_t part)
{
	return (struct part_kind *)(void *)converting->kinds.data + part;
}

/* A part whose header did not end was not told of. */
static void
add_kinds(struct converting *converting, uint32_t count)
{
	const struct part_kind none = { .text = 0 };

	while (converting->kinds.len / sizeof(none) < count)
		buf_add(&converting->kinds,
		    (struct span){ (const char *)&none, sizeof(none) });
}

static void
take_header(void *context, uint32_t part, struct span header)
{
	struct converting *converting = context;
	uint32_t before = converting->texts.count;
	struct part_kind kind = { .text = before };
	struct content_type type = { .type = { "", 0 } };
	struct span value;

	if (header_find(header, "Content-Type", &value))
		content_type_parse(value, &type);
	kind.is_alternative =
	    content_type_is(&type, "multipart", "alternative");
	kind.is_related = content_type_is(&type, "multipart", "related");
	bodytext_take_header(
	    &converting->texts, &converting->mime, part, header);
	if (converting->texts.count > before &&
	    !converting->texts.parts[before].is_attachment)
		kind.readable = converting->texts.parts[before].is_html
				    ? READABLE_HTML
				    : READABLE_PLAIN;
	add_kinds(converting, part + 1);
	*kind_of(converting, part) = kind;
}

/* A part comes behind what holds it: from the last one on. */
static void
rate_parts(struct converting *converting)
{
	for (uint32_t part = converting->mime.count; part-- > 1;) {
		enum readable own = kind_of(converting, part)->readable;
		struct part_kind *parent =
		    kind_of(converting, converting->mime.parts[part].parent);

		if (own > parent->readable)
			parent->readable = own;
	}
}

static void
add_break(struct converting *converting)
{
	if (converting->has_text)
		buf_add_string(converting->out, "\r\n");
	converting->has_text = true;
}

/* Who wrote it, and when; an empty line is between it and the text. */
static enum account_status
add_fields(struct converting *converting, uint32_t part)
{
	static const char *const names[] = { "From", "To", "Cc", "Date",
		"Subject" };
	struct buf header = buf_new(MIME_HEADER_MAX);
	struct buf text = buf_new(4 * (size_t)MIME_HEADER_MAX);
	struct span value;

	if (!read_header(
		converting->fd, &converting->mime.parts[part], &header)) {
		buf_free(&header);
		return account_error();
	}
	add_break(converting);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!header_find(
			header_of(buf_span(&header)), names[i], &value))
			continue;
		buf_clear(&text);
		buf_add_string(&text, names[i]);
		buf_add_string(&text, ": ");
		words_add_decoded(&text, value);
		charset_writer_add(converting->conversion->writer,
		    converting->out, buf_span(&text));
		buf_add_string(converting->out, "\r\n");
	}
	buf_free(&header);
	buf_free(&text);
	return ACCOUNT_OK;
}

static bool
ends_line(const struct buf *text)
{
	return text->len == 0 || text->data[text->len - 1] == '\n';
}

static enum account_status
add_text(struct converting *converting, uint32_t part)
{
	const struct bodytext_part *how =
	    &converting->texts.parts[kind_of(converting, part)->text];

	add_break(converting);
	enum account_status status = convert_part(converting,
	    how->is_html ? CONVERT_FROM_HTML : CONVERT_CHARSET, how,
	    &converting->mime.parts[part]);
	if (!ends_line(converting->out))
		buf_add_string(converting->out, "\r\n");
	return status;
}

/*
 * What a reader is shown of a part: of alternatives one, of what belongs
 * together the text, which comes first; else all.  No deeper than
 * MIME_DEPTH_MAX.
 */
static enum account_status
add_readable(struct converting *converting, uint32_t part)
{
	const struct mime *mime = &converting->mime;
	const struct part_kind *kind = kind_of(converting, part);
	enum account_status status = ACCOUNT_OK;

	if (mime->parts[part].kind == MIME_LEAF)
		return kind->readable == READABLE_NOT
			   ? ACCOUNT_OK
			   : add_text(converting, part);
	if (mime->parts[part].kind == MIME_MESSAGE) {
		uint32_t child = mime->parts[part].child;

		if (child == MIME_NONE)
			return ACCOUNT_OK;
		status = add_fields(converting, child);
		return status == ACCOUNT_OK ? add_readable(converting, child)
					    : status;
	}
	for (uint32_t child = mime->parts[part].child;
	     child != MIME_NONE && status == ACCOUNT_OK;
	     child = mime->parts[child].next) {
		enum readable readable = kind_of(converting, child)->readable;

		if (readable == READABLE_NOT ||
		    (kind->is_alternative && readable != kind->readable))
			continue;
		status = add_readable(converting, child);
		if (kind->is_alternative || kind->is_related)
			break;
	}
	return status;
}

static enum account_status
convert_readable(struct converting *converting, const struct section *section)
{
	enum account_status status = ACCOUNT_OK;

	converting->kinds = buf_new(SIZE_MAX / 2);
	mime_init(&converting->mime, take_header, converting);
	if (!message_parse(converting->fd, &converting->mime))
		status = account_error();
	uint32_t part =
	    mime_find(&converting->mime, section->part, section->part_count);
	if (status == ACCOUNT_OK && part == MIME_NONE)
		status = ACCOUNT_NO_PART;
	add_kinds(converting, converting->mime.count);
	if (status == ACCOUNT_OK) {
		rate_parts(converting);
		if (section->part_count == 0)
			status = add_fields(converting, part);
	}
	if (status == ACCOUNT_OK)
		status = add_readable(converting, part);
	mime_free(&converting->mime);
	bodytext_free(&converting->texts);
	buf_free(&converting->kinds);
	return status;
}

enum account_status
folder_convert(struct folder *folder, size_t i, const struct section *section,
    const struct folder_conversion *conversion, struct buf *out)
{
	struct converting converting = { .conversion = conversion,
		.fd = open_message(folder, i),
		.out = out };

	if (converting.fd == -1)
		return account_error();
	enum account_status status =
	    conversion->how->kind == CONVERT_READABLE
		? convert_readable(&converting, section)
		: convert_leaf(folder, i, &converting, section);
	if (status == ACCOUNT_OK && out->overflow)
		status = ACCOUNT_LIMIT;
	int error = errno;
	close(converting.fd);
	errno = error;
	return status;
}
