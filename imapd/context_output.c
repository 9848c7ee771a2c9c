#include "imapd/context_state.h"
#include "imapd/output.h"

/* What is said of a search that is updated: RFC 5267 section 4.3.2. */

size_t
context_count(const struct context *context)
{
	return context->uids.len / sizeof(uint32_t);
}

uint32_t
context_uid(const struct context *context, size_t k)
{
	return ((const uint32_t *)(const void *)context->uids.data)[k];
}

void
context_add_uid(struct buf *uids, uint32_t uid)
{
	buf_add(uids, (struct span){ (const char *)&uid, sizeof(uid) });
}

static void
put_begin(struct session *session, const struct context *context)
{
	struct folder_counts counts;

	put(session, "* ESEARCH (TAG ");
	put_nstring(session, context->tag);
	if (context->is_multisearch) {
		folder_counts(session->folder, &counts);
		put(session, " MAILBOX ");
		put_name(session, buf_span(&session->folder_name));
		put_format(session, " UIDVALIDITY %u", counts.uid_validity);
	}
	put(session, ")");
	if (context->is_uid || (session->enabled & ENABLED_UIDONLY) != 0)
		put(session, " UID");
}

static uint32_t
number_at(const struct session *session, const struct context *context,
    const struct buf *uids, size_t k)
{
	uint32_t uid = ((const uint32_t *)(const void *)uids->data)[k];

	if (context->is_uid || (session->enabled & ENABLED_UIDONLY) != 0)
		return uid;
	return (uint32_t)folder_find(session->folder, uid) + 1;
}

/* "POSITION SET" of results first up to end. */
static void
put_run(struct session *session, const struct context *context,
    const struct buf *uids, size_t position, size_t first, size_t end)
{
	struct set_text text = set_text_new();

	for (size_t k = first; k < end; k++)
		set_text_add(&text, number_at(session, context, uids, k));
	struct buf set = set_text_end(&text);
	put_format(session, "%zu ", position);
	put_span(session, buf_span(&set));
	buf_free(&set);
}

/* Those that are marked, as a set: without an order there are no places. */
static void
put_marked(
    struct session *session, const struct context *context, const bool *marks)
{
	struct buf uids = buf_new(SIZE_MAX / 2);

	for (size_t k = 0; k < context_count(context); k++)
		if (marks[k])
			context_add_uid(&uids, context_uid(context, k));
	put_run(session, context, &uids, 0, 0, uids.len / sizeof(uint32_t));
	buf_free(&uids);
}

/*
 * The results that are marked go.  Of a sort each run is named at its place,
 * the last one first: no place that is still to be named moves.
 */
void
context_put_removed(struct session *session, const struct context *context,
    const bool *is_removed)
{
	const char *space = "";

	put_begin(session, context);
	put(session, " REMOVEFROM (");
	if (!context->is_sort)
		put_marked(session, context, is_removed);
	for (size_t end = context_count(context);
	     end > 0 && context->is_sort;) {
		size_t first = end;

		while (first > 0 && is_removed[first - 1])
			first--;
		if (first < end) {
			put(session, space);
			put_run(session, context, &context->uids, first + 1,
			    first, end);
			space = " ";
		}
		end = first > 0 ? first - 1 : 0;
	}
	put(session, ")\r\n");
}

/* Those of the new result that are marked came; the first one first. */
void
context_put_added(struct session *session, const struct context *context,
    const bool *is_added)
{
	const char *space = "";

	put_begin(session, context);
	put(session, " ADDTO (");
	if (!context->is_sort)
		put_marked(session, context, is_added);
	for (size_t k = 0; k < context_count(context) && context->is_sort;
	     k++) {
		size_t first = k;

		while (k < context_count(context) && is_added[k])
			k++;
		if (first < k) {
			put(session, space);
			put_run(session, context, &context->uids, first + 1,
			    first, k);
			space = " ";
		}
	}
	put(session, ")\r\n");
}
