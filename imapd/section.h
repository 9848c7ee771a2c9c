#ifndef IMAPD_SECTION_H
#define IMAPD_SECTION_H

/*
 * section - what FETCH asks for, RFC 9051 section 6.4.5.
 *
 * Limits  FETCH_ITEMS_MAX items, SECTION_PARTS_MAX levels of parts,
 *         SECTION_FIELDS_MAX names of fields.
 */

#include "imapd/partial.h"
#include "store/folder.h"

enum {
	FETCH_ITEMS_MAX = 64,
	SECTION_PARTS_MAX = 64,
	SECTION_FIELDS_MAX = 256
};

enum fetch_kind {
	FETCH_UID,
	FETCH_FLAGS,
	FETCH_INTERNALDATE,
	FETCH_SIZE,
	FETCH_ENVELOPE,
	FETCH_BODY,
	FETCH_BODYSTRUCTURE,
	FETCH_MODSEQ,
	FETCH_SAVEDATE,
	FETCH_PREVIEW,
	FETCH_EMAILID,
	FETCH_THREADID,
	FETCH_SECTION,
	FETCH_BINARY_SIZE
};

struct fetch_item {
	enum fetch_kind kind;
	struct section section;
	const char *old_name; /* RFC822, RFC822.TEXT ..., or NULL */
	bool is_peek;
	bool is_partial;
	uint64_t offset;
	uint64_t length;
};

struct fetch_request {
	struct fetch_item *items; /* FETCH_ITEMS_MAX */
	size_t count;
	uint32_t *parts; /* of all sections */
	size_t part_count;
	struct span *fields;
	size_t field_count;
	bool has_changed_since;
	uint64_t changed_since;
	bool has_vanished;
	struct partial partial;
};

void fetch_request_init(struct fetch_request *request);
void fetch_request_free(struct fetch_request *request);

/* Items, and modifiers after a space; false: no such command. */
bool fetch_request_parse(struct fetch_request *request, struct parse *parse);

/* "(ITEM ...)" alone. */
bool fetch_request_parse_items(
    struct fetch_request *request, struct parse *parse);

/* The same, at least one, looked at and left as text for later. */
bool fetch_items_take(struct parse *parse, struct span *items);

/*
 * What stands behind "BODY[", with the "]", into the request's parts and
 * fields.
 */
bool section_parse(struct fetch_request *request, struct parse *parse,
    struct section *section, bool is_binary);

/* "<OFFSET.COUNT>" if it is there. */
bool section_parse_partial(struct parse *parse, struct fetch_item *item);

/* One more item; false if there are too many. */
bool fetch_request_add(struct fetch_request *request, enum fetch_kind kind);
bool fetch_request_has(
    const struct fetch_request *request, enum fetch_kind kind);

#endif
