#include "imapd/section.h"

#include <stdlib.h>

#include "base/die.h"

void
fetch_request_init(struct fetch_request *request)
{
	*request = (struct fetch_request){
		.items = calloc(FETCH_ITEMS_MAX, sizeof(*request->items)),
		.parts = calloc(SECTION_PARTS_MAX, sizeof(*request->parts)),
		.fields = calloc(SECTION_FIELDS_MAX, sizeof(*request->fields))
	};
	if (request->items == NULL || request->parts == NULL ||
	    request->fields == NULL)
		temp_fail("out of memory");
}

void
fetch_request_free(struct fetch_request *request)
{
	free(request->items);
	free(request->parts);
	free(request->fields);
}

bool
fetch_request_has(const struct fetch_request *request, enum fetch_kind kind)
{
	for (size_t i = 0; i < request->count; i++)
		if (request->items[i].kind == kind)
			return true;
	return false;
}

static struct fetch_item *
new_item(struct fetch_request *request, enum fetch_kind kind)
{
	if (request->count == FETCH_ITEMS_MAX)
		return NULL;
	struct fetch_item *item = &request->items[request->count++];
	*item = (struct fetch_item){ .kind = kind, .length = UINT64_MAX };
	return item;
}

bool
fetch_request_add(struct fetch_request *request, enum fetch_kind kind)
{
	return fetch_request_has(request, kind) ||
	       new_item(request, kind) != NULL;
}

/* "1.2.": true also if there are none; the '.' after the last is taken. */
static bool
parse_parts(
    struct fetch_request *request, struct parse *parse, struct section *section)
{
	section->part = request->parts + request->part_count;
	while (parse_peek(parse) >= '0' && parse_peek(parse) <= '9') {
		uint64_t number;

		if (request->part_count == SECTION_PARTS_MAX ||
		    !parse_number(parse, UINT32_MAX, &number) || number == 0)
			return false;
		request->parts[request->part_count++] = (uint32_t)number;
		section->part_count++;
		if (!parse_char(parse, '.'))
			return parse_peek(parse) == ']';
	}
	return section->part_count == 0 || parse_peek(parse) != ']';
}

static bool
parse_fields(
    struct fetch_request *request, struct parse *parse, struct section *section)
{
	section->fields = request->fields + request->field_count;
	if (!parse_space(parse) || !parse_char(parse, '('))
		return false;
	do {
		if (request->field_count == SECTION_FIELDS_MAX ||
		    !parse_astring(
			parse, &request->fields[request->field_count]))
			return false;
		request->field_count++;
		section->field_count++;
	} while (parse_space(parse));
	return parse_char(parse, ')');
}

bool
section_parse(struct fetch_request *request, struct parse *parse,
    struct section *section, bool is_binary)
{
	if (!parse_parts(request, parse, section))
		return false;
	if (parse_char(parse, ']')) {
		section->kind = SECTION_WHOLE;
		return true;
	}
	if (is_binary)
		return false;
	if (parse_prefix(parse, "HEADER.FIELDS.NOT"))
		section->kind = SECTION_FIELDS_NOT;
	else if (parse_prefix(parse, "HEADER.FIELDS"))
		section->kind = SECTION_FIELDS;
	else if (parse_prefix(parse, "HEADER"))
		section->kind = SECTION_HEADER;
	else if (parse_prefix(parse, "TEXT"))
		section->kind = SECTION_TEXT;
	else if (section->part_count > 0 && parse_prefix(parse, "MIME"))
		section->kind = SECTION_MIME;
	else
		return false;
	if ((section->kind == SECTION_FIELDS ||
		section->kind == SECTION_FIELDS_NOT) &&
	    !parse_fields(request, parse, section))
		return false;
	return parse_char(parse, ']');
}

bool
section_parse_partial(struct parse *parse, struct fetch_item *item)
{
	if (!parse_char(parse, '<'))
		return true;
	item->is_partial = true;
	return parse_number(parse, INT64_MAX, &item->offset) &&
	       parse_char(parse, '.') &&
	       parse_number(parse, INT64_MAX, &item->length) &&
	       item->length > 0 && parse_char(parse, '>');
}

static const struct {
	const char *prefix;
	enum fetch_kind kind;
	enum section_form form;
	bool is_peek;
} sections[] = {
	{ "BODY[", FETCH_SECTION, SECTION_AS_SENT, false },
	{ "BODY.PEEK[", FETCH_SECTION, SECTION_AS_SENT, true },
	{ "BINARY[", FETCH_SECTION, SECTION_DECODED, false },
	{ "BINARY.PEEK[", FETCH_SECTION, SECTION_DECODED, true },
	{ "BINARY.SIZE[", FETCH_BINARY_SIZE, SECTION_DECODED, true },
};

static const struct {
	const char *name;
	enum fetch_kind kind;
} simple[] = {
	{ "UID", FETCH_UID },
	{ "FLAGS", FETCH_FLAGS },
	{ "INTERNALDATE", FETCH_INTERNALDATE },
	{ "RFC822.SIZE", FETCH_SIZE },
	{ "ENVELOPE", FETCH_ENVELOPE },
	{ "BODY", FETCH_BODY },
	{ "BODYSTRUCTURE", FETCH_BODYSTRUCTURE },
	{ "MODSEQ", FETCH_MODSEQ },
	{ "SAVEDATE", FETCH_SAVEDATE },
	{ "EMAILID", FETCH_EMAILID },
	{ "THREADID", FETCH_THREADID },
};

static const struct {
	const char *name;
	enum section_kind kind;
	bool is_peek;
} old[] = {
	{ "RFC822", SECTION_WHOLE, false },
	{ "RFC822.HEADER", SECTION_HEADER, true },
	{ "RFC822.TEXT", SECTION_TEXT, false },
};

static bool
parse_section_item(
    struct fetch_request *request, struct parse *parse, size_t which)
{
	struct fetch_item *item = new_item(request, sections[which].kind);
	bool is_binary = sections[which].form == SECTION_DECODED;

	if (item == NULL)
		return false;
	item->section.form = sections[which].form;
	item->is_peek = sections[which].is_peek;
	if (!section_parse(request, parse, &item->section, is_binary))
		return false;
	return item->kind == FETCH_BINARY_SIZE ||
	       section_parse_partial(parse, item);
}

static bool
parse_item(struct fetch_request *request, struct parse *parse)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
		if (parse_prefix(parse, sections[i].prefix))
			return parse_section_item(request, parse, i);
	for (size_t i = 0; i < sizeof(simple) / sizeof(*simple); i++)
		if (parse_keyword(parse, simple[i].name))
			return fetch_request_add(request, simple[i].kind);
	for (size_t i = 0; i < sizeof(old) / sizeof(*old); i++)
		if (parse_keyword(parse, old[i].name)) {
			struct fetch_item *item =
			    new_item(request, FETCH_SECTION);

			if (item == NULL)
				return false;
			item->section.kind = old[i].kind;
			item->old_name = old[i].name;
			item->is_peek = old[i].is_peek;
			return true;
		}
	if (!parse_keyword(parse, "PREVIEW") ||
	    !fetch_request_add(request, FETCH_PREVIEW))
		return false;
	return !parse_prefix(parse, " (LAZY") || parse_char(parse, ')');
}

static bool
parse_macro(struct fetch_request *request, struct parse *parse)
{
	bool is_full = parse_keyword(parse, "FULL");
	bool is_all = is_full || parse_keyword(parse, "ALL");

	if (!is_all && !parse_keyword(parse, "FAST"))
		return parse_item(request, parse);
	return fetch_request_add(request, FETCH_FLAGS) &&
	       fetch_request_add(request, FETCH_INTERNALDATE) &&
	       fetch_request_add(request, FETCH_SIZE) &&
	       (!is_all || fetch_request_add(request, FETCH_ENVELOPE)) &&
	       (!is_full || fetch_request_add(request, FETCH_BODY));
}

static bool
parse_modifiers(struct fetch_request *request, struct parse *parse)
{
	if (!parse_char(parse, '('))
		return false;
	do {
		if (parse_keyword(parse, "VANISHED"))
			request->has_vanished = true;
		else if (!request->partial.is_given &&
			 parse_keyword(parse, "PARTIAL") &&
			 parse_space(parse) &&
			 partial_parse(&request->partial, parse))
			continue;
		else if (parse_keyword(parse, "CHANGEDSINCE") &&
			 parse_space(parse) &&
			 parse_number(
			     parse, INT64_MAX, &request->changed_since))
			request->has_changed_since = true;
		else
			return false;
	} while (parse_space(parse));
	return parse_char(parse, ')') &&
	       (!request->has_vanished || request->has_changed_since);
}

bool
fetch_request_parse_items(struct fetch_request *request, struct parse *parse)
{
	if (!parse_char(parse, '('))
		return false;
	do {
		if (!parse_item(request, parse))
			return false;
	} while (parse_space(parse));
	return parse_char(parse, ')');
}

/* Quoted names of fields are changed where they stand: in a copy. */
bool
fetch_items_take(struct parse *parse, struct span *items)
{
	struct fetch_request request;
	struct span rest = parse_rest(parse);
	struct buf text = buf_new(rest.len);

	buf_add(&text, rest);
	struct parse copy = parse_begin(&text);
	fetch_request_init(&request);
	bool is_good =
	    fetch_request_parse_items(&request, &copy) && request.count > 0;
	fetch_request_free(&request);
	size_t len = (size_t)(copy.next - text.data);
	if (is_good) {
		*items = span_slice(rest, 0, len);
		parse->next += len;
	}
	buf_free(&text);
	return is_good;
}

bool
fetch_request_parse(struct fetch_request *request, struct parse *parse)
{
	if (parse_peek(parse) == '('
		? !fetch_request_parse_items(request, parse)
		: !parse_macro(request, parse))
		return false;
	if (parse_space(parse) && !parse_modifiers(request, parse))
		return false;
	return parse_is_end(parse);
}
