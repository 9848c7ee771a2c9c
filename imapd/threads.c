#include "imapd/threads.h"

#include <stdlib.h>

#include "base/die.h"

struct threads
threads_new(enum threads_kind kind)
{
	struct threads threads = { .kind = kind,
		.forest = forest_new(),
		.ids = names_new(),
		.subjects = names_new(),
		.node_of_id = buf_new(SIZE_MAX / 2),
		.nodes = buf_new(SIZE_MAX / 2),
		.messages = buf_new(SIZE_MAX / 2) };
	const struct threads_node root = { .row = UINT32_MAX };
	const uint32_t none = 0;

	buf_add(
	    &threads.nodes, (struct span){ (const char *)&root, sizeof(root) });
	buf_add(&threads.node_of_id,
	    (struct span){ (const char *)&none, sizeof(none) });
	return threads;
}

void
threads_free(struct threads *threads)
{
	forest_free(&threads->forest);
	names_free(&threads->ids);
	names_free(&threads->subjects);
	buf_free(&threads->node_of_id);
	buf_free(&threads->nodes);
	buf_free(&threads->messages);
}

struct threads_node *
threads_node(const struct threads *threads, uint32_t node)
{
	return (struct threads_node *)(void *)threads->nodes.data + node;
}

struct threads_message *
threads_message(const struct threads *threads, size_t row)
{
	return (struct threads_message *)(void *)threads->messages.data + row;
}

size_t
threads_node_count(const struct threads *threads)
{
	return threads->nodes.len / sizeof(struct threads_node);
}

size_t
threads_message_count(const struct threads *threads)
{
	return threads->messages.len / sizeof(struct threads_message);
}

uint32_t
threads_add_node(struct threads *threads, uint32_t row)
{
	const struct threads_node node = { .row = row };
	uint32_t number = (uint32_t)threads_node_count(threads);

	buf_add(&threads->nodes,
	    (struct span){ (const char *)&node, sizeof(node) });
	return number;
}

/* One that the forest knows, too: both count alike while messages come. */
static uint32_t
add_linked_node(struct threads *threads, uint32_t row)
{
	forest_add(&threads->forest);
	return threads_add_node(threads, row);
}

/* The node of a message-id; 0 if there is no room for it. */
static uint32_t
node_of(struct threads *threads, struct span id)
{
	uint32_t number = names_number(&threads->ids, id);
	uint32_t *known = (uint32_t *)(void *)threads->node_of_id.data + number;

	if (number == 0)
		return 0;
	if (number < threads->node_of_id.len / sizeof(*known))
		return *known;
	uint32_t node = add_linked_node(threads, UINT32_MAX);
	buf_add(&threads->node_of_id,
	    (struct span){ (const char *)&node, sizeof(node) });
	return node;
}

/* child has no parent; where it is above the other already, it gets none. */
static void
link_nodes(struct threads *threads, uint32_t parent, uint32_t child)
{
	if (parent == 0 || forest_root(&threads->forest, parent) == child)
		return;
	forest_link(&threads->forest, child, parent);
	threads_node(threads, child)->parent = parent;
}

/* Step 1: one message's references, then itself. */
static void
add_references(struct threads *threads, uint32_t row,
    const struct folder_thread_data *data)
{
	struct span left = data->references;
	uint32_t parent = 0;
	uint32_t node = 0;

	while (left.len > 0) {
		uint32_t other = node_of(threads, span_cut(&left, '\n'));

		if (other == 0)
			continue;
		if (threads_node(threads, other)->parent == 0)
			link_nodes(threads, parent, other);
		parent = other;
	}
	if (data->message_id.len > 0)
		node = node_of(threads, data->message_id);
	if (node == 0 || threads_node(threads, node)->row != UINT32_MAX)
		node = add_linked_node(threads, row);
	threads_node(threads, node)->row = row;
	threads_message(threads, row)->node = node;
	if (threads_node(threads, node)->parent != 0) {
		forest_cut(&threads->forest, node);
		threads_node(threads, node)->parent = 0;
	}
	link_nodes(threads, parent, node);
}

void
threads_add(struct threads *threads, const struct folder_thread_data *data)
{
	struct threads_message message = { .date_s = data->sent_date_s,
		.is_reply = data->is_reply };
	uint32_t row = (uint32_t)threads_message_count(threads);

	if (threads->kind != THREADS_REFS && data->base_subject.len > 0)
		message.subject =
		    names_number(&threads->subjects, data->base_subject);
	if (threads->kind == THREADS_ORDERED_SUBJECT)
		message.node = threads_add_node(threads, row);
	buf_add(&threads->messages,
	    (struct span){ (const char *)&message, sizeof(message) });
	if (threads->kind != THREADS_ORDERED_SUBJECT)
		add_references(threads, row, data);
}

static int
compare_dates(const void *left, const void *right, void *context)
{
	const struct threads *threads = context;
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;
	int64_t first = threads_message(threads, a)->date_s;
	int64_t second = threads_message(threads, b)->date_s;

	if (first != second)
		return first < second ? -1 : 1;
	return (a > b) - (a < b);
}

/* Rows by date, to be freed. */
static uint32_t *
rank(struct threads *threads)
{
	size_t count = threads_message_count(threads);
	uint32_t *rows = calloc(count + 1, sizeof(*rows));

	if (rows == NULL)
		temp_fail("out of memory");
	for (size_t i = 0; i < count; i++)
		rows[i] = (uint32_t)i;
	qsort_r(rows, count, sizeof(*rows), compare_dates, threads);
	for (size_t i = 0; i < count; i++)
		threads_message(threads, rows[i])->rank = (uint32_t)i;
	return rows;
}

/* Below the first of each subject are all others. */
static void
order_subjects(struct threads *threads, const uint32_t *rows)
{
	size_t count = threads_message_count(threads);
	uint32_t *firsts = calloc(count + 1, sizeof(*firsts));

	if (firsts == NULL)
		temp_fail("out of memory");
	for (size_t i = 0; i < count; i++) {
		const struct threads_message *message =
		    threads_message(threads, rows[i]);
		uint32_t *first = &firsts[message->subject];

		threads_node(threads, message->node)->parent = *first;
		if (*first == 0)
			*first = message->node;
	}
	free(firsts);
}

void
threads_end(struct threads *threads)
{
	uint32_t *rows = rank(threads);

	forest_free(&threads->forest);
	if (threads->kind == THREADS_ORDERED_SUBJECT)
		order_subjects(threads, rows);
	else
		threads_prune(threads);
	free(rows);
	threads_make_lists(threads);
	if (threads->kind == THREADS_REFERENCES)
		threads_gather(threads);
}
