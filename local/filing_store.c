#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "local/filing.h"
#include "store/flag_names.h"
#include "store/maildir_deliver.h"
#include "store/maildir_name.h"

/* A script's keep and fileinto. */

enum {
	LETTERS_MAX = 64
};

/* One message into one folder. */
struct target {
	struct span mailbox;
	struct span flags;
	struct span header; /* ptr NULL: as it came */
	bool may_create;
};

/* ---- flags ---- */

/* Which letters keywords have is the folder's own to say.  False: not now. */
static bool
keyword_bits(
    const struct filed *filed, const struct target *target, uint64_t *bits)
{
	struct folder *folder;
	struct span rest = target->flags;

	*bits = 0;
	if (folder_open_aside(
		&folder, filed->filing->account, target->mailbox) != ACCOUNT_OK)
		return false;
	while (rest.len > 0) {
		struct span word = span_cut_word(&rest);
		uint64_t bit = word.len == 0 || flag_of_name(word) != 0
				   ? 0
				   : folder_keyword_bit(folder, word, true);

		*bits |= bit & MAILDIR_KEYWORDS_MASK;
		if (word.len > 0 && flag_of_name(word) == 0 &&
		    (bit & MAILDIR_KEYWORDS_MASK) == 0)
			filing_log(filed, span_of("no room for a keyword"));
	}
	folder_close(folder);
	return true;
}

/* letters stays empty for a message that has no flags, and is new. */
static bool
add_letters(
    const struct filed *filed, const struct target *target, struct buf *letters)
{
	struct span rest = target->flags;
	uint32_t flags = 0;
	uint64_t keywords = 0;
	bool has_keyword = false;

	while (rest.len > 0) {
		struct span word = span_cut_word(&rest);

		flags |= flag_of_name(word);
		has_keyword |= word.len > 0 && flag_of_name(word) == 0;
	}
	if (has_keyword && !keyword_bits(filed, target, &keywords))
		return false;
	maildir_add_letters(letters, flags, keywords);
	return true;
}

/* ---- where it goes ---- */

static bool
is_inbox(struct span mailbox)
{
	return span_equal_nocase(mailbox, span_of("INBOX"));
}

/*
 * A folder that is not there leaves the message in INBOX.  False: that cannot
 * be told now.
 */
static bool
settle(const struct filed *filed, struct target *target)
{
	struct account *account = filed->filing->account;
	enum account_status status = account_has(account, target->mailbox);

	if (status == ACCOUNT_NONEXISTENT && target->may_create)
		status = account_create(account, target->mailbox, 0);
	if (status == ACCOUNT_OK || status == ACCOUNT_EXISTS ||
	    is_inbox(target->mailbox))
		return true;
	if (status == ACCOUNT_ERROR || status == ACCOUNT_IN_USE ||
	    status == ACCOUNT_OVER_QUOTA)
		return false;
	log_event("%.*s sieve to=<%.*s> script=%.*s error=no folder %.*s, "
		  "kept in INBOX",
	    (int)filed->command->id.len, filed->command->id.ptr,
	    (int)filed->command->recipient.len, filed->command->recipient.ptr,
	    (int)filed->script.len, filed->script.data,
	    (int)target->mailbox.len, target->mailbox.ptr);
	target->mailbox = span_of("INBOX");
	return true;
}

/* ---- one delivery ---- */

static void
add_path(struct buf *path, const struct filing *filing, struct span mailbox)
{
	buf_add_string(path, filing->path);
	if (is_inbox(mailbox))
		return;
	buf_add_char(path, '/');
	account_add_path(path, mailbox);
}

/* The worst of several decides: one sync, by the manager, serves them all. */
static bool
judge(struct filed *filed, enum deliver_status status, struct span path)
{
	switch (status) {
	case DELIVER_LINKED:
		filed->verdict->kind = VERDICT_LINKED;
		/* fall through */
	case DELIVER_SYNCED:
		filing_say(filed, "delivered to ", path);
		filed->is_stored = true;
		return true;
	case DELIVER_BUSY:
	case DELIVER_ERROR:
		break;
	}
	int error = errno;
	buf_clear(filed->text);
	buf_add(filed->text, path);
	buf_add_string(filed->text, ": ");
	filing_say(filed, strerror(error), span_of(""));
	filed->verdict->kind = VERDICT_LATER;
	filed->verdict->code = span_of(error == EDQUOT   ? "4.2.2"
				       : error == ENOSPC ? "4.3.1"
							 : "4.3.0");
	return false;
}

static bool
deliver(struct filed *filed, const struct target *target, int fd,
    uint64_t offset, uint64_t length)
{
	const struct command *command = filed->command;
	struct buf letters = buf_new(LETTERS_MAX);
	struct buf path = buf_new(PATH_MAX);
	struct buf name = buf_new(MAILDIR_NAME_MAX + 1);
	bool is_known = add_letters(filed, target, &letters);
	const struct deliver_message message = { .fd = fd,
		.offset = offset,
		.length = length,
		.may_be_there = command->may_be_there,
		.sender = command->sender,
		.recipient = command->recipient,
		.is_edited = fd != filed->message_fd,
		.queue_fd = filed->message_fd,
		.letters = letters.len == 0 ? NULL : buf_string(&letters) };
	enum deliver_status status = DELIVER_ERROR;

	add_path(&path, filed->filing, target->mailbox);
	buf_add(&name, command->name);
	const char *path_string = buf_string(&path);
	const char *name_string = buf_string(&name);
	errno = is_known ? EINVAL : errno;
	if (is_known && path_string != NULL && name_string != NULL)
		status = maildir_deliver(&message, path_string, name_string);
	bool is_good = judge(filed, status, buf_span(&path));
	buf_free(&letters);
	buf_free(&path);
	buf_free(&name);
	return is_good;
}

static bool
file_into(struct filed *filed, struct target *target)
{
	const struct command *command = filed->command;
	uint64_t length;

	if (!settle(filed, target))
		return judge(filed, DELIVER_ERROR, target->mailbox);
	/* One name in one folder: what is there already is enough. */
	if (is_inbox(target->mailbox) && filed->is_in_inbox)
		return true;
	filed->is_in_inbox |= is_inbox(target->mailbox);
	if (target->header.ptr == NULL)
		return deliver(filed, target, filed->message_fd,
		    command->offset, command->length);
	int fd = filing_edit(filed, target->header, &length);
	if (fd == -1)
		return judge(filed, DELIVER_ERROR, target->mailbox);
	bool is_good = deliver(filed, target, fd, 0, length);
	close(fd);
	return is_good;
}

/* What keep gives the message: what the last one said, or the script's end. */
static struct target
kept_target(const struct sieve_result *result)
{
	struct target target = { .mailbox = span_of("INBOX"),
		.flags = result->flags,
		.header = result->header };

	for (size_t i = 0; i < result->count; i++) {
		const struct sieve_action *action = &result->actions[i];

		if (action->kind == SIEVE_KEEP) {
			target.flags = action->flags;
			target.header = action->header;
		}
	}
	return target;
}

bool
filing_store(struct filed *filed)
{
	const struct sieve_result *result = &filed->result;
	struct target kept = kept_target(result);
	bool is_good = !result->is_kept || file_into(filed, &kept);

	for (size_t i = 0; i < result->count && is_good; i++) {
		const struct sieve_action *action = &result->actions[i];
		struct target target = { .mailbox = action->mailbox,
			.flags = action->flags,
			.header = action->header,
			.may_create = action->may_create };

		if (action->kind == SIEVE_FILEINTO)
			is_good = file_into(filed, &target);
	}
	return is_good;
}

bool
filing_keep(struct filed *filed)
{
	struct target kept = kept_target(&filed->result);

	return filed->is_stored || file_into(filed, &kept);
}
