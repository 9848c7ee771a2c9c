#include "queue/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/die.h"

enum {
	CHAINS = 1024
};

static size_t
age_of(const struct queue_file *file)
{
	int64_t minutes =
	    ((int64_t)time(NULL) -
		(int64_t)(queue_id_time_us(&file->name.id) / 1000000)) /
	    60;
	size_t i = 0;

	for (int64_t limit = 5; i < SHAPE_AGES - 1 && minutes >= limit;
	     limit *= 2)
		i++;
	return i;
}

static struct shape_row *
row_of(struct shape *shape, struct span domain)
{
	uint32_t hash = 5381;

	for (size_t i = 0; i < domain.len; i++)
		hash = hash * 33 ^ (unsigned char)ascii_lower(domain.ptr[i]);
	struct shape_row **chain = &shape->rows[hash % CHAINS];
	struct shape_row *row = *chain;
	while (row != NULL && !span_equal_nocase(span_of(row->domain), domain))
		row = row->next;
	if (row != NULL)
		return row;
	row = calloc(1, sizeof(*row));
	if (row == NULL ||
	    (row->domain = strndup(domain.ptr, domain.len)) == NULL)
		temp_fail("out of memory");
	row->next = *chain;
	*chain = row;
	shape->row_count++;
	return row;
}

static void
count(struct shape *shape, struct span address, size_t age)
{
	struct shape_row *row =
	    row_of(shape, span_slice(address, span_last_index(address, '@') + 1,
			      address.len));

	row->total++;
	row->ages[age]++;
}

void
shape_add(struct shape *shape, const struct queue_file *file)
{
	struct span rest = file->envelope.recipients;
	struct recipient recipient;
	size_t age = age_of(file);
	struct slot slot;

	if (shape->by_sender) {
		count(shape, file->envelope.sender, age);
		return;
	}
	for (uint64_t i = 0; envelope_next(&rest, &recipient); i++)
		if (!slot_read(file, i, &slot) || slot.state == SLOT_WAITING)
			count(shape, recipient.address, age);
}

static int
by_total(const void *left, const void *right)
{
	const struct shape_row *const *a = left;
	const struct shape_row *const *b = right;

	if ((*a)->total != (*b)->total)
		return (*a)->total < (*b)->total ? 1 : -1;
	return strcmp((*a)->domain, (*b)->domain);
}

static void
print_name(const char *name)
{
	for (; *name != '\0'; name++)
		putchar(
		    *name > ' ' && *name < 0x7f && *name != '"' && *name != '\\'
			? *name
			: '?');
}

static void
print_row(const struct shape_row *row, bool is_json)
{
	if (is_json)
		printf("{\"domain\":\"");
	else
		printf(" %9lu", row->total);
	for (size_t i = 0; !is_json && i < SHAPE_AGES; i++)
		printf(" %6lu", row->ages[i]);
	if (!is_json)
		putchar(' ');
	print_name(row->domain);
	if (is_json) {
		printf("\",\"total\":%lu,\"ages\":[", row->total);
		for (size_t i = 0; i < SHAPE_AGES; i++)
			printf("%s%lu", i == 0 ? "" : ",", row->ages[i]);
		printf("]}");
	}
	putchar('\n');
}

static void
print_head(const struct shape_row *total)
{
	printf(" %9s %6s %6s %6s %6s %6s %6s %6s %6s %6s %6s %s\n", "Total",
	    "<5min", "<10", "<20", "<40", "<80", "<160", "<320", "<640",
	    "<1280", "older", "Domain");
	print_row(total, false);
}

void
shape_print(const struct shape *shape, size_t max, bool is_json)
{
	struct shape_row **rows = calloc(shape->row_count + 1, sizeof(*rows));
	static char all[] = "(all)";
	struct shape_row total = { .domain = all };
	size_t found = 0;

	if (rows == NULL)
		temp_fail("out of memory");
	for (size_t i = 0; i < CHAINS; i++)
		for (struct shape_row *row = shape->rows[i]; row != NULL;
		     row = row->next) {
			rows[found++] = row;
			total.total += row->total;
			for (size_t age = 0; age < SHAPE_AGES; age++)
				total.ages[age] += row->ages[age];
		}
	qsort(rows, found, sizeof(*rows), by_total);
	if (!is_json)
		print_head(&total);
	for (size_t i = 0; i < found && i < max; i++)
		print_row(rows[i], is_json);
	free(rows);
}
