#include "mail/mime.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "mail/contenttype.h"
#include "mail/decoder.h"
#include "mail/header.h"

struct mime_level {
	uint32_t part;
	uint32_t last_child;
	size_t boundary_len; /* 0: no delimiter is looked for */
	char boundary[MIME_BOUNDARY_MAX];
};

static void *
allocate(void *old, size_t count, size_t size)
{
	void *memory = reallocarray(old, count, size);

	if (memory == NULL)
		temp_fail("out of memory");
	return memory;
}

/* Open a part in the innermost open one; its header begins at point. */
static void
open_part(struct mime *mime, struct mime_point point)
{
	struct mime_level *level = &mime->levels[mime->depth];
	struct mime_level *outer = mime->depth > 0 ? level - 1 : NULL;
	uint32_t part = mime->count++;

	if (part == mime->room) {
		mime->room = mime->room == 0 ? 4 : mime->room * 2;
		mime->parts =
		    allocate(mime->parts, mime->room, sizeof(*mime->parts));
	}
	mime->parts[part] =
	    (struct mime_part){ .parent =
				    outer == NULL ? MIME_NONE : outer->part,
		    .child = MIME_NONE,
		    .next = MIME_NONE,
		    .header = point };
	if (outer != NULL) {
		if (outer->last_child == MIME_NONE)
			mime->parts[outer->part].child = part;
		else
			mime->parts[outer->last_child].next = part;
		outer->last_child = part;
	}
	mime->depth++;
	/* NOLINTNEXTLINE(clang-analyzer-core.*): mime_init made them */
	level->part = part;
	level->last_child = MIME_NONE;
	level->boundary_len = 0;
	mime->in_header = true;
}

void
mime_init(struct mime *mime,
    void (*take_header)(void *context, uint32_t part, struct span header),
    void *context)
{
	*mime = (struct mime){ .take_header = take_header,
		.context = context,
		.header = buf_new(MIME_HEADER_MAX),
		.kept = buf_new(MIME_LINE_KEPT),
		.levels = allocate(
		    NULL, MIME_DEPTH_MAX + 1, sizeof(struct mime_level)) };
	open_part(mime, mime->at);
}

void
mime_free(struct mime *mime)
{
	free(mime->parts);
	free(mime->levels);
	buf_free(&mime->header);
	buf_free(&mime->kept);
	mime->parts = NULL;
	mime->levels = NULL;
	mime->count = mime->room = 0;
}

/* ---- what a header says ---- */

static bool
may_open(const struct mime *mime)
{
	return mime->depth < MIME_DEPTH_MAX && mime->count < MIME_PARTS_MAX;
}

static void
set_boundary(struct mime_level *level, const struct content_type *type)
{
	struct buf boundary = buf_new(MIME_BOUNDARY_MAX);

	if (content_type_parameter(type, "boundary", &boundary)) {
		while (
		    boundary.len > 0 && boundary.data[boundary.len - 1] == ' ')
			boundary.len--;
		if (boundary.len > 0)
			memcpy(level->boundary, boundary.data, boundary.len);
		level->boundary_len = boundary.len;
	}
	buf_free(&boundary);
}

static bool
is_in_digest(const struct mime *mime, const struct mime_part *part)
{
	return part->parent != MIME_NONE &&
	       mime->parts[part->parent].is_in_digest &&
	       mime->parts[part->parent].kind == MIME_MULTIPART;
}

/* A message that is encoded cannot be looked into. */
static bool
is_message(const struct content_type *type, struct span header)
{
	struct span encoding;

	return (content_type_is(type, "message", "rfc822") ||
		   content_type_is(type, "message", "global")) &&
	       (!header_find(header, "Content-Transfer-Encoding", &encoding) ||
		   decoder_kind_of(encoding) == DECODER_AS_IS);
}

static void
read_header(struct mime *mime, struct span header)
{
	struct mime_level *level = &mime->levels[mime->depth - 1];
	struct mime_part *part = &mime->parts[level->part];
	struct content_type type;
	struct span value;
	bool is_digest_part = is_in_digest(mime, part);

	if (header_find(header, "Content-Type", &value))
		content_type_parse(value, &type);
	else
		type = (struct content_type){ .type = { "", 0 } };
	if (type.type.len == 0)
		content_type_parse(is_digest_part ? span_of("message/rfc822")
						  : span_of("text/plain"),
		    &type);
	/* A multipart that proves to be none is read as text. */
	part->is_text = content_type_is(&type, "text", NULL) ||
			content_type_is(&type, "multipart", NULL);
	if (content_type_is(&type, "multipart", NULL))
		set_boundary(level, &type);
	/* Of a multipart the bit says what its children are. */
	part->is_in_digest = is_digest_part;
	if (level->boundary_len > 0 && may_open(mime)) {
		part->kind = MIME_MULTIPART;
		part->is_in_digest =
		    content_type_is(&type, "multipart", "digest");
		return;
	}
	level->boundary_len = 0;
	if (is_message(&type, header) && may_open(mime))
		part->kind = MIME_MESSAGE;
}

/* The header of the innermost part ended at point. */
static void
end_header(struct mime *mime, struct mime_point point)
{
	struct span header = buf_span(&mime->header);
	uint32_t part = mime->levels[mime->depth - 1].part;

	mime->in_header = false;
	mime->parts[part].body = point;
	read_header(mime, header);
	if (mime->take_header != NULL)
		mime->take_header(mime->context, part, header);
	buf_clear(&mime->header);
	if (mime->parts[part].kind == MIME_MESSAGE)
		open_part(mime, point);
}

/* ---- delimiters ---- */

/* The innermost part goes if it was only promised, and is not the only one. */
static void
drop_promised(struct mime *mime)
{
	struct mime_level *level = &mime->levels[mime->depth - 1];
	struct mime_level *outer = level - 1;
	uint32_t before = mime->parts[outer->part].child;

	if (mime->parts[level->part].header.raw != mime->line.raw ||
	    mime->parts[outer->part].kind != MIME_MULTIPART ||
	    before == level->part)
		return;
	while (mime->parts[before].next != level->part)
		before = mime->parts[before].next;
	mime->parts[before].next = MIME_NONE;
	outer->last_child = before;
	/* Its header was not ended: it has no parts, and is the last. */
	mime->count--;
	mime->depth--;
	mime->in_header = false;
}

static void
close_parts(struct mime *mime, size_t depth, struct mime_point point)
{
	if (mime->in_header && mime->depth > depth + 1)
		drop_promised(mime);
	if (mime->in_header)
		end_header(mime, mime->line);
	/* That may have opened the message in it, which is empty. */
	if (mime->in_header)
		end_header(mime, mime->line);
	while (mime->depth > depth) {
		struct mime_part *part =
		    &mime->parts[mime->levels[--mime->depth].part];

		/* An empty body; what is around it holds its header. */
		if (point.raw < part->body.raw)
			point = part->body;
		part->end = point;
		if (part->kind == MIME_MULTIPART && part->child == MIME_NONE) {
			part->kind = MIME_LEAF;
			part->is_text = true;
			part->is_in_digest = false;
		}
	}
}

/* "--boundary", or "--boundary--", and space: the level it belongs to. */
static bool
find_level(
    const struct mime *mime, struct span line, size_t *level, bool *is_close)
{
	line = span_slice(line, 2, line.len);
	while (line.len > 0 && strchr(" \t\r", line.ptr[line.len - 1]) != NULL)
		line.len--;
	for (size_t i = mime->depth; i > 0; i--) {
		const struct mime_level *candidate = &mime->levels[i - 1];
		struct span boundary = { candidate->boundary,
			candidate->boundary_len };

		if (boundary.len == 0 || !span_starts(line, boundary))
			continue;
		struct span rest = span_slice(line, boundary.len, line.len);
		*is_close = span_equal(rest, span_of("--"));
		*level = i - 1;
		if (rest.len == 0 || *is_close)
			return true;
	}
	return false;
}

/* after is where the line that follows begins. */
static bool
take_delimiter(struct mime *mime, struct span line, struct mime_point after)
{
	size_t level;
	bool is_close;

	if (line.len < 2 || line.ptr[0] != '-' || line.ptr[1] != '-' ||
	    !find_level(mime, line, &level, &is_close))
		return false;
	close_parts(mime, level + 1, mime->before_end);
	/* Of parts beyond the limit no more is known. */
	if (is_close || mime->count == MIME_PARTS_MAX)
		mime->levels[level].boundary_len = 0;
	else
		open_part(mime, after);
	return true;
}

/* ---- lines ---- */

/* Some of a line; what decides about it is kept. */
static void
add_piece(struct mime *mime, struct span piece)
{
	if (mime->in_header)
		buf_add(&mime->header,
		    span_slice(piece, 0, MIME_HEADER_MAX - mime->header.len));
	buf_add(
	    &mime->kept, span_slice(piece, 0, MIME_LINE_KEPT - mime->kept.len));
	if (piece.len > 0)
		mime->has_cr = piece.ptr[piece.len - 1] == '\r';
	mime->line_len += piece.len;
}

/* The line's content begins at mime->line; whole is it, or its start. */
static void
end_line(struct mime *mime, struct span whole, bool has_newline)
{
	uint64_t content = mime->line_len - (mime->has_cr && has_newline);
	struct mime_point after = mime->line;

	after.raw += mime->line_len + has_newline;
	after.wire += content + (has_newline ? 2 : 0);
	after.lines += has_newline;
	bool is_delimiter = take_delimiter(mime, whole, after);
	if (!is_delimiter && mime->in_header && has_newline) {
		if (content == 0)
			end_header(mime, after);
		else if (mime->header.len < MIME_HEADER_MAX)
			buf_add_char(&mime->header, '\n');
	}
	mime->before_end = mime->line;
	mime->before_end.raw += content;
	mime->before_end.wire += content;
	mime->line = mime->at = after;
	mime->line_len = 0;
	mime->has_cr = false;
	buf_clear(&mime->kept);
}

/* A header is kept with LF; a delimiter that cuts it off is no field of it. */
static void
add_header_line(struct mime *mime, struct span line)
{
	bool has_cr = line.len > 0 && line.ptr[line.len - 1] == '\r';

	add_piece(mime, span_slice(line, 0, line.len - has_cr));
	mime->line_len += has_cr;
	if (line.len > 0)
		mime->has_cr = has_cr;
}

void
mime_add(struct mime *mime, struct span bytes)
{
	while (bytes.len > 0) {
		size_t newline = span_index(bytes, '\n');
		struct span piece = span_slice(bytes, 0, newline);
		bool is_whole = newline < bytes.len;

		bytes = span_slice(bytes, newline + 1, bytes.len);
		if (is_whole && mime->line_len == 0 && !mime->in_header) {
			mime->line_len = piece.len;
			mime->has_cr =
			    piece.len > 0 && piece.ptr[piece.len - 1] == '\r';
			end_line(mime, piece, true);
			continue;
		}
		if (is_whole && mime->in_header)
			add_header_line(mime, piece);
		else
			add_piece(mime, piece);
		if (!is_whole)
			return;
		end_line(mime, buf_span(&mime->kept), true);
	}
}

void
mime_finish(struct mime *mime)
{
	if (mime->line_len > 0) {
		end_line(mime, buf_span(&mime->kept), false);
		mime->before_end = mime->at;
	}
	if (mime->in_header)
		mime->line = mime->at;
	close_parts(mime, 0, mime->at);
}

uint32_t
mime_find(const struct mime *mime, const uint32_t *path, size_t path_len)
{
	uint32_t part = 0;

	for (size_t i = 0; i < path_len; i++) {
		const struct mime_part *here = &mime->parts[part];

		if (i > 0 && here->kind == MIME_MESSAGE) {
			part = here->child;
			here = &mime->parts[part];
		} else if (i > 0 && here->kind != MIME_MULTIPART) {
			return MIME_NONE;
		}
		if (here->kind != MIME_MULTIPART) {
			if (path[i] != 1)
				return MIME_NONE;
			continue;
		}
		part = here->child;
		for (uint32_t k = 1; k < path[i] && part != MIME_NONE; k++)
			part = mime->parts[part].next;
		if (path[i] == 0 || part == MIME_NONE)
			return MIME_NONE;
	}
	return part;
}
