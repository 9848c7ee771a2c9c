#include "imapd/convert.h"

#include "imapd/convert_cache.h"
#include "imapd/output.h"
#include "mail/contenttype.h"
#include "mail/convert.h"
#include "mail/header_convert.h"
#include "mail/language.h"
#include "mail/structure.h"

enum {
	RETRY_MINUTES = 5,
	HEADER_MAX = 1 << 20,
	HEADER_GROWTH = 8
};

static const char header_type[] = "text/rfc822-headers";

struct converting {
	struct session *session;
	const struct convert_request *request;
	size_t i;
	const char *space;
	struct convert_counts *counts;
};

static void
name_item(struct converting *converting, const struct convert_item *item)
{
	static const char *const names[] = { [CONVERT_UID] = "",
		[CONVERT_BINARY] = "BINARY[",
		[CONVERT_SIZE] = "BINARY.SIZE[",
		[CONVERT_STRUCTURE] = "BODYPARTSTRUCTURE[",
		[CONVERT_HEADER] = "BODY[",
		[CONVERT_AVAILABLE] = "AVAILABLECONVERSIONS[" };
	struct session *session = converting->session;

	put(session, converting->space);
	converting->space = " ";
	put(session, names[item->kind]);
	put_section_name(session, &item->fetch.section);
	put(session, "]");
	if (item->fetch.is_partial)
		put_format(
		    session, "<%llu>", (unsigned long long)item->fetch.offset);
	put(session, " ");
}

/* ---- errors, section 9 ---- */

static const char *
complaint_of(const struct convert_request *request, enum convert_status status)
{
	switch (status) {
	case CONVERT_OK:
	case CONVERT_GONE:
		break;
	case CONVERT_NO_PART:
		return "there is no such part";
	case CONVERT_IMPOSSIBLE:
		return "there is no such conversion";
	case CONVERT_BAD_PARAMETERS:
		return request->complaint;
	case CONVERT_LOSSY:
		return "characters of the text are not in this character set";
	case CONVERT_UNKNOWN:
		return "the part's encoding or character set is not known";
	case CONVERT_TOO_LARGE:
		return "the part is too large to be converted";
	case CONVERT_FAILED:
		break;
	}
	return "the message cannot be read";
}

static void
put_error(struct session *session, const char *complaint)
{
	put(session, "(ERROR ");
	put_nstring(
	    session, span_of(language_say(session->language, complaint)));
}

/* Those that are bad, or that nothing could be written with. */
static void
put_parameters(struct session *session, const struct convert_request *request,
    enum convert_status status)
{
	const char *before = " (";

	for (size_t i = 0; i < request->parameter_count; i++) {
		const struct convert_parameter *one = &request->parameters[i];
		bool is_meant =
		    status == CONVERT_LOSSY
			? span_equal_nocase(one->name, span_of("charset"))
			: one->is_bad;

		if (!is_meant)
			continue;
		put(session, before);
		put_nstring(session, one->name);
		put(session, " ");
		put_nstring(session, one->value);
		before = " ";
	}
	if (*before == ' ' && before[1] == '\0')
		put(session, ")");
}

/* to: what the default conversion would be to. */
struct failure {
	enum convert_status status;
	struct span from;
	const char *to;
};

/* In place of the data. */
static void
fail(struct converting *converting, const struct convert_item *item,
    const struct failure *failure)
{
	enum convert_status status = failure->status;
	struct session *session = converting->session;
	const struct convert_request *request = converting->request;

	if (status == CONVERT_GONE) {
		converting->counts->is_gone = true;
		return;
	}
	converting->counts->failed++;
	name_item(converting, item);
	put_error(session, complaint_of(request, status));
	if (status == CONVERT_FAILED) {
		converting->counts->for_now++;
		put_format(session, " TEMPFAIL %d)", RETRY_MINUTES);
		return;
	}
	put(session, " BADPARAMETERS ");
	put_nstring(session, status == CONVERT_NO_PART
				 ? (struct span){ NULL, 0 }
				 : failure->from);
	put(session, " ");
	put_nstring(session,
	    request->to.ptr != NULL ? request->to : span_of(failure->to));
	if (status == CONVERT_BAD_PARAMETERS || status == CONVERT_LOSSY)
		put_parameters(session, request, status);
	put(session, ")");
}

/* ---- data ---- */

/* A literal8 only if it must be, which no old client reads. */
static void
put_bytes(struct session *session, const struct fetch_item *item,
    struct span bytes, bool has_nul)
{
	size_t start =
	    item->offset < bytes.len ? (size_t)item->offset : bytes.len;
	size_t len =
	    item->length < bytes.len ? (size_t)item->length : bytes.len;

	bytes = span_slice(bytes, start, len);
	put_format(session, "%s{%zu}\r\n", has_nul ? "~" : "", bytes.len);
	put_span(session, bytes);
}

/* Where the type stays, all but the character set holds as before. */
static void
put_other_parameters(struct session *session, const struct convert_plan *plan)
{
	struct span rest = buf_span(&plan->parameters);
	struct buf value = buf_new(plan->parameters.len + 1);
	struct buf text = buf_new(STRUCTURE_MAX);
	bool is_utf8 = session_is_utf8(session);
	struct span name;

	while (plan->how->kind == CONVERT_CHARSET &&
	       content_type_next(&rest, &name, &value)) {
		if (name.len > 0 &&
		    !span_equal_nocase(name, span_of("charset"))) {
			buf_add_char(&text, ' ');
			structure_add_string(&text, name, is_utf8);
			buf_add_char(&text, ' ');
			structure_add_string(&text, buf_span(&value), is_utf8);
		}
		buf_clear(&value);
	}
	put_span(session, buf_span(&text));
	buf_free(&text);
	buf_free(&value);
}

/* As BODYSTRUCTURE has a part of text: section 8.2. */
static void
put_structure(struct session *session, const struct convert_request *request,
    const struct convert_plan *plan, const struct convert_result *result)
{
	struct span subtype = span_of(plan->how->to);
	struct span type = span_cut(&subtype, '/');

	put(session, "(");
	put_nstring(session, type);
	put(session, " ");
	put_nstring(session, subtype);
	put(session, " (\"charset\" ");
	put_nstring(session,
	    request->charset.ptr != NULL ? request->charset : span_of("utf-8"));
	put_other_parameters(session, plan);
	put_format(session, ") NIL NIL \"%s\" %zu %llu NIL NIL NIL NIL)",
	    result->encoding, result->bytes.len,
	    (unsigned long long)result->lines);
}

static void
put_result(struct converting *converting, const struct convert_item *item,
    const struct convert_plan *plan)
{
	struct session *session = converting->session;
	const struct convert_result *result = convert_result(session,
	    converting->request, converting->i, &item->fetch.section, plan);

	if (result->status != CONVERT_OK) {
		fail(converting, item,
		    &(struct failure){
			result->status, buf_span(&plan->from), plan->how->to });
		return;
	}
	converting->counts->done++;
	name_item(converting, item);
	if (item->kind == CONVERT_SIZE)
		put_number(session, result->bytes.len);
	else if (item->kind == CONVERT_STRUCTURE)
		put_structure(session, converting->request, plan, result);
	else
		put_bytes(session, &item->fetch, buf_span(&result->bytes),
		    result->has_nul);
}

/* Section 8.4: what takes the parameters, and each takes the same. */
static void
put_available(struct converting *converting, const struct convert_item *item,
    const struct convert_plan *plan)
{
	struct session *session = converting->session;
	struct span from = buf_span(&plan->from);
	const struct conversion *one;
	const char *space = "";

	converting->counts->done++;
	name_item(converting, item);
	put(session, "((");
	for (size_t k = 0; (one = conversion_at(k)) != NULL; k++) {
		struct span to = span_of(one->to);

		if (!span_equal(from, span_of(one->from)) ||
		    (converting->request->to.ptr != NULL &&
			!span_equal_nocase(to, converting->request->to)))
			continue;
		put(session, space);
		put_nstring(session, to);
		space = " ";
	}
	put(session, "))");
}

static void
put_part(struct converting *converting, const struct convert_item *item)
{
	struct convert_plan plan = convert_plan(converting->session,
	    converting->request, converting->i, &item->fetch.section);
	bool is_default = converting->request->to.ptr == NULL;

	if (item->kind == CONVERT_AVAILABLE &&
	    (plan.status == CONVERT_OK ||
		(plan.status == CONVERT_IMPOSSIBLE && is_default)))
		put_available(converting, item, &plan);
	else if (plan.status == CONVERT_OK)
		put_result(converting, item, &plan);
	else
		fail(converting, item,
		    &(struct failure){ plan.status, buf_span(&plan.from),
			plan.how != NULL ? plan.how->to : "text/plain" });
	convert_plan_free(&plan);
}

/* ---- headers ---- */

static bool
take_piece(void *context, struct span piece)
{
	struct buf *header = context;

	buf_add(header, piece);
	return !header->overflow;
}

static enum convert_status
convert_header(struct converting *converting, const struct section *section,
    struct buf *into)
{
	struct folder_section *opened;
	struct charset_writer writer = converting->request->writer;
	struct buf header = buf_new(HEADER_MAX);
	uint64_t octets;
	enum convert_status status =
	    convert_status_of(folder_section_open(converting->session->folder,
		converting->i, section, &opened, &octets));

	if (status != CONVERT_OK)
		return status;
	if (octets > HEADER_MAX)
		status = CONVERT_TOO_LARGE;
	else if (octets > 0)
		status = convert_status_of(folder_section_read(
		    opened, 0, octets, take_piece, &header));
	folder_section_close(opened);
	if (status == CONVERT_OK)
		header_add_converted(into, buf_span(&header), &writer,
		    converting->request->charset);
	if (status == CONVERT_OK && into->overflow)
		status = CONVERT_TOO_LARGE;
	if (status == CONVERT_OK && writer.is_lossy)
		status = CONVERT_LOSSY;
	buf_free(&header);
	return status;
}

static void
put_header(struct converting *converting, const struct convert_item *item)
{
	struct session *session = converting->session;
	const struct convert_request *request = converting->request;
	struct buf header = buf_new((size_t)HEADER_MAX * HEADER_GROWTH);
	enum convert_status status =
	    request->complaint != NULL ? CONVERT_BAD_PARAMETERS : CONVERT_OK;

	if (status == CONVERT_OK && request->charset.ptr == NULL) {
		converting->counts->failed++;
		name_item(converting, item);
		put_error(session, "a header needs the parameter CHARSET");
		put_format(session,
		    " MISSINGPARAMETERS \"%s\" \"%s\" (\"charset\"))",
		    header_type, header_type);
		return;
	}
	if (status == CONVERT_OK)
		status =
		    convert_header(converting, &item->fetch.section, &header);
	if (status != CONVERT_OK) {
		fail(converting, item,
		    &(struct failure){
			status, span_of(header_type), header_type });
	} else {
		converting->counts->done++;
		name_item(converting, item);
		put_bytes(session, &item->fetch, buf_span(&header), false);
	}
	buf_free(&header);
}

/* ---- all ---- */

/* The UID comes first: section 8.1. */
static void
put_uid(struct converting *converting)
{
	const struct convert_request *request = converting->request;
	struct session *session = converting->session;
	bool is_wanted = session->is_uid;

	for (size_t k = 0; k < request->count; k++)
		is_wanted |= request->items[k].kind == CONVERT_UID;
	if (!is_wanted)
		return;
	put(session, "UID ");
	put_number(
	    session, folder_message(session->folder, converting->i)->uid);
	converting->space = " ";
}

void
put_converted(struct session *session, const struct convert_request *request,
    size_t i, struct convert_counts *counts)
{
	struct converting converting = { .session = session,
		.request = request,
		.i = i,
		.space = "",
		.counts = counts };
	bool is_uid_only = (session->enabled & ENABLED_UIDONLY) != 0;

	put_format(session, "* %zu CONVERTED (TAG \"",
	    is_uid_only ? folder_message(session->folder, i)->uid : i + 1);
	put_span(session, session->tag);
	put(session, "\") (");
	put_uid(&converting);
	for (size_t k = 0; k < request->count; k++) {
		const struct convert_item *item = &request->items[k];

		if (item->kind == CONVERT_HEADER)
			put_header(&converting, item);
		else if (item->kind != CONVERT_UID)
			put_part(&converting, item);
	}
	/* Gone since: there is no answer without an item. */
	if (*converting.space == '\0') {
		put(session, "UID ");
		put_number(session, folder_message(session->folder, i)->uid);
	}
	put(session, ")\r\n");
}
