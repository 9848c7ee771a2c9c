#include <stdlib.h>

#include "base/die.h"
#include "imapd/threads.h"

enum {
	GONE = -1 /* the parent of a dummy that is in no tree any more */
};

static bool
is_dummy(const struct threads *threads, uint32_t node)
{
	return threads_node(threads, node)->row == UINT32_MAX;
}

static uint32_t *
new_numbers(size_t count)
{
	uint32_t *numbers = calloc(count + 1, sizeof(*numbers));

	if (numbers == NULL)
		temp_fail("out of memory");
	return numbers;
}

/*
 * Where the children of a dummy go: the first message above it, or the
 * dummy at the top.  homes remembers it of all that were passed.
 */
static uint32_t
find_home(const struct threads *threads, uint32_t *homes, uint32_t dummy)
{
	uint32_t at = dummy;

	while (is_dummy(threads, at) && homes[at] == 0 &&
	       threads_node(threads, at)->parent != 0)
		at = threads_node(threads, at)->parent;
	uint32_t home =
	    is_dummy(threads, at) && homes[at] != 0 ? homes[at] : at;
	for (uint32_t i = dummy; i != at; i = threads_node(threads, i)->parent)
		homes[i] = home;
	return home;
}

void
threads_prune(struct threads *threads)
{
	size_t count = threads_node_count(threads);
	uint32_t *homes = new_numbers(count);
	uint32_t *parents = new_numbers(count);
	uint32_t *children = new_numbers(count); /* how many a dummy has */

	for (uint32_t i = 1; i < count; i++) {
		uint32_t parent = threads_node(threads, i)->parent;

		if (is_dummy(threads, i))
			parents[i] = parent == 0 ? 0 : (uint32_t)GONE;
		else
			parents[i] = parent != 0 && is_dummy(threads, parent)
					 ? find_home(threads, homes, parent)
					 : parent;
		if (!is_dummy(threads, i))
			children[parents[i]]++;
	}
	for (uint32_t i = 1; i < count; i++) {
		uint32_t *parent = &threads_node(threads, i)->parent;
		bool is_single =
		    children[parents[i] == (uint32_t)GONE ? 0 : parents[i]] ==
		    1;

		*parent = parents[i];
		if (is_dummy(threads, i) && children[i] < 2)
			*parent = (uint32_t)GONE;
		else if (*parent != 0 && *parent != (uint32_t)GONE &&
			 is_dummy(threads, *parent) && is_single)
			*parent = 0;
	}
	free(homes);
	free(parents);
	free(children);
}

/* ---- lists ---- */

static void
push(struct threads *threads, uint32_t parent, uint32_t node)
{
	threads_node(threads, node)->next =
	    threads_node(threads, parent)->first;
	threads_node(threads, parent)->first = node;
}

/* The node behind it in its tree, the children first; top is left at 0. */
static uint32_t
after(const struct threads *threads, uint32_t top, uint32_t node)
{
	uint32_t next = threads_node(threads, node)->first;

	if (next != 0)
		return next;
	while (node != top && threads_node(threads, node)->next == 0)
		node = threads_node(threads, node)->parent;
	return node == top ? 0 : threads_node(threads, node)->next;
}

static uint32_t
highest_rank(const struct threads *threads, uint32_t top)
{
	uint32_t highest = 0;

	for (uint32_t i = top; i != 0; i = after(threads, top, i)) {
		uint32_t row = threads_node(threads, i)->row;

		if (row != UINT32_MAX &&
		    threads_message(threads, row)->rank > highest)
			highest = threads_message(threads, row)->rank;
	}
	return highest;
}

/* REFS: the thread that had no message for the longest time is the first. */
static void
order_by_latest(struct threads *threads)
{
	size_t count = threads_message_count(threads);
	uint32_t *tops = new_numbers(count);

	for (uint32_t i = threads_node(threads, 0)->first; i != 0;
	     i = threads_node(threads, i)->next)
		tops[highest_rank(threads, i)] = i;
	threads_node(threads, 0)->first = 0;
	for (size_t k = count; k > 0; k--)
		if (tops[k - 1] != 0)
			push(threads, 0, tops[k - 1]);
	free(tops);
}

/* From the last to the first, each before those that are there. */
void
threads_make_lists(struct threads *threads)
{
	size_t count = threads_message_count(threads);
	uint32_t *nodes = new_numbers(count); /* by rank */

	for (size_t i = 0; i < count; i++)
		nodes[threads_message(threads, i)->rank] =
		    threads_message(threads, i)->node;
	for (uint32_t i = 0; i < threads_node_count(threads); i++)
		threads_node(threads, i)->first =
		    threads_node(threads, i)->next = 0;
	for (size_t k = count; k > 0; k--) {
		uint32_t parent = threads_node(threads, nodes[k - 1])->parent;

		if (parent != 0)
			push(threads, parent, nodes[k - 1]);
	}
	/* A dummy stands where its first child would. */
	for (size_t k = count; k > 0; k--) {
		uint32_t node = nodes[k - 1];
		uint32_t parent = threads_node(threads, node)->parent;

		if (parent == 0)
			push(threads, 0, node);
		else if (is_dummy(threads, parent) &&
			 threads_node(threads, parent)->first == node)
			push(threads, 0, parent);
	}
	free(nodes);
	if (threads->kind == THREADS_REFS)
		order_by_latest(threads);
}

/* ---- step 5 ---- */

/* Of a thread: its message's, or its first one's. */
static uint32_t
subject_of(const struct threads *threads, uint32_t node)
{
	if (is_dummy(threads, node))
		node = threads_node(threads, node)->first;
	return threads_message(threads, threads_node(threads, node)->row)
	    ->subject;
}

static bool
is_reply(const struct threads *threads, uint32_t node)
{
	return !is_dummy(threads, node) &&
	       threads_message(threads, threads_node(threads, node)->row)
		   ->is_reply;
}

/* Step 5.B: table[subject] is the thread that the others go to. */
static void
fill_table(const struct threads *threads, uint32_t *table)
{
	for (uint32_t i = threads_node(threads, 0)->first; i != 0;
	     i = threads_node(threads, i)->next) {
		uint32_t *entry = &table[subject_of(threads, i)];

		if (*entry == 0 ||
		    (!is_dummy(threads, *entry) &&
			(is_dummy(threads, i) || (is_reply(threads, *entry) &&
						     !is_reply(threads, i)))))
			*entry = i;
	}
}

/* Step 5.C of one; what the table has is changed where both get a dummy. */
static void
merge(struct threads *threads, uint32_t *entry, uint32_t node)
{
	if (is_dummy(threads, node)) {
		for (uint32_t i = threads_node(threads, node)->first; i != 0;
		     i = threads_node(threads, i)->next)
			threads_node(threads, i)->parent = *entry;
		threads_node(threads, node)->parent = (uint32_t)GONE;
		return;
	}
	if (!is_dummy(threads, *entry) &&
	    (!is_reply(threads, node) || is_reply(threads, *entry))) {
		uint32_t both = threads_add_node(threads, UINT32_MAX);

		threads_node(threads, *entry)->parent = both;
		*entry = both;
	}
	threads_node(threads, node)->parent = *entry;
}

void
threads_gather(struct threads *threads)
{
	uint32_t *table = new_numbers(threads_message_count(threads));

	fill_table(threads, table);
	for (uint32_t i = threads_node(threads, 0)->first; i != 0;
	     i = threads_node(threads, i)->next) {
		uint32_t subject = subject_of(threads, i);

		if (subject != 0 && table[subject] != i &&
		    threads_node(threads, i)->parent == 0)
			merge(threads, &table[subject], i);
	}
	free(table);
	threads_make_lists(threads);
}

/* ---- the text ---- */

/* Is it in parentheses: a thread, or one of several children? */
static bool
is_opened(const struct threads *threads, uint32_t node)
{
	const struct threads_node *it = threads_node(threads, node);

	return it->parent == 0 || it->next != 0 ||
	       threads_node(threads, it->parent)->first != node;
}

static void
put_node(const struct threads *threads, const uint32_t *numbers, uint32_t node,
    struct buf *text)
{
	const struct threads_node *it = threads_node(threads, node);

	if (it->parent != 0 && !is_dummy(threads, it->parent) &&
	    threads_node(threads, it->parent)->first == node)
		buf_add_char(text, ' ');
	if (is_opened(threads, node))
		buf_add_char(text, '(');
	if (!is_dummy(threads, node))
		buf_printf(text, "%u", numbers[it->row]);
}

void
threads_put(
    const struct threads *threads, const uint32_t *numbers, struct buf *text)
{
	uint32_t node = threads_node(threads, 0)->first;

	while (node != 0) {
		put_node(threads, numbers, node, text);
		if (threads_node(threads, node)->first != 0) {
			node = threads_node(threads, node)->first;
			continue;
		}
		for (;;) {
			if (is_opened(threads, node))
				buf_add_char(text, ')');
			if (threads_node(threads, node)->next != 0) {
				node = threads_node(threads, node)->next;
				break;
			}
			node = threads_node(threads, node)->parent;
			if (node == 0)
				break;
		}
	}
}
