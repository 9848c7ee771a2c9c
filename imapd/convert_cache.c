#include "imapd/convert_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "mail/convert.h"

enum {
	KEY_MAX = 4096,
	LINE_MAX_SENT = 998 /* RFC 5322 section 2.1.1 */
};

struct convert_cache {
	struct convert_result results[CONVERT_CACHED];
	size_t next; /* the older one */
};

void
convert_forget(struct session *session)
{
	struct convert_cache *cache = session->converted;

	for (size_t i = 0; cache != NULL && i < CONVERT_CACHED; i++) {
		buf_free(&cache->results[i].key);
		buf_free(&cache->results[i].bytes);
	}
	free(cache);
	session->converted = NULL;
}

enum convert_status
convert_status_of(enum account_status status)
{
	switch (status) {
	case ACCOUNT_OK:
		return CONVERT_OK;
	case ACCOUNT_NONEXISTENT:
		return CONVERT_GONE;
	case ACCOUNT_NO_PART:
		return CONVERT_NO_PART;
	case ACCOUNT_INVALID:
		return CONVERT_UNKNOWN;
	case ACCOUNT_LIMIT:
		return CONVERT_TOO_LARGE;
	case ACCOUNT_EXISTS:
	case ACCOUNT_HAS_CHILDREN:
	case ACCOUNT_IN_USE:
	case ACCOUNT_OVER_QUOTA:
	case ACCOUNT_CONFLICT:
	case ACCOUNT_READ_ONLY:
	case ACCOUNT_UNREADABLE:
	case ACCOUNT_ERROR:
		break;
	}
	return CONVERT_FAILED;
}

/* ---- what is to be done ---- */

struct convert_plan
convert_plan(struct session *session, const struct convert_request *request,
    size_t i, const struct section *section)
{
	struct convert_plan plan = { .from = buf_new(CONVERT_TYPE_MAX),
		.parameters = buf_new(MIME_HEADER_MAX) };

	plan.status = convert_status_of(folder_part_type(
	    session->folder, i, section, &plan.from, &plan.parameters));
	if (plan.status != CONVERT_OK)
		return plan;
	plan.how = conversion_find(buf_span(&plan.from), request->to,
	    session->settings->convert_preferred);
	if (plan.how == NULL)
		plan.status = CONVERT_IMPOSSIBLE;
	else if (request->complaint != NULL)
		plan.status = CONVERT_BAD_PARAMETERS;
	return plan;
}

void
convert_plan_free(struct convert_plan *plan)
{
	buf_free(&plan->from);
	buf_free(&plan->parameters);
}

/* ---- doing it ---- */

static void
add_key(struct buf *key, const struct convert_request *request, uint32_t uid,
    const struct section *section, const struct conversion *how)
{
	buf_printf(key, "%u ", uid);
	for (size_t i = 0; i < section->part_count; i++)
		buf_printf(key, "%u.", section->part[i]);
	buf_printf(key, " %s ", how->to);
	buf_add(key, request->charset);
	if (request->writer.has_replacement) {
		buf_add_char(key, ' ');
		buf_add(key, (struct span){ request->writer.replacement,
				 request->writer.replacement_len });
	}
}

/* How it could be sent: RFC 2045 section 6.2. */
static void
describe(struct convert_result *result)
{
	struct span rest = buf_span(&result->bytes);
	bool is_ascii = span_is_ascii(rest);
	bool is_long = false;

	result->lines = 0;
	result->has_nul = rest.len > 0 && memchr(rest.ptr, '\0', rest.len);
	while (rest.len > 0) {
		size_t end = span_index(rest, '\n');

		is_long |= end > LINE_MAX_SENT + 1;
		result->lines++;
		rest = span_slice(rest, end + 1, rest.len);
	}
	result->encoding = is_long || result->has_nul ? "binary"
			   : is_ascii                 ? "7bit"
						      : "8bit";
}

static struct convert_result *
find_result(struct session *session, struct span key)
{
	struct convert_cache *cache = session->converted;
	struct convert_result *found;

	if (cache == NULL) {
		cache = calloc(1, sizeof(*cache));
		if (cache == NULL)
			temp_fail("out of memory");
		session->converted = cache;
	}
	for (size_t i = 0; i < CONVERT_CACHED; i++) {
		found = &cache->results[i];
		if (found->key.len > 0 &&
		    span_equal(buf_span(&found->key), key)) {
			cache->next = (i + 1) % CONVERT_CACHED;
			return found;
		}
	}
	found = &cache->results[cache->next];
	cache->next = (cache->next + 1) % CONVERT_CACHED;
	buf_free(&found->key);
	buf_free(&found->bytes);
	found->key = buf_new(KEY_MAX);
	return found;
}

const struct convert_result *
convert_result(struct session *session, const struct convert_request *request,
    size_t i, const struct section *section, const struct convert_plan *plan)
{
	uint64_t max = session->settings->convert_size;
	struct charset_writer writer = request->writer;
	struct folder_conversion conversion = { .how = plan->how,
		.writer = &writer,
		.charset = request->charset.ptr != NULL ? request->charset
							: span_of("utf-8"),
		.max = max };
	struct buf key = buf_new(KEY_MAX);

	add_key(&key, request, folder_message(session->folder, i)->uid, section,
	    plan->how);
	struct convert_result *result = find_result(session, buf_span(&key));
	if (result->key.len == 0) {
		result->bytes = buf_new((size_t)(2 * max));
		result->status = convert_status_of(folder_convert(
		    session->folder, i, section, &conversion, &result->bytes));
		if (result->status == CONVERT_OK && writer.is_lossy)
			result->status = CONVERT_LOSSY;
		if (result->status == CONVERT_OK)
			describe(result);
		else
			buf_free(&result->bytes);
		/* What fails for good is not tried again, either. */
		if (result->status != CONVERT_FAILED &&
		    result->status != CONVERT_GONE)
			buf_add(&result->key, buf_span(&key));
	}
	buf_free(&key);
	return result;
}
