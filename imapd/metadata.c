#include "store/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "imapd/annotations.h"
#include "imapd/handlers.h"
#include "imapd/output.h"
#include "imapd/rights.h"

/* GETMETADATA and SETMETADATA, RFC 5464. */

static bool
parse_entry(struct parse *parse, struct span *entry)
{
	return parse_astring(parse, entry) && metadata_is_entry(*entry);
}

/* ---- GETMETADATA ---- */

struct getting {
	struct session *session;
	struct span name;
	struct span entries[METADATA_ENTRIES_MAX];
	bool is_found[METADATA_ENTRIES_MAX];
	size_t count;
	uint32_t depth;
	uint64_t max;     /* octets of a value */
	uint64_t longest; /* of those that have more; 0: none has */
	bool has_begun;   /* the response */
};

/* "(MAXSIZE N DEPTH 0|1|infinity)" behind the parenthesis. */
static bool
parse_options(struct parse *parse, struct getting *getting)
{
	do {
		if (parse_prefix(parse, "MAXSIZE ")) {
			if (!parse_number(parse, UINT32_MAX, &getting->max))
				return false;
		} else if (parse_prefix(parse, "DEPTH ")) {
			getting->depth = 0;
			if (parse_keyword(parse, "1"))
				getting->depth = 1;
			else if (parse_keyword(parse, "infinity"))
				getting->depth = UINT32_MAX;
			else if (!parse_keyword(parse, "0"))
				return false;
		} else {
			return false;
		}
	} while (parse_space(parse));
	return parse_char(parse, ')');
}

static bool
parse_entries(struct parse *parse, struct getting *getting, bool is_list)
{
	do {
		if (getting->count == METADATA_ENTRIES_MAX ||
		    !parse_entry(parse, &getting->entries[getting->count]))
			return false;
		getting->count++;
	} while (is_list && parse_space(parse));
	return !is_list || parse_char(parse, ')');
}

/* RFC 5464 has options before the name in its grammar, behind it in its
 * examples. */
static bool
parse_get(struct parse *parse, struct getting *getting)
{
	bool is_list = parse_char(parse, '(');

	if (is_list && strchr("MmDd", parse_peek(parse)) != NULL) {
		if (!parse_options(parse, getting) || !parse_space(parse))
			return false;
		is_list = parse_char(parse, '(');
	}
	return parse_entries(parse, getting, is_list) && parse_is_end(parse);
}

static void
put_entry(struct getting *getting, struct span entry, struct span value)
{
	struct session *session = getting->session;

	if (!getting->has_begun) {
		put(session, "* METADATA ");
		put_name(session, getting->name);
	}
	put(session, getting->has_begun ? " " : " (");
	getting->has_begun = true;
	if (parse_is_atom(entry))
		put_span(session, entry);
	else
		put_nstring(session, entry);
	put(session, " ");
	if (value.ptr != NULL && span_index(value, '\0') < value.len) {
		put_format(session, "~{%zu}\r\n", value.len);
		put_span(session, value);
	} else {
		put_nstring(session, value);
	}
}

static bool
take_entry(void *context, struct span entry, struct span value)
{
	struct getting *getting = context;
	bool is_asked = false;

	/* What is private is the owner's. */
	if (rights_is_guest(getting->session) &&
	    !metadata_is_within(entry, span_of("/shared"), UINT32_MAX))
		return true;
	for (size_t i = 0; i < getting->count; i++)
		if (metadata_is_within(
			entry, getting->entries[i], getting->depth)) {
			is_asked = true;
			getting->is_found[i] = true;
		}
	if (!is_asked)
		return true;
	/* An empty value is none of NULL, which would be NIL. */
	if (value.ptr == NULL)
		value = span_of("");
	if (value.len <= getting->max)
		put_entry(getting, entry, value);
	else if (value.len > getting->longest)
		getting->longest = value.len;
	return true;
}

/* The response; what is not there is NIL. */
static enum account_status
put_response(struct getting *getting)
{
	struct session *session = getting->session;
	enum account_status status =
	    metadata_list(session->account, getting->name, take_entry, getting);

	for (size_t i = 0; i < getting->count && status == ACCOUNT_OK; i++)
		if (getting->depth == 0 && !getting->is_found[i])
			put_entry(getting, getting->entries[i],
			    (struct span){ NULL, 0 });
	if (getting->has_begun)
		put(session, ")\r\n");
	return status;
}

static void
get(struct getting *getting)
{
	struct session *session = getting->session;
	enum account_status status = put_response(getting);

	if (status != ACCOUNT_OK || getting->longest == 0) {
		session_fail(session, status);
		return;
	}
	struct buf text = buf_new(128);
	buf_printf(&text, "OK [METADATA LONGENTRIES %llu] done",
	    (unsigned long long)getting->longest);
	session_finish(session, buf_string(&text));
	buf_free(&text);
}

void
handle_get_metadata(struct session *session, struct parse *parse)
{
	static const char syntax[] =
	    "BAD GETMETADATA (MAXSIZE N DEPTH N) NAME (/private/... ...)";
	struct getting getting = { .session = session, .max = UINT64_MAX };
	struct buf name;

	if (!parse_space(parse) ||
	    (parse_char(parse, '(') &&
		(!parse_options(parse, &getting) || !parse_space(parse)))) {
		session_bad(session, syntax);
		return;
	}
	if (!parse_folder_name(session, parse, &name))
		return;
	getting.name = buf_span(&name);
	if (!parse_space(parse) || !parse_get(parse, &getting))
		session_bad(session, syntax);
	else if (rights_require(session, getting.name, ACL_LOOKUP | ACL_READ))
		get(&getting);
	buf_free(&name);
}

/* ---- LIST RETURN (METADATA (...)), RFC 9590 ---- */

bool
annotations_parse(struct annotations *annotations, struct parse *parse)
{
	struct getting getting = { .max = UINT64_MAX };

	if (annotations->count > 0 || !parse_char(parse, '(') ||
	    !parse_entries(parse, &getting, true))
		return false;
	annotations->entries = calloc(getting.count, sizeof(struct span));
	if (annotations->entries == NULL)
		temp_fail("out of memory");
	annotations->count = getting.count;
	memcpy(annotations->entries, getting.entries,
	    getting.count * sizeof(struct span));
	return true;
}

void
annotations_put(struct session *session, struct span name,
    const struct annotations *annotations)
{
	struct getting getting = { .session = session,
		.name = name,
		.max = UINT64_MAX,
		.count = annotations->count };

	memcpy(getting.entries, annotations->entries,
	    annotations->count * sizeof(struct span));
	put_response(&getting);
}

void
annotations_free(struct annotations *annotations)
{
	free(annotations->entries);
	*annotations = (struct annotations){ 0 };
}

/* ---- SETMETADATA ---- */

struct setting {
	struct metadata_change changes[METADATA_ENTRIES_MAX];
	size_t count;
};

static bool
parse_changes(struct parse *parse, struct setting *setting)
{
	if (!parse_char(parse, '('))
		return false;
	do {
		struct metadata_change *change =
		    &setting->changes[setting->count];

		if (setting->count == METADATA_ENTRIES_MAX ||
		    !parse_entry(parse, &change->entry) ||
		    !parse_space(parse) ||
		    !parse_nstring(parse, &change->value))
			return false;
		setting->count++;
	} while (parse_space(parse));
	return parse_char(parse, ')') && parse_is_end(parse);
}

/* NULL: it may be set. */
static const char *
refusal(const struct session *session, const struct metadata_change *change,
    struct span folder)
{
	if (rights_is_guest(session) &&
	    !metadata_is_within(change->entry, span_of("/shared"), UINT32_MAX))
		return "NO [NOPERM] what is private is the owner's";
	/* RFC 5464 section 3.2.1.1 */
	if (folder.len == 0 &&
	    span_equal_nocase(change->entry, span_of("/shared/admin")))
		return "NO [NOPERM] only the administrator sets that";
	if (change->value.len > METADATA_VALUE_MAX)
		return "NO [METADATA MAXSIZE 65536] the value is too large";
	return NULL;
}

static void
set(struct session *session, struct span folder, const struct setting *setting)
{
	if (!rights_require(session, folder, ACL_LOOKUP | ACL_READ | ACL_WRITE))
		return;
	for (size_t i = 0; i < setting->count; i++) {
		const char *why =
		    refusal(session, &setting->changes[i], folder);

		if (!metadata_can_be_set(setting->changes[i].entry)) {
			session_bad(session, "BAD that names no entry");
			return;
		}
		if (why != NULL) {
			session_finish(session, why);
			return;
		}
	}
	enum account_status status = metadata_set(
	    session->account, folder, setting->changes, setting->count);
	if (status == ACCOUNT_LIMIT)
		session_finish(session, "NO [METADATA TOOMANY] no more");
	else if (status == ACCOUNT_INVALID)
		session_finish(
		    session, "NO [USEATTR] no folder can have that use");
	else
		session_fail(session, status);
}

void
handle_set_metadata(struct session *session, struct parse *parse)
{
	struct setting setting = { .count = 0 };
	struct buf name;

	if (!parse_space(parse)) {
		session_bad(session, "BAD SETMETADATA NAME (ENTRY VALUE ...)");
		return;
	}
	if (!parse_folder_name(session, parse, &name))
		return;
	if (parse_space(parse) && parse_changes(parse, &setting))
		set(session, buf_span(&name), &setting);
	else if (setting.count == METADATA_ENTRIES_MAX)
		session_finish(session, "NO [METADATA TOOMANY] at one time");
	else
		session_bad(session, "BAD SETMETADATA NAME (ENTRY VALUE ...)");
	buf_free(&name);
}
