#include "mail/structure.h"

#include <stdlib.h>

#include "base/die.h"
#include "mail/contenttype.h"
#include "mail/header.h"
#include "mail/structure_text.h"

struct slice {
	size_t start;
	size_t len;
};

/* Of a leaf fields are `"text" "plain" (...) NIL NIL "7bit"`, of a multipart
 * `"mixed"`. */
struct structure_part {
	struct slice fields;
	struct slice parameters; /* a multipart's */
	struct slice md5;
	struct slice extension; /* disposition, language, location */
	struct slice envelope;  /* of the message that begins here */
};

static const char plain_text[] =
    "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\"";

void
structure_init(struct structure *structure, bool is_extended, bool is_utf8)
{
	*structure = (struct structure){ .is_utf8 = is_utf8,
		.is_extended = is_extended,
		.text = buf_new(STRUCTURE_MAX) };
}

void
structure_free(struct structure *structure)
{
	buf_free(&structure->text);
	free(structure->parts);
	structure->parts = NULL;
	structure->count = structure->room = 0;
}

static struct structure_part *
add_part(struct structure *structure, uint32_t part)
{
	while (part >= structure->room) {
		uint32_t room = structure->room == 0 ? 4 : structure->room * 2;
		struct structure_part *parts =
		    reallocarray(structure->parts, room, sizeof(*parts));

		if (parts == NULL)
			temp_fail("out of memory");
		structure->parts = parts;
		structure->room = room;
	}
	while (structure->count <= part)
		structure->parts[structure->count++] =
		    (struct structure_part){ { 0 }, { 0 }, { 0 }, { 0 },
			    { 0 } };
	return &structure->parts[part];
}

static struct slice
slice_from(const struct structure *structure, size_t start)
{
	return (struct slice){ start, structure->text.len - start };
}

static void
add_slice(
    struct buf *into, const struct structure *structure, struct slice slice)
{
	buf_add(into,
	    span_slice(buf_span(&structure->text), slice.start, slice.len));
}

/* ---- one header ---- */

struct fields {
	struct content_type type;
	struct span id;
	struct span description;
	struct span encoding;
	struct span md5;
	struct span disposition;
	struct span language;
	struct span location;
};

static void
find_fields(struct span header, const char *default_type, struct fields *fields)
{
	struct span content_type = span_of(default_type);
	bool has_type = false;
	struct span name;
	struct span value;
	struct {
		const char *name;
		struct span *value;
	} wanted[] = { { "Content-ID", &fields->id },
		{ "Content-Description", &fields->description },
		{ "Content-Transfer-Encoding", &fields->encoding },
		{ "Content-MD5", &fields->md5 },
		{ "Content-Disposition", &fields->disposition },
		{ "Content-Language", &fields->language },
		{ "Content-Location", &fields->location } };

	*fields = (struct fields){ .id = { NULL, 0 } };
	while (header_next(&header, &name, &value)) {
		if (!span_starts_nocase(name, span_of("Content-")))
			continue;
		if (!has_type &&
		    span_equal_nocase(name, span_of("Content-Type"))) {
			content_type = value;
			has_type = true;
		}
		for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
			if (wanted[i].value->ptr == NULL &&
			    span_equal_nocase(name, span_of(wanted[i].name)))
				*wanted[i].value = value;
	}
	content_type_parse(content_type, &fields->type);
	if (fields->type.type.len == 0)
		content_type_parse(span_of(default_type), &fields->type);
}

static void
add_nstring(struct structure *structure, struct span value)
{
	buf_add_char(&structure->text, ' ');
	structure_add_value(&structure->text, value, structure->is_utf8);
}

static void
add_extension(struct structure *structure, const struct fields *fields)
{
	struct buf *text = &structure->text;
	bool is_utf8 = structure->is_utf8;

	buf_add_char(text, ' ');
	structure_add_disposition(text, fields->disposition, is_utf8);
	buf_add_char(text, ' ');
	structure_add_languages(text, fields->language, is_utf8);
	add_nstring(structure, fields->location);
}

/*
 * A leaf's fields.  What says it holds parts or a message, and was not looked
 * into, would promise what does not follow.
 */
static void
add_leaf_fields(struct structure *structure, const struct fields *fields,
    enum mime_kind kind)
{
	struct buf *text = &structure->text;
	const struct content_type *type = &fields->type;
	struct span encoding = content_token(fields->encoding);
	bool is_utf8 = structure->is_utf8;

	if (kind == MIME_LEAF && content_type_is(type, "multipart", NULL)) {
		buf_add_string(text, plain_text);
		return;
	}
	if (kind == MIME_LEAF &&
	    (content_type_is(type, "message", "rfc822") ||
		content_type_is(type, "message", "global")))
		buf_add_string(text, "\"application\" \"octet-stream\"");
	else if (kind == MIME_MESSAGE)
		buf_add_string(text, "\"message\" \"rfc822\"");
	else {
		structure_add_string(text, type->type, is_utf8);
		buf_add_char(text, ' ');
		structure_add_string(text, type->subtype, is_utf8);
	}
	buf_add_char(text, ' ');
	structure_add_parameters(text, type->parameters, is_utf8);
	add_nstring(structure, fields->id);
	add_nstring(structure, fields->description);
	buf_add_char(text, ' ');
	structure_add_string(
	    text, encoding.len > 0 ? encoding : span_of("7bit"), is_utf8);
}

void
structure_take_header(struct structure *structure, const struct mime *mime,
    uint32_t part, struct span header)
{
	struct structure_part *out = add_part(structure, part);
	const struct mime_part *in = &mime->parts[part];
	struct buf *text = &structure->text;
	struct fields fields;
	size_t start = text->len;

	find_fields(header,
	    in->is_in_digest && in->kind != MIME_MULTIPART
		? "message/rfc822"
		: "text/plain; charset=us-ascii",
	    &fields);
	if (in->kind == MIME_MULTIPART) {
		structure_add_string(
		    text, fields.type.subtype, structure->is_utf8);
		out->fields = slice_from(structure, start);
		start = text->len;
		structure_add_parameters(
		    text, fields.type.parameters, structure->is_utf8);
		out->parameters = slice_from(structure, start);
	} else {
		add_leaf_fields(structure, &fields, in->kind);
		out->fields = slice_from(structure, start);
		start = text->len;
		add_nstring(structure, fields.md5);
		out->md5 = slice_from(structure, start);
	}
	start = text->len;
	add_extension(structure, &fields);
	out->extension = slice_from(structure, start);
	start = text->len;
	if (in->parent != MIME_NONE &&
	    mime->parts[in->parent].kind == MIME_MESSAGE)
		structure_add_envelope(text, header, structure->is_utf8);
	out->envelope = slice_from(structure, start);
}

/* ---- all of it ---- */

static void add_body(const struct structure *structure, const struct mime *mime,
    uint32_t part, struct buf *into);

static void
add_multipart(const struct structure *structure, const struct mime *mime,
    uint32_t part, struct buf *into)
{
	const struct structure_part *fields = &structure->parts[part];

	for (uint32_t child = mime->parts[part].child; child != MIME_NONE;
	     child = mime->parts[child].next)
		add_body(structure, mime, child, into);
	buf_add_char(into, ' ');
	add_slice(into, structure, fields->fields);
	if (!structure->is_extended)
		return;
	buf_add_char(into, ' ');
	add_slice(into, structure, fields->parameters);
	add_slice(into, structure, fields->extension);
}

static void
add_leaf(const struct structure *structure, const struct mime *mime,
    uint32_t part, struct buf *into)
{
	const struct structure_part *fields = &structure->parts[part];
	const struct mime_part *in = &mime->parts[part];
	unsigned long long lines = in->end.lines - in->body.lines;

	/* What was to be a multipart was not known to be none. */
	if (fields->parameters.len > 0)
		buf_add_string(into, plain_text);
	else
		add_slice(into, structure, fields->fields);
	buf_printf(
	    into, " %llu", (unsigned long long)(in->end.wire - in->body.wire));
	if (in->kind == MIME_MESSAGE) {
		buf_add_char(into, ' ');
		add_slice(
		    into, structure, structure->parts[in->child].envelope);
		buf_add_char(into, ' ');
		add_body(structure, mime, in->child, into);
	}
	if (in->kind == MIME_MESSAGE || in->is_text)
		buf_printf(into, " %llu", lines);
	if (!structure->is_extended)
		return;
	if (fields->parameters.len > 0)
		buf_add_string(into, " NIL");
	else
		add_slice(into, structure, fields->md5);
	add_slice(into, structure, fields->extension);
}

/* No deeper than MIME_DEPTH_MAX. */
static void
add_body(const struct structure *structure, const struct mime *mime,
    uint32_t part, struct buf *into)
{
	buf_add_char(into, '(');
	if (mime->parts[part].kind == MIME_MULTIPART)
		add_multipart(structure, mime, part, into);
	else
		add_leaf(structure, mime, part, into);
	buf_add_char(into, ')');
}

bool
structure_add_part(struct structure *structure, const struct mime *mime,
    uint32_t part, struct buf *into)
{
	size_t start = into->len;

	if (!structure->text.overflow)
		add_body(structure, mime, part, into);
	if (!structure->text.overflow && !into->overflow)
		return true;
	into->len = start;
	into->overflow = false;
	return false;
}

void
structure_add(
    struct structure *structure, const struct mime *mime, struct buf *into)
{
	const struct mime_part *root = &mime->parts[0];

	if (structure_add_part(structure, mime, 0, into))
		return;
	buf_printf(into, "(%s %llu %llu%s)", plain_text,
	    (unsigned long long)(root->end.wire - root->body.wire),
	    (unsigned long long)(root->end.lines - root->body.lines),
	    structure->is_extended ? " NIL NIL NIL NIL" : "");
}
