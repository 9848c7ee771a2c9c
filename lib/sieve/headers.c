/*
 * headers - the message's header as tests and actions see it, and editheader:
 * RFC 5293.
 */

#include <stdlib.h>
#include <string.h>

#include "mail/edit.h"
#include "mail/header.h"
#include "mail/utf8.h"
#include "mail/words.h"
#include "sieve/compose.h"
#include "sieve/match.h"
#include "sieve/values.h"

enum {
	BYTES_A_STEP = 16,
	FIELD_STEPS = 4, /* of a field's text */
	WORD_STEPS = 16, /* of an encoded word, or what could be one */
	DECODED_GROWTH = 4
};

/* ---- reading it ---- */

struct reading {
	struct sieve_machine *machine;
	struct buf line;
	uint64_t bytes; /* taken of the message */
	bool has_ended; /* its empty line was there */
};

/* A line that is too long, or one too many, is left out. */
static void
add_line(struct reading *reading)
{
	struct buf *header = &reading->machine->header;
	struct buf *line = &reading->line;

	if (line->len > 0 && line->data[line->len - 1] == '\r')
		line->len--;
	if (line->len == 0 && !line->overflow) {
		reading->has_ended = true;
	} else if (!line->overflow && !header->overflow &&
		   header->max - header->len > line->len) {
		buf_add(header, buf_span(line));
		buf_add_char(header, '\n');
	} else {
		reading->machine->is_cut = true;
	}
	buf_clear(line);
}

static bool
take_header(void *context, struct span piece)
{
	struct reading *reading = context;

	while (piece.len > 0 && !reading->has_ended) {
		size_t len = span_index(piece, '\n');

		buf_add(&reading->line, span_slice(piece, 0, len));
		reading->bytes += len + (len < piece.len);
		if (len < piece.len)
			add_line(reading);
		piece = span_slice(piece, len + 1, piece.len);
	}
	return !reading->has_ended && reading->bytes < SIEVE_HEADER_MAX;
}

bool
sieve_headers_read(struct sieve_machine *machine)
{
	struct reading reading = { .machine = machine,
		.line = buf_new(SIEVE_HEADER_MAX) };
	bool is_read = sieve_message_read_raw(
	    machine, 0, machine->run->length, take_header, &reading);

	if (!reading.has_ended && reading.line.len > 0)
		add_line(&reading);
	/* A header of which the end was not seen has one further on. */
	if (!reading.has_ended && reading.bytes < machine->run->length)
		machine->is_cut = true;
	machine->has_body = reading.has_ended || machine->is_cut;
	machine->body = reading.bytes;
	buf_free(&reading.line);
	return is_read;
}

/* ---- its fields ---- */

static bool
is_one_of(struct sieve_list names, struct span name)
{
	for (size_t i = 0; i < names.count; i++)
		if (span_equal_nocase(names.items[i], name))
			return true;
	return false;
}

static bool
spend_header(struct sieve_machine *machine)
{
	return sieve_spend(machine, 1 + machine->header.len / BYTES_A_STEP);
}

static int64_t
count_fields(struct sieve_machine *machine, struct span name)
{
	struct span rest = buf_span(&machine->header);
	struct span found;
	struct span value;
	int64_t count = 0;

	spend_header(machine);
	while (header_next(&rest, &found, &value))
		count += span_equal_nocase(found, name);
	return count;
}

bool
sieve_field_find(struct sieve_machine *machine, struct span name, int64_t index,
    bool is_last, struct span *value)
{
	struct span rest = buf_span(&machine->header);
	struct span found;
	struct span field;

	if (is_last)
		index = count_fields(machine, name) - index + 1;
	if (!spend_header(machine))
		return false;
	while (index > 0 && header_next(&rest, &found, &field)) {
		if (!span_equal_nocase(found, name) || --index > 0)
			continue;
		*value = field;
		return true;
	}
	return false;
}

/*
 * The one that the index tells: RFC 5260 section 6, the fields of the first
 * name are counted before those of the second.
 */
static bool
find_indexed(struct sieve_fields *fields, struct span *value)
{
	struct sieve_machine *machine = fields->machine;
	struct sieve_list names = fields->names;
	int64_t left = fields->index;

	fields->index = -1;
	for (size_t i = 0; i < names.count && left > 0; i++) {
		struct span name =
		    names.items[fields->is_last ? names.count - 1 - i : i];
		int64_t count = count_fields(machine, name);

		if (left <= count)
			return sieve_field_find(
			    machine, name, left, fields->is_last, value);
		left -= count;
	}
	return false;
}

struct sieve_fields
sieve_fields_of(struct sieve_machine *machine, const struct sieve_node *node,
    struct sieve_list names)
{
	/* Each field is looked for among all names. */
	for (size_t i = 0; i < names.count && !machine->has_failed; i++)
		spend_header(machine);
	return (struct sieve_fields){ .machine = machine,
		.names = names,
		.rest = buf_span(&machine->header),
		.index = node->index,
		.is_last = (node->flags & FLAG_LAST) != 0 };
}

bool
sieve_fields_next(struct sieve_fields *fields, struct span *value)
{
	struct span name;

	if (fields->machine->has_failed)
		return false;
	if (fields->index > 0)
		return find_indexed(fields, value);
	if (fields->index < 0)
		return false;
	while (header_next(&fields->rest, &name, value))
		if (is_one_of(fields->names, name))
			return true;
	return false;
}

/* Each "=?" may begin a word of a character set of its own. */
static void
spend_decoding(struct sieve_machine *machine, struct span value)
{
	size_t words = 0;
	struct span rest = value;

	while (rest.len > 0) {
		span_cut(&rest, '=');
		words += rest.len > 0 && rest.ptr[0] == '?';
	}
	sieve_spend(machine,
	    FIELD_STEPS + value.len / BYTES_A_STEP + words * WORD_STEPS);
	sieve_spend_text(machine, value);
}

struct span
sieve_field_text(struct sieve_machine *machine, struct span value)
{
	struct buf text = buf_new(DECODED_GROWTH * value.len + 64);
	struct span kept;

	spend_decoding(machine, value);
	words_add_decoded(&text, value);
	kept = sieve_scratch_copy(machine, span_trim(buf_span(&text)));
	buf_free(&text);
	return kept;
}

/* ---- tests ---- */

bool
sieve_test_header(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct sieve_list names =
	    sieve_expand_list(machine, node->arguments[0]);
	struct sieve_fields fields = sieve_fields_of(machine, node, names);
	struct match match;
	struct span value;

	match_begin(&match, machine, node, node->arguments[1]);
	while (sieve_fields_next(&fields, &value))
		if (match_value(&match, match.type == MATCH_COUNT
					    ? value
					    : sieve_field_text(machine, value)))
			break;
	return match_end(&match);
}

/* All of them, RFC 5228 section 5.5. */
bool
sieve_test_exists(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct sieve_list names =
	    sieve_expand_list(machine, node->arguments[0]);
	struct span value;

	for (size_t i = 0; i < names.count; i++)
		if (!sieve_field_find(
			machine, names.items[i], 1, false, &value))
			return false;
	return !machine->has_failed;
}

/* ---- editheader ---- */

/* They tell of loops: RFC 5293 section 6 lets us leave them as they are, and a
 * script that would change them goes on. */
static bool
is_protected(struct span name)
{
	static const char *const fields[] = { "Received", "Auto-Submitted",
		"Delivered-To" };

	return span_is_one_of(name, fields, sizeof(fields) / sizeof(*fields));
}

struct span
sieve_header_now(struct sieve_machine *machine)
{
	if (!machine->is_edited)
		return (struct span){ NULL, 0 };
	if (machine->snapshot.ptr == NULL)
		machine->snapshot = sieve_keep_buf(machine, &machine->header);
	return machine->snapshot;
}

/* One that was not read to its end would lose the rest.  What it is before the
 * first edit is kept. */
static bool
may_edit(struct sieve_machine *machine, struct span name)
{
	if (!values_is_field_name(name))
		return sieve_fail(machine, "\"%.*s\" is no name of a field",
		    (int)name.len, name.ptr);
	if (machine->is_cut)
		return sieve_fail(
		    machine, "the header is too long to be edited");
	if (machine->own_header.ptr == NULL)
		machine->own_header =
		    sieve_keep_copy(machine, buf_span(&machine->header));
	return true;
}

static void
note_edit(struct sieve_machine *machine)
{
	machine->is_edited = true;
	machine->snapshot = (struct span){ NULL, 0 };
}

void
sieve_run_addheader(
    struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span name = sieve_expand_one(machine, node->arguments[0]);
	struct span value = sieve_expand_one(machine, node->arguments[1]);
	bool is_last = (node->flags & FLAG_LAST) != 0;

	if (!utf8_is_valid(value)) {
		sieve_fail(machine, "the value is no UTF-8");
	} else if (may_edit(machine, name) && !is_protected(name)) {
		struct buf encoded = buf_new(SIEVE_HEADER_MAX);

		compose_add_value(&encoded, name.len + 1, value);
		if (encoded.overflow)
			machine->header.overflow = true;
		else if (is_last)
			edit_add(&machine->header, name, buf_span(&encoded));
		else
			edit_insert(
			    &machine->header, 1, name, buf_span(&encoded));
		buf_free(&encoded);
		note_edit(machine);
	}
	if (machine->header.overflow || !spend_header(machine))
		sieve_fail(machine, "the header becomes too long");
	sieve_trace(machine, node, "%.*s", (int)(name.len < 80 ? name.len : 80),
	    name.ptr);
}

/* From first up to last, those whose value fits one of the patterns; how many
 * these were. */
static int64_t
delete_matching(struct sieve_machine *machine, const struct sieve_node *node,
    struct span name, int64_t first, int64_t last)
{
	struct match match;
	struct span value;
	int64_t deleted = 0;

	match_begin(&match, machine, node, node->arguments[1]);
	/* From below, so that those above keep their number. */
	for (int64_t i = last; i >= first && !machine->has_failed; i--) {
		if (!sieve_field_find(machine, name, i, false, &value) ||
		    (node->arguments[1].items != NULL &&
			!match_one(&match, sieve_field_text(machine, value))))
			continue;
		edit_delete(&machine->header, (size_t)i, name);
		deleted++;
	}
	match_end(&match);
	return deleted;
}

void
sieve_run_deleteheader(
    struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span name = sieve_expand_one(machine, node->arguments[0]);
	int64_t count = count_fields(machine, name);
	int64_t first = 1;
	int64_t last = count;
	int64_t deleted = count;

	if (!may_edit(machine, name) || is_protected(name))
		return;
	if (node->index > 0) {
		first = (node->flags & FLAG_LAST) != 0 ? count - node->index + 1
						       : node->index;
		last = first < count ? first : count;
	}
	if (node->index == 0 && node->arguments[1].items == NULL)
		edit_delete(&machine->header, 0, name);
	else
		deleted = first < 1 ? 0
				    : delete_matching(
					  machine, node, name, first, last);
	if (deleted > 0)
		note_edit(machine);
	sieve_trace(machine, node, "%lld of %.*s", (long long)deleted,
	    (int)(name.len < 80 ? name.len : 80), name.ptr);
}
