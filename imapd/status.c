#include "imapd/handlers.h"
#include "imapd/list.h"
#include "imapd/output.h"
#include "imapd/rights.h"

static const struct {
	const char *name;
	unsigned item;
} names[] = {
	{ "MESSAGES", STATUS_MESSAGES },
	{ "RECENT", STATUS_RECENT },
	{ "UIDNEXT", STATUS_UIDNEXT },
	{ "UIDVALIDITY", STATUS_UIDVALIDITY },
	{ "UNSEEN", STATUS_UNSEEN },
	{ "DELETED", STATUS_DELETED },
	{ "SIZE", STATUS_SIZE },
	{ "HIGHESTMODSEQ", STATUS_HIGHESTMODSEQ },
	{ "MAILBOXID", STATUS_MAILBOXID },
	{ "APPENDLIMIT", STATUS_APPENDLIMIT },
	{ "DELETED-STORAGE", STATUS_DELETED_STORAGE },
};

bool
status_parse(struct parse *parse, unsigned *items)
{
	const size_t count = sizeof(names) / sizeof(*names);

	*items = 0;
	if (!parse_char(parse, '('))
		return false;
	do {
		size_t i = 0;

		while (i < count && !parse_keyword(parse, names[i].name))
			i++;
		if (i == count)
			return false;
		*items |= names[i].item;
	} while (parse_space(parse));
	return parse_char(parse, ')');
}

static enum account_status
sum(struct session *session, struct span name, uint64_t *octets,
    uint64_t *deleted)
{
	struct folder *folder;
	enum account_status status =
	    folder_open(&folder, session->account, name, true);

	if (status != ACCOUNT_OK)
		return status;
	status = folder_sum_octets(folder, octets, deleted);
	folder_close(folder);
	return status;
}

static void
put_item(struct session *session, unsigned item,
    const struct folder_counts *counts, const uint64_t sums[2])
{
	uint64_t value = 0;

	switch ((enum status_item)item) {
	case STATUS_MESSAGES:
		value = counts->messages;
		break;
	case STATUS_RECENT:
		value = counts->recent;
		break;
	case STATUS_UIDNEXT:
		value = counts->uid_next;
		break;
	case STATUS_UIDVALIDITY:
		value = counts->uid_validity;
		break;
	case STATUS_UNSEEN:
		value = counts->unseen;
		break;
	case STATUS_DELETED:
		value = counts->deleted;
		break;
	case STATUS_SIZE:
		value = sums[0];
		break;
	case STATUS_HIGHESTMODSEQ:
		value = counts->highest_modseq;
		break;
	case STATUS_MAILBOXID:
		put_format(session, "(%s)", counts->id);
		return;
	case STATUS_APPENDLIMIT:
		value = session->settings->message_max;
		break;
	case STATUS_DELETED_STORAGE:
		value = sums[1] / 1024 + (sums[1] % 1024 != 0);
	}
	if (item == STATUS_APPENDLIMIT && value == 0)
		put(session, "NIL");
	else
		put_format(session, "%llu", (unsigned long long)value);
}

enum account_status
status_put_news(struct session *session, struct span name, unsigned items)
{
	struct folder_counts counts;
	uint64_t sums[2] = { 0 };
	const char *space = "";
	enum account_status status =
	    account_counts(session->account, name, &counts);

	if (status == ACCOUNT_OK &&
	    (items & (STATUS_SIZE | STATUS_DELETED_STORAGE)) != 0)
		status = sum(session, name, &sums[0], &sums[1]);
	if (status != ACCOUNT_OK)
		return status;
	put(session, "* STATUS ");
	put_name(session, name);
	put(session, " (");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if ((items & names[i].item) == 0)
			continue;
		put_format(session, "%s%s ", space, names[i].name);
		put_item(session, names[i].item, &counts, sums);
		space = " ";
	}
	put(session, ")\r\n");
	return ACCOUNT_OK;
}

enum account_status
status_put(struct session *session, struct span name, unsigned items)
{
	struct folder_counts counts;

	if ((items & STATUS_HIGHESTMODSEQ) != 0 &&
	    account_counts(session->account, name, &counts) == ACCOUNT_OK)
		session_enable_condstore(session);
	return status_put_news(session, name, items);
}

void
handle_status(struct session *session, struct parse *parse)
{
	struct buf name;
	unsigned items;

	if (!parse_space(parse)) {
		session_bad(session, "BAD a folder's name is missing");
		return;
	}
	if (!parse_folder_name(session, parse, &name))
		return;
	if (!parse_space(parse) || !status_parse(parse, &items) ||
	    !parse_is_end(parse))
		session_bad(session, "BAD STATUS NAME (ITEM ...)");
	else if (rights_require(session, buf_span(&name), ACL_READ))
		session_fail(
		    session, status_put(session, buf_span(&name), items));
	buf_free(&name);
}
