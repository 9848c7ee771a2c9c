#include "imapd/convert_request.h"

#include <string.h>

#include "mail/convert.h"
#include "mail/utf8.h"

static const struct {
	const char *prefix;
	enum convert_item_kind kind;
} items[] = {
	{ "BINARY[", CONVERT_BINARY },
	{ "BINARY.SIZE[", CONVERT_SIZE },
	{ "BODYPARTSTRUCTURE[", CONVERT_STRUCTURE },
	{ "BODY[", CONVERT_HEADER },
	{ "AVAILABLECONVERSIONS[", CONVERT_AVAILABLE },
};

enum {
	ITEMS = sizeof(items) / sizeof(*items)
};

static bool
is_same_part(const struct convert_item *one, const struct convert_item *other)
{
	const struct section *a = &one->fetch.section;
	const struct section *b = &other->fetch.section;

	return one->kind != CONVERT_UID && other->kind != CONVERT_UID &&
	       a->kind == b->kind && a->part_count == b->part_count &&
	       (a->part_count == 0 ||
		   memcmp(a->part, b->part, a->part_count * sizeof(*a->part)) ==
		       0);
}

/* ---- parameters ---- */

static void
complain(struct convert_request *request, struct convert_parameter *about,
    const char *complaint)
{
	about->is_bad = true;
	if (request->complaint == NULL)
		request->complaint = complaint;
}

static struct convert_parameter *
find_parameter(struct convert_request *request, const char *name)
{
	for (size_t i = 0; i < request->parameter_count; i++)
		if (span_equal_nocase(
			request->parameters[i].name, span_of(name)))
			return &request->parameters[i];
	return NULL;
}

static void
check_names(struct convert_request *request)
{
	static const char *const known[] = { "charset",
		"unknown-character-replacement" };

	for (size_t i = 0; i < request->parameter_count; i++) {
		struct convert_parameter *one = &request->parameters[i];

		if (!span_is_one_of(one->name, known, 2))
			complain(request, one, "no such parameter");
		for (size_t k = 0; k < i; k++)
			if (span_equal_nocase(
				one->name, request->parameters[k].name))
				complain(
				    request, one, "a parameter comes twice");
	}
}

/* RFC 5259 section 7.1. */
static void
check_values(struct convert_request *request)
{
	struct convert_parameter *charset = find_parameter(request, "charset");
	struct convert_parameter *replacement =
	    find_parameter(request, "unknown-character-replacement");

	if (charset != NULL)
		request->charset = charset->value;
	bool is_known = charset_writer_init(&request->writer,
	    charset != NULL ? charset->value : span_of("utf-8"));
	if (charset != NULL && !is_known)
		complain(request, charset,
		    "text cannot be written in this character set");
	else if (replacement != NULL &&
		 !charset_writer_replace(&request->writer, replacement->value))
		complain(request, replacement,
		    "the replacement is too long, or not in the character "
		    "set");
}

static bool
parse_parameters(struct convert_request *request, struct parse *parse)
{
	if (!parse_char(parse, '('))
		return false;
	do {
		struct convert_parameter *one =
		    &request->parameters[request->parameter_count];

		if (request->parameter_count == CONVERT_PARAMETERS_MAX ||
		    !parse_astring(parse, &one->name) || !parse_space(parse) ||
		    !parse_astring(parse, &one->value))
			return false;
		request->parameter_count++;
	} while (parse_space(parse));
	return parse_char(parse, ')');
}

static bool
parse_target(struct convert_request *request, struct parse *parse)
{
	if (!parse_char(parse, '('))
		return false;
	if (!parse_keyword(parse, "NIL") &&
	    (!parse_string(parse, &request->to) ||
		!conversion_is_type(request->to)))
		return false;
	if (parse_space(parse) && !parse_parameters(request, parse))
		return false;
	return parse_char(parse, ')');
}

/* ---- items ---- */

/*
 * Behind the others of its part, so that each part is converted once, however
 * its items are mixed with those of others; the same one again is left out.
 */
static void
add_item(struct convert_request *request, const struct convert_item *item)
{
	size_t at = request->count;

	while (at > 0 && !is_same_part(&request->items[at - 1], item))
		at--;
	request->part_count += at == 0 && item->kind != CONVERT_UID;
	for (size_t i = at; i > 0 && !item->fetch.is_partial; i--) {
		const struct convert_item *other = &request->items[i - 1];

		if (!is_same_part(other, item))
			break;
		if (other->kind == item->kind && !other->fetch.is_partial)
			return;
	}
	if (at == 0)
		at = request->count;
	memmove(&request->items[at + 1], &request->items[at],
	    (request->count - at) * sizeof(*item));
	request->items[at] = *item;
	request->count++;
}

/* A header has no type that it could become: section 6. */
static bool
parse_section(struct convert_request *request, struct parse *parse,
    struct convert_item *item)
{
	struct section *section = &item->fetch.section;
	bool is_header = item->kind == CONVERT_HEADER;

	if (!section_parse(&request->sections, parse, section, !is_header))
		return false;
	section->form = is_header ? SECTION_AS_SENT : SECTION_DECODED;
	if (is_header &&
	    (request->to.ptr != NULL || (section->kind != SECTION_HEADER &&
					    section->kind != SECTION_MIME)))
		return false;
	return item->kind != CONVERT_BINARY ||
	       section_parse_partial(parse, &item->fetch);
}

static bool
parse_item(struct convert_request *request, struct parse *parse)
{
	struct convert_item item = { .kind = CONVERT_UID,
		.fetch = { .length = UINT64_MAX } };
	size_t which = 0;

	while (which < ITEMS && !parse_prefix(parse, items[which].prefix))
		which++;
	if (which < ITEMS)
		item.kind = items[which].kind;
	if (request->count == FETCH_ITEMS_MAX ||
	    (which < ITEMS ? !parse_section(request, parse, &item)
			   : !parse_keyword(parse, "UID")))
		return false;
	add_item(request, &item);
	return true;
}

static bool
parse_items(struct convert_request *request, struct parse *parse)
{
	if (!parse_char(parse, '('))
		return parse_item(request, parse);
	do {
		if (!parse_item(request, parse))
			return false;
	} while (parse_space(parse));
	return parse_char(parse, ')');
}

bool
convert_request_parse(struct convert_request *request, struct parse *parse)
{
	*request = (struct convert_request){ .to = { NULL, 0 } };
	fetch_request_init(&request->sections);
	if (!parse_target(request, parse) || !parse_space(parse) ||
	    !parse_items(request, parse) || !parse_is_end(parse))
		return false;
	check_names(request);
	check_values(request);
	return true;
}

void
convert_request_free(struct convert_request *request)
{
	fetch_request_free(&request->sections);
}
