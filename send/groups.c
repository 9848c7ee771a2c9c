#include "send/groups.h"

/* A group's verdicts, among those of all. */
struct group {
	struct verdicts *all;
	size_t first;
};

static void
give_to_all(void *context, const struct verdict *verdict)
{
	const struct group *group = context;
	struct verdict whole = *verdict;

	whole.number += group->first;
	group->all->given[whole.number] = true;
	group->all->left--;
	group->all->give(group->all->context, &whole);
}

/* Cut the records of the next max recipients off *rest. */
static size_t
cut_recipients(struct span *rest, uint64_t max, struct span *records)
{
	struct span start = *rest;
	struct recipient recipient;
	size_t count = 0;

	while (count < max && envelope_next(rest, &recipient))
		count++;
	*records = span_slice(start, 0, start.len - rest->len);
	return count;
}

/* RFC 9422 */
static bool
has_had_all(const struct connection *connection)
{
	uint64_t max = connection->client.mails_max;

	return max > 0 && connection->mails >= max;
}

/*
 * As few transactions as the server lets it be: some take fewer recipients at
 * once than they should, and do not say so before.
 */
static bool
run_all(struct connection *connection, const struct delivery *delivery, int fd,
    struct verdicts *verdicts)
{
	bool is_usable = transaction_run(connection, delivery, fd, verdicts);

	while (is_usable && verdicts->left > 0 && !has_had_all(connection))
		is_usable = transaction_run(connection, delivery, fd, verdicts);
	if (is_usable)
		verdicts_give_rest(verdicts, VERDICT_LATER, "4.5.3",
		    "the next host takes no more at once");
	return is_usable;
}

bool
groups_run(struct connection *connection, const struct delivery *delivery,
    int fd, struct verdicts *verdicts)
{
	const struct smtp_client *client = &connection->client;
	uint64_t max = client->recipients_max; /* RFC 9422 */
	struct span rest = delivery->recipients;
	struct delivery part = *delivery;
	bool is_usable = true;

	if (max == 0 || verdicts->count <= max)
		return run_all(connection, delivery, fd, verdicts);
	for (size_t first = 0; is_usable && first < verdicts->count;) {
		struct group group = { .all = verdicts, .first = first };
		struct verdicts some = { .give = give_to_all,
			.context = &group };

		some.count = some.left =
		    cut_recipients(&rest, max, &part.recipients);
		if (has_had_all(connection))
			verdicts_give_rest(&some, VERDICT_LATER, "4.5.3",
			    "the next host takes no more at once");
		else
			is_usable = run_all(connection, &part, fd, &some);
		first += some.count;
		verdicts_give_rest(
		    &some, VERDICT_LATER, "4.3.0", "no verdict was reached");
	}
	return is_usable;
}
