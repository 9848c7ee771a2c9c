#include "imapd/sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "store/folder.h"

bool
sort_parse(struct sort_order *order, struct parse *parse)
{
	static const char *const names[] = { "ARRIVAL", "CC", "DATE", "FROM",
		"SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO",
		"RELEVANCY" };
	const unsigned count = sizeof(names) / sizeof(*names);

	if (!parse_char(parse, '('))
		return false;
	do {
		unsigned i = 0;
		bool is_reverse = parse_prefix(parse, "REVERSE ");

		while (i < count && !parse_keyword(parse, names[i]))
			i++;
		if (i == count || order->count == SORT_KEYS_MAX)
			return false;
		order->keys[order->count].criterion = (enum sort_criterion)i;
		order->keys[order->count++].is_reverse = is_reverse;
	} while (parse_space(parse));
	return parse_char(parse, ')');
}

bool
sort_is_by_relevancy(const struct sort_order *order)
{
	for (size_t k = 0; k < order->count; k++)
		if (order->keys[k].criterion == BY_RELEVANCY)
			return true;
	return false;
}

/* A message's value: a number, or bytes of the texts. */
struct value {
	int64_t number;
	size_t start;
	size_t len;
	bool is_broken; /* a text that was no characters */
};

struct sort {
	const struct sort_order *order;
	struct buf texts;
	struct value *values; /* order->count for each */
	bool has_unreadable;
};

static bool
is_text(enum sort_criterion criterion)
{
	return criterion != BY_ARRIVAL && criterion != BY_DATE &&
	       criterion != BY_SIZE && criterion != BY_RELEVANCY;
}

/* What cannot be read sorts first. */
static bool
is_read(struct sort *sort, enum account_status status)
{
	sort->has_unreadable |= status == ACCOUNT_UNREADABLE;
	return status == ACCOUNT_OK;
}

static struct span
text_of(struct sort *sort, struct folder *folder, size_t i,
    enum sort_criterion criterion)
{
	static const enum sort_key keys[] = { [BY_CC] = SORT_CC,
		[BY_FROM] = SORT_FROM,
		[BY_SUBJECT] = SORT_SUBJECT,
		[BY_TO] = SORT_TO,
		[BY_DISPLAY_FROM] = SORT_DISPLAY_FROM,
		[BY_DISPLAY_TO] = SORT_DISPLAY_TO };
	struct span text = { NULL, 0 };

	if (!is_read(sort, folder_sort_key(folder, i, keys[criterion], &text)))
		return (struct span){ NULL, 0 };
	return text;
}

static int64_t
number_of(struct sort *sort, struct folder *folder, size_t i,
    enum sort_criterion criterion)
{
	struct folder_thread_data data;
	int64_t date_s = 0;
	uint64_t octets = 0;

	if (criterion == BY_SIZE)
		return is_read(sort, folder_octets(folder, i, &octets))
			   ? (int64_t)octets
			   : 0;
	if (criterion == BY_ARRIVAL)
		return is_read(sort, folder_internal_date(folder, i, &date_s))
			   ? date_s
			   : 0;
	return is_read(sort, folder_thread_data(folder, i, &data))
		   ? data.sent_date_s
		   : 0;
}

static int
compare_values(const struct sort *sort, enum sort_criterion criterion,
    const struct value *a, const struct value *b)
{
	if (!is_text(criterion))
		return (a->number > b->number) - (a->number < b->number);
	if (a->is_broken != b->is_broken)
		return a->is_broken ? 1 : -1;
	size_t len = a->len < b->len ? a->len : b->len;
	int order = len == 0 ? 0
			     : memcmp(sort->texts.data + a->start,
				   sort->texts.data + b->start, len);
	if (order == 0)
		order = (a->len > b->len) - (a->len < b->len);
	return sort->order->is_inverted && !a->is_broken ? -order : order;
}

struct row {
	size_t i;
	size_t place; /* of its values */
};

static int
compare(const void *left, const void *right, void *context)
{
	const struct sort *sort = context;
	const struct row *a = left;
	const struct row *b = right;

	for (size_t k = 0; k < sort->order->count; k++) {
		size_t columns = sort->order->count;
		int order = compare_values(sort, sort->order->keys[k].criterion,
		    &sort->values[a->place * columns + k],
		    &sort->values[b->place * columns + k]);

		if (order != 0)
			return sort->order->keys[k].is_reverse ? -order : order;
	}
	return (a->i > b->i) - (a->i < b->i);
}

/*
 * RFC 5255 section 4.6: what its character set did not allow goes behind all
 * else.  U+FFFD stands for it.
 */
static bool
is_broken(struct span text)
{
	static const char replacement[] = "\xef\xbf\xbd";

	return text.len > 0 && memmem(text.ptr, text.len, replacement,
				   sizeof(replacement) - 1) != NULL;
}

static void
fill(struct sort *sort, struct session *session, const struct picks *picks)
{
	struct folder *folder = session->folder;
	size_t columns = sort->order->count;

	for (size_t k = 0; k < columns; k++) {
		enum sort_criterion criterion = sort->order->keys[k].criterion;

		for (size_t row = 0; row < picks_count(picks); row++) {
			size_t i = picks_items(picks)[row];
			struct value *value = &sort->values[row * columns + k];

			progress_tick(session);
			if (criterion == BY_RELEVANCY) {
				value->number = -sort->order->scores[i];
				continue;
			}
			if (!is_text(criterion)) {
				value->number =
				    number_of(sort, folder, i, criterion);
				continue;
			}
			struct span text = text_of(sort, folder, i, criterion);
			value->start = sort->texts.len;
			value->len = text.len;
			value->is_broken = is_broken(text);
			buf_add(&sort->texts, text);
		}
	}
}

/* ---- the last order ---- */

/* What a message is sorted by never changes: its order holds while it stays. */
struct sorted {
	struct sort_order order;
	size_t count;
	uint32_t *uids;    /* of all messages of the folder */
	size_t *positions; /* of the messages, in order */
};

void
sort_forget(struct session *session)
{
	if (session->sorted == NULL)
		return;
	free(session->sorted->uids);
	free(session->sorted->positions);
	free(session->sorted);
	session->sorted = NULL;
}

static bool
is_same_order(const struct sort_order *a, const struct sort_order *b)
{
	bool is_same = a->count == b->count && a->is_inverted == b->is_inverted;

	for (size_t k = 0; is_same && k < a->count; k++)
		is_same = a->keys[k].criterion == b->keys[k].criterion &&
			  a->keys[k].is_reverse == b->keys[k].is_reverse;
	return is_same;
}

static bool
is_remembered(const struct session *session, const struct sort_order *order)
{
	const struct sorted *sorted = session->sorted;

	if (sorted == NULL || !is_same_order(&sorted->order, order) ||
	    sorted->count != folder_count(session->folder))
		return false;
	for (size_t i = 0; i < sorted->count; i++)
		if (folder_message(session->folder, i)->uid != sorted->uids[i])
			return false;
	return true;
}

static void
remember(struct session *session, const struct sort_order *order,
    const struct row *rows)
{
	size_t count = folder_count(session->folder);
	struct sorted *sorted = calloc(1, sizeof(*sorted));

	sort_forget(session);
	if (sorted == NULL)
		temp_fail("out of memory");
	sorted->order = *order;
	sorted->count = count;
	sorted->uids = calloc(count + 1, sizeof(*sorted->uids));
	sorted->positions = calloc(count + 1, sizeof(*sorted->positions));
	if (sorted->uids == NULL || sorted->positions == NULL)
		temp_fail("out of memory");
	for (size_t i = 0; i < count; i++) {
		sorted->uids[i] = folder_message(session->folder, i)->uid;
		sorted->positions[i] = rows[i].i;
	}
	session->sorted = sorted;
}

static void
recall(const struct sorted *sorted, struct picks *picks)
{
	bool *is_picked = calloc(sorted->count + 1, sizeof(*is_picked));

	if (is_picked == NULL)
		temp_fail("out of memory");
	for (size_t k = 0; k < picks_count(picks); k++)
		is_picked[picks_items(picks)[k]] = true;
	buf_clear(&picks->indexes);
	for (size_t k = 0; k < sorted->count; k++)
		if (is_picked[sorted->positions[k]])
			picks_add(picks, sorted->positions[k]);
	free(is_picked);
}

/* ---- all ---- */

bool
sort_picks(struct session *session, const struct sort_order *order,
    struct picks *picks)
{
	bool holds = !sort_is_by_relevancy(order); /* for the next search */

	if (holds && is_remembered(session, order)) {
		recall(session->sorted, picks);
		return true;
	}
	size_t count = picks_count(picks);
	struct sort sort = { .order = order, .texts = buf_new(SIZE_MAX / 2) };
	struct row *rows = calloc(count + 1, sizeof(*rows));

	sort.values = calloc(count * order->count + 1, sizeof(*sort.values));
	if (rows == NULL || sort.values == NULL)
		temp_fail("out of memory");
	fill(&sort, session, picks);
	for (size_t row = 0; row < count; row++)
		rows[row] = (struct row){ picks_items(picks)[row], row };
	qsort_r(rows, count, sizeof(*rows), compare, &sort);
	buf_clear(&picks->indexes);
	for (size_t row = 0; row < count; row++)
		picks_add(picks, rows[row].i);
	/* Who mends the file has it sorted by what it says. */
	if (holds && !sort.has_unreadable &&
	    count == folder_count(session->folder))
		remember(session, order, rows);
	free(rows);
	free(sort.values);
	buf_free(&sort.texts);
	return !sort.has_unreadable;
}
