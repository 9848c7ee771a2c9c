#include "imapd/context_state.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/die.h"
#include "imapd/handlers.h"
#include "imapd/output.h"

/* The view's message of a UID; false if it is none of the view's any more. */
static bool
find(const struct session *session, uint32_t uid, size_t *i)
{
	*i = folder_find(session->folder, uid);
	return *i < folder_count(session->folder) &&
	       folder_message(session->folder, *i)->uid == uid;
}

static uint64_t
highest_modseq(const struct folder *folder)
{
	uint64_t highest = 0;

	for (size_t i = 0; i < folder_count(folder); i++)
		if (folder_message(folder, i)->modseq > highest)
			highest = folder_message(folder, i)->modseq;
	return highest;
}

static void
free_context(struct context *context)
{
	program_free(&context->program);
	buf_free(&context->command);
	buf_free(&context->uids);
	free(context);
}

/* ---- what changed ---- */

static bool *
new_marks(size_t count)
{
	bool *marks = calloc(count + 1, sizeof(*marks));

	if (marks == NULL)
		temp_fail("out of memory");
	return marks;
}

static void
remove_marked(struct session *session, struct context *context,
    const bool *is_removed, bool is_any)
{
	struct buf left = buf_new(SIZE_MAX / 2);

	if (!is_any)
		return;
	context_put_removed(session, context, is_removed);
	for (size_t k = 0; k < context_count(context); k++)
		if (!is_removed[k])
			context_add_uid(&left, context_uid(context, k));
	buf_free(&context->uids);
	context->uids = left;
}

void
contexts_tell_expunged(struct session *session)
{
	for (struct context *context = session->contexts; context != NULL;
	     context = context->next) {
		bool *is_removed = new_marks(context_count(context));
		bool is_any = false;

		for (size_t k = 0; k < context_count(context); k++) {
			size_t i;

			is_removed[k] =
			    !find(session, context_uid(context, k), &i) ||
			    folder_message(session->folder, i)->is_expunged;
			is_any |= is_removed[k];
		}
		remove_marked(session, context, is_removed, is_any);
		free(is_removed);
	}
}

/* The result with what came, in its order; what sorts is read again. */
static void
put_in_order(struct session *session, struct context *context,
    const bool *is_in, size_t messages)
{
	struct picks picks = picks_new();

	for (size_t i = 0; i < messages; i++)
		if (is_in[i])
			picks_add(&picks, i);
	context->order.scores = context->program.scores;
	if (context->is_sort)
		sort_picks(session, &context->order, &picks);
	buf_clear(&context->uids);
	for (size_t k = 0; k < picks_count(&picks); k++)
		context_add_uid(&context->uids,
		    folder_message(session->folder, picks_items(&picks)[k])
			->uid);
	picks_free(&picks);
}

/* RFC 5465 section 7: what is asked of those that are new in the folder. */
static void
put_new(struct session *session, const struct context *context,
    const struct picks *added, size_t first_new)
{
	struct picks new = picks_new();

	for (size_t k = 0; k < picks_count(added); k++)
		if (picks_items(added)[k] >= first_new)
			picks_add(&new, picks_items(added)[k]);
	if (context->items.len > 0 && picks_count(&new) > 0)
		put_fetched(session, context->items, &new);
	picks_free(&new);
}

static void
add_picks(struct session *session, struct context *context, const bool *is_in,
    const struct picks *added, size_t first_new)
{
	size_t messages = folder_count(session->folder);

	if (picks_count(added) == 0)
		return;
	put_new(session, context, added, first_new);
	put_in_order(session, context, is_in, messages);
	bool *is_added = new_marks(context_count(context));
	bool *is_new = new_marks(messages);
	for (size_t k = 0; k < picks_count(added); k++)
		is_new[picks_items(added)[k]] = true;
	for (size_t k = 0; k < context_count(context); k++) {
		size_t i;

		is_added[k] =
		    find(session, context_uid(context, k), &i) && is_new[i];
	}
	context_put_added(session, context, is_added);
	free(is_added);
	free(is_new);
}

/* Of the messages above modseq, found are in the result from now on. */
static void
compare(struct session *session, struct context *context, uint64_t modseq,
    const struct picks *found, size_t first_new)
{
	size_t messages = folder_count(session->folder);
	bool *is_found = new_marks(messages);
	bool *is_in = new_marks(messages);
	bool *is_removed = new_marks(context_count(context));
	struct picks added = picks_new();
	bool is_any = false;

	for (size_t k = 0; k < picks_count(found); k++)
		is_found[picks_items(found)[k]] = true;
	for (size_t k = 0; k < context_count(context); k++) {
		size_t i;

		if (!find(session, context_uid(context, k), &i))
			continue;
		is_removed[k] =
		    folder_message(session->folder, i)->modseq > modseq &&
		    !is_found[i];
		is_in[i] = !is_removed[k];
		is_any |= is_removed[k];
	}
	remove_marked(session, context, is_removed, is_any);
	for (size_t i = 0; i < messages; i++)
		if (is_found[i] && !is_in[i]) {
			is_in[i] = true;
			picks_add(&added, i);
		}
	add_picks(session, context, is_in, &added, first_new);
	picks_free(&added);
	free(is_found);
	free(is_in);
	free(is_removed);
}

/* What cannot be read now is asked again the next time. */
static void
tell_changes(struct session *session, struct context *context, uint64_t highest,
    size_t first_new, bool is_fresh)
{
	struct program *program = &context->program;
	struct picks found;

	program->above_modseq =
	    is_fresh && !context->asks_all ? context->modseq : 0;
	if (context->is_timed)
		program_set_now(program, (int64_t)time(NULL));
	if (program_run(program, session, session->folder, &found) ==
	    ACCOUNT_OK) {
		compare(
		    session, context, program->above_modseq, &found, first_new);
		context->messages = folder_count(session->folder);
		if (is_fresh)
			context->modseq = highest;
	}
	picks_free(&found);
}

void
contexts_tell_changes(struct session *session, size_t first_new, bool is_fresh)
{
	if (session->contexts == NULL)
		return;
	uint64_t highest = highest_modseq(session->folder);
	size_t messages = folder_count(session->folder);
	for (struct context *context = session->contexts; context != NULL;
	     context = context->next)
		if (context->is_timed || highest != context->modseq ||
		    messages != context->messages)
			tell_changes(
			    session, context, highest, first_new, is_fresh);
}

/* ---- contexts come and go ---- */

/* Section 4.3: what is told would have two meanings. */
bool
contexts_reject_tag(
    struct session *session, const struct search_returns *returns)
{
	const struct context *context = session->contexts;

	while (context != NULL && !span_equal(context->tag, session->tag))
		context = context->next;
	if (context == NULL || (returns->items & RETURN_UPDATE) == 0)
		return false;
	session_bad(session, "BAD a search of that tag is updated");
	return true;
}

void
contexts_refuse(struct session *session)
{
	put(session, "* NO [NOUPDATE ");
	put_nstring(session, session->tag);
	put_format(session, "] %s\r\n",
	    language_say(session->language, "it will not be updated"));
}

static bool
has_star(const struct set *set)
{
	for (size_t k = 0; k < set_count(set); k++)
		if (set_range(set, k).first == 0 || set_range(set, k).last == 0)
			return true;
	return false;
}

/* The program and its command become the context's. */
static void
take_over(
    struct session *session, struct context *context, struct program *program)
{
	size_t max = session->input.command.max;

	context->command = session->input.command;
	session->input.command = buf_new(max);
	context->program = *program;
	*program = (struct program){ .keys = NULL };
	program_shrink(&context->program);
	/* Section 4.3: numbers are those of the moment. */
	program_fix_numbers(&context->program, session->folder);
	for (size_t i = 0; i < context->program.count; i++) {
		const struct key *key = &context->program.keys[i];

		context->is_timed |= key->kind == KEY_SECOND;
		context->asks_all |=
		    key->kind == KEY_SECOND ||
		    (key->kind == KEY_UIDS && has_star(&key->set));
	}
	context->asks_all |=
	    context->is_sort && sort_is_by_relevancy(&context->order);
}

void
contexts_add(struct session *session, const struct context_search *search)
{
	const struct search_found *found = search->found;
	uint64_t count = 0;

	for (struct context *context = session->contexts; context != NULL;
	     context = context->next)
		count++;
	if (count >= session->settings->contexts_max) {
		contexts_refuse(session);
		return;
	}
	struct context *context = calloc(1, sizeof(*context));
	if (context == NULL)
		temp_fail("out of memory");
	*context = (struct context){ .next = session->contexts,
		.tag = session->tag,
		.items = search->items,
		.is_sort = search->order != NULL,
		.is_uid = found->is_uid,
		.is_multisearch = found->mailbox.ptr != NULL,
		.uids = buf_new(SIZE_MAX / 2),
		.modseq = highest_modseq(session->folder),
		.messages = folder_count(session->folder) };
	if (context->is_sort)
		context->order = *search->order;
	for (size_t k = 0; k < picks_count(&found->picks); k++)
		context_add_uid(
		    &context->uids, folder_message(session->folder,
					picks_items(&found->picks)[k])
					->uid);
	take_over(session, context, search->program);
	session->contexts = context;
}

void
contexts_free(struct session *session)
{
	while (session->contexts != NULL) {
		struct context *context = session->contexts;

		session->contexts = context->next;
		free_context(context);
	}
}

static bool
cancel(struct session *session, struct span tag)
{
	struct context **at = &session->contexts;

	while (*at != NULL && !span_equal((*at)->tag, tag))
		at = &(*at)->next;
	struct context *context = *at;
	if (context == NULL)
		return false;
	*at = context->next;
	free_context(context);
	return true;
}

/* CANCELUPDATE, section 4.3.5: all of it is well-formed, or none counts. */
void
handle_cancel_update(struct session *session, struct parse *parse)
{
	struct buf tags = buf_new(SIZE_MAX / 2);
	bool is_good = true;
	bool are_known = true;

	while (is_good && parse_space(parse)) {
		struct span tag;

		is_good = parse_string(parse, &tag);
		buf_add(
		    &tags, (struct span){ (const char *)&tag, sizeof(tag) });
	}
	const struct span *items = (const struct span *)(void *)tags.data;
	size_t count = tags.len / sizeof(*items);
	is_good = is_good && count > 0 && parse_is_end(parse);
	for (size_t k = 0; k < count && is_good; k++)
		are_known = cancel(session, items[k]) && are_known;
	buf_free(&tags);
	if (is_good)
		session_finish(
		    session, are_known ? "OK done"
				       : "NO no search of that tag is updated");
	else
		session_bad(session, "BAD CANCELUPDATE \"TAG\" ...");
}
