/*
 * body - the test body, RFC 5173: :raw, :content and :text.
 *
 * Strings  are read in pieces and matched as they come (sieve/match.h): their
 *          lines end with CRLF, text is in UTF-8, of HTML :text has what it
 *          shows.
 * Parts    as the message came: what editheader did to the fields that say how
 *          it is to be read does not count (RFC 5293 section 7).
 */

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "mail/bodytext.h"
#include "mail/contenttype.h"
#include "mail/header.h"
#include "mail/html_text.h"
#include "sieve/match.h"

enum {
	TYPE_MAX_BYTES = 100,
	PIECE_MAX = 1 << 20,
	STRING_STEPS = 16,   /* of one, however short */
	TEXT_A_STEP = 128,   /* bytes in some encoding */
	DELIMITER_MAX = 1024 /* a line of it, with spaces behind */
};

struct body_part {
	char type[TYPE_MAX_BYTES]; /* "text/plain" */
	size_t type_len;
	struct bodytext_part text; /* how to read it */
};

struct sieve_body {
	struct mime mime;
	struct body_part *parts; /* as many as mime has */
	uint32_t room;
};

/* ---- parts ---- */

static void
set_type(struct body_part *part, struct span main_type, struct span subtype)
{
	struct buf type = buf_new(TYPE_MAX_BYTES);

	buf_add(&type, main_type);
	buf_add_char(&type, '/');
	buf_add(&type, subtype);
	if (!type.overflow) {
		memcpy(part->type, type.data, type.len);
		part->type_len = type.len;
	}
	buf_free(&type);
}

static void
take_part(void *context, uint32_t number, struct span header)
{
	struct sieve_body *body = context;
	struct content_type type = { .type = { "", 0 } };
	struct body_part *part;
	struct span value;

	if (number >= body->room) {
		body->room = 2 * number + 4;
		body->parts =
		    reallocarray(body->parts, body->room, sizeof(*body->parts));
		if (body->parts == NULL)
			temp_fail("out of memory");
	}
	part = &body->parts[number];
	*part = (struct body_part){ .text = { .part = number } };
	if (header_find(header, "Content-Type", &value))
		content_type_parse(value, &type);
	if (type.type.len == 0)
		content_type_parse(body->mime.parts[number].is_in_digest
				       ? span_of("message/rfc822")
				       : span_of("text/plain"),
		    &type);
	set_type(part, type.type, type.subtype);
	bodytext_set_charset(&part->text, &type);
	part->text.is_html = content_type_is(&type, "text", "html");
	if (header_find(header, "Content-Transfer-Encoding", &value))
		part->text.encoding = decoder_kind_of(value);
}

static bool
take_piece(void *context, struct span piece)
{
	mime_add(context, piece);
	return true;
}

/* Looked at once in a run; NULL: it failed. */
static struct sieve_body *
parts_of(struct sieve_machine *machine)
{
	struct sieve_body *body = machine->parts;

	if (body != NULL)
		return machine->has_failed ? NULL : body;
	body = calloc(1, sizeof(*body));
	if (body == NULL)
		temp_fail("out of memory");
	machine->parts = body;
	mime_init(&body->mime, take_part, body);
	sieve_message_read_raw(
	    machine, 0, machine->run->length, take_piece, &body->mime);
	mime_finish(&body->mime);
	return machine->has_failed ? NULL : body;
}

void
sieve_body_free(struct sieve_machine *machine)
{
	if (machine->parts == NULL)
		return;
	mime_free(&machine->parts->mime);
	free(machine->parts->parts);
	free(machine->parts);
	machine->parts = NULL;
}

/* ---- a string ---- */

struct stream {
	struct match *match;
	const struct bodytext_part *part; /* NULL: as it stands */
	bool is_text;                     /* to be read as UTF-8 */
	bool is_html;                     /* and without its tags */
	struct decoder decoder;
	struct bodytext_stream text;
	struct html_text html;
	struct buf out;
	struct buf shown;
};

static void
pass(struct stream *stream, struct span bytes)
{
	if (!stream->is_html) {
		match_piece(stream->match, bytes);
		return;
	}
	buf_clear(&stream->shown);
	html_text_piece(&stream->html, &stream->shown, bytes);
	match_piece(stream->match, buf_span(&stream->shown));
}

static bool
take_bytes(void *context, struct span piece)
{
	struct stream *stream = context;

	buf_clear(&stream->out);
	sieve_spend(stream->match->machine, piece.len / TEXT_A_STEP);
	if (stream->is_text)
		bodytext_piece(&stream->text, &stream->out, piece);
	else if (stream->part != NULL)
		decoder_add(&stream->decoder, &stream->out, piece);
	/* Of another character set it took as long again, of HTML longer. */
	sieve_spend_text(stream->match->machine, buf_span(&stream->out));
	if (stream->is_html)
		sieve_spend(stream->match->machine,
		    stream->out.len - stream->out.len / 4);
	pass(stream, stream->part == NULL ? piece : buf_span(&stream->out));
	return match_wants_pieces(stream->match);
}

static void
end_bytes(struct stream *stream)
{
	buf_clear(&stream->out);
	if (stream->is_text)
		bodytext_end(&stream->text, &stream->out);
	else if (stream->part != NULL)
		decoder_end(&stream->decoder, &stream->out);
	pass(stream, buf_span(&stream->out));
	if (stream->is_html) {
		buf_clear(&stream->shown);
		html_text_end(&stream->html, &stream->shown);
		match_piece(stream->match, buf_span(&stream->shown));
	}
	match_end_pieces(stream->match);
}

/* The message from start up to end is one string. */
static void
match_bytes(struct stream *stream, uint64_t start, uint64_t end)
{
	sieve_spend(stream->match->machine, STRING_STEPS);
	stream->out = buf_new(PIECE_MAX);
	stream->shown = buf_new(PIECE_MAX);
	if (stream->is_text)
		bodytext_begin(&stream->text, stream->part);
	else if (stream->part != NULL)
		decoder_init(&stream->decoder, stream->part->encoding);
	if (stream->is_html)
		html_text_begin(&stream->html);
	match_begin_pieces(stream->match);
	if (match_wants_pieces(stream->match))
		sieve_message_read(
		    stream->match->machine, start, end, take_bytes, stream);
	end_bytes(stream);
	buf_free(&stream->out);
	buf_free(&stream->shown);
}

static void
match_plain(struct match *match, uint64_t start, uint64_t end)
{
	struct stream stream = { .match = match };

	match_bytes(&stream, start, end);
}

static void
match_leaf(struct match *match, const struct sieve_body *body, uint32_t number,
    bool is_shown)
{
	const struct mime_part *part = &body->mime.parts[number];
	struct stream stream = { .match = match,
		.part = &body->parts[number].text,
		.is_text = part->is_text };

	stream.is_html = is_shown && stream.part->is_html;
	match_bytes(&stream, part->body.raw, part->end.raw);
}

/* ---- what is around the parts of a multipart ---- */

struct window {
	char bytes[DELIMITER_MAX];
	size_t len;
};

static bool
take_window(void *context, struct span piece)
{
	struct window *window = context;
	struct span fits =
	    span_slice(piece, 0, sizeof(window->bytes) - window->len);

	if (fits.len > 0)
		memcpy(window->bytes + window->len, fits.ptr, fits.len);
	window->len += fits.len;
	return window->len < sizeof(window->bytes);
}

static struct span
read_window(struct sieve_machine *machine, struct window *window,
    uint64_t start, uint64_t end)
{
	window->len = 0;
	sieve_message_read_raw(machine, start, end, take_window, window);
	return (struct span){ window->bytes, window->len };
}

static struct span
without_line_end(struct span text)
{
	if (text.len > 0 && text.ptr[text.len - 1] == '\n')
		text.len--;
	if (text.len > 0 && text.ptr[text.len - 1] == '\r')
		text.len--;
	return text;
}

/* Up to the first delimiter, whose line ends at end. */
static void
match_prologue(struct match *match, uint64_t start, uint64_t end)
{
	struct window window;
	uint64_t from =
	    end - start < DELIMITER_MAX ? start : end - DELIMITER_MAX;
	struct span text =
	    without_line_end(read_window(match->machine, &window, from, end));
	size_t newline = span_last_index(text, '\n');

	/* The delimiter's own line, and the line end that is part of it. */
	text.len = newline < text.len ? newline + 1 : 0;
	match_plain(match, start, from + without_line_end(text).len);
}

/* Behind the delimiter that follows the last part. */
static void
match_epilogue(struct match *match, uint64_t start, uint64_t end)
{
	struct window window;
	struct span text = read_window(match->machine, &window, start, end);
	struct span rest = text;

	span_cut(&rest, '\n');
	span_cut(&rest, '\n');
	match_plain(match, start + (text.len - rest.len), end);
}

static void
match_multipart(
    struct match *match, const struct mime *mime, const struct mime_part *part)
{
	uint32_t last = part->child;

	match_prologue(match, part->body.raw, mime->parts[last].header.raw);
	while (mime->parts[last].next != MIME_NONE)
		last = mime->parts[last].next;
	if (!match->holds)
		match_epilogue(match, mime->parts[last].end.raw, part->end.raw);
}

/* ---- the test ---- */

/* RFC 5173 section 5.2. */
static bool
is_type(struct span wanted, struct span type)
{
	size_t slash = span_index(wanted, '/');

	if (wanted.len == 0)
		return true;
	if (slash == wanted.len)
		return span_equal_nocase(
		    wanted, span_slice(type, 0, span_index(type, '/')));
	return slash > 0 && slash + 1 < wanted.len &&
	       span_equal_nocase(wanted, type);
}

static bool
is_wanted(struct sieve_list types, const struct body_part *part)
{
	struct span type = { part->type, part->type_len };

	for (size_t i = 0; i < types.count; i++)
		if (is_type(types.items[i], type))
			return true;
	return false;
}

static void
match_content(struct match *match, struct sieve_list types)
{
	struct sieve_body *body = parts_of(match->machine);

	for (uint32_t i = 0;
	     body != NULL && i < body->mime.count && !match->holds; i++) {
		const struct mime_part *part = &body->mime.parts[i];
		const struct mime_part *inner =
		    part->kind == MIME_MESSAGE ? &body->mime.parts[part->child]
					       : NULL;

		if (!is_wanted(types, &body->parts[i]))
			continue;
		switch (part->kind) {
		case MIME_LEAF:
			match_leaf(match, body, i, false);
			break;
		case MIME_MULTIPART:
			match_multipart(match, &body->mime, part);
			break;
		case MIME_MESSAGE:
			match_plain(match, inner->header.raw, inner->body.raw);
			break;
		}
	}
}

static void
match_text(struct match *match)
{
	struct sieve_body *body = parts_of(match->machine);

	for (uint32_t i = 0;
	     body != NULL && i < body->mime.count && !match->holds; i++)
		if (body->mime.parts[i].kind == MIME_LEAF &&
		    body->mime.parts[i].is_text)
			match_leaf(match, body, i, true);
}

bool
sieve_test_body(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct sieve_list types =
	    sieve_expand_list(machine, node->options[OPTION_CONTENT]);
	struct match match;

	match_begin(&match, machine, node, node->arguments[0]);
	/* RFC 5173 section 6. */
	match.sets_captures = false;
	if (!machine->has_body)
		return match_end(&match);
	if (node->flags & FLAG_RAW)
		match_plain(&match, machine->body, machine->run->length);
	else if (types.items != NULL)
		match_content(&match, types);
	else
		match_text(&match);
	return match_end(&match);
}
