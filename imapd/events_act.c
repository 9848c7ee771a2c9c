#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "imapd/events.h"
#include "store/flag_names.h"

/* What a script decided, RFC 6785 section 3. */

enum {
	KEYWORDS_MAX = FOLDER_KEYWORDS_MAX
};

void
events_fail(struct acting *acting, const char *what, struct span name)
{
	struct buf text = buf_new(SIEVE_ERRORS_MAX);

	buf_add_string(&text, what);
	buf_add(&text, name);
	events_log(acting->events,
	    folder_message(acting->folder, acting->i)->uid, buf_span(&text));
	buf_free(&text);
	acting->has_failed = true;
}

/* ---- flags ---- */

static bool
set_flags(struct folder *folder, size_t i, struct span names)
{
	uint32_t flags = 0;
	uint64_t keywords = 0;

	while (names.len > 0) {
		struct span name = span_cut_word(&names);
		uint32_t flag = flag_of_name(name);

		flags |= flag;
		if (flag == 0 && name.len > 0)
			keywords |= folder_keyword_bit(folder, name, true);
	}
	return folder_change_flags(folder, &i, 1, FLAGS_REPLACE, flags,
		   keywords, UINT64_MAX, NULL, NULL) == ACCOUNT_OK;
}

/* What it has when it is kept: the last keep's, or the end's. */
static void
keep_flags(struct acting *acting)
{
	const struct sieve_result *result = acting->result;
	struct span flags = result->flags;

	for (size_t k = 0; k < result->count; k++)
		if (result->actions[k].kind == SIEVE_KEEP &&
		    result->actions[k].has_flags)
			flags = result->actions[k].flags;
	if (flags.ptr != NULL && !set_flags(acting->folder, acting->i, flags))
		events_fail(acting, "its flags cannot be set", span_of(""));
}

/* ---- fileinto, section 3.3: a message of its own ---- */

static bool
set_copys_flags(
    struct account *account, const struct sieve_action *action, uint32_t uid)
{
	struct folder *folder;

	if (folder_open_aside(&folder, account, action->mailbox) != ACCOUNT_OK)
		return false;
	size_t i = folder_find(folder, uid);
	bool is_set = i < folder_count(folder) &&
		      folder_message(folder, i)->uid == uid &&
		      set_flags(folder, i, action->flags);
	folder_close(folder);
	return is_set;
}

static enum account_status
copy(struct acting *acting, const struct sieve_action *action)
{
	struct folder_copied copied = { 0 };
	struct account *account = acting->events->session->account;
	enum account_status status = folder_copy(
	    acting->folder, &acting->i, 1, action->mailbox, false, &copied);

	if (status == ACCOUNT_OK && action->has_flags &&
	    !set_copys_flags(account, action, copied.uids[0]))
		events_fail(acting, "the copy's flags cannot be set in ",
		    action->mailbox);
	free(copied.uids);
	return status;
}

/* As it is in the action, which may have another header: RFC 5293. */
static bool
take_piece(void *append, struct span piece)
{
	return folder_append_bytes(append, piece) == ACCOUNT_OK;
}

static enum account_status
append_message(const struct acting *acting, const struct sieve_action *action,
    struct folder_append *append)
{
	struct span names = action->flags;
	struct span keywords[KEYWORDS_MAX];
	size_t count = 0;
	uint32_t flags = 0;
	uint64_t body = acting->result->body;

	while (names.len > 0) {
		struct span name = span_cut_word(&names);

		if (flag_of_name(name) != 0)
			flags |= flag_of_name(name);
		else if (name.len > 0 && count < KEYWORDS_MAX)
			keywords[count++] = name;
	}
	folder_append_message(append, flags, keywords, count, INT64_MIN);
	folder_append_bytes(append, action->header);
	folder_append_bytes(append, span_of("\n"));
	if (!read_pieces(
		acting->fd, body, acting->length - body, take_piece, append))
		return ACCOUNT_ERROR;
	return ACCOUNT_OK;
}

static enum account_status
append_edited(struct acting *acting, const struct sieve_action *action)
{
	struct folder_append *append;
	struct folder_copied copied = { 0 };
	enum account_status status = folder_append_begin(
	    &append, acting->events->session->account, action->mailbox);

	if (status != ACCOUNT_OK)
		return status;
	status = append_message(acting, action, append);
	if (status == ACCOUNT_OK)
		status = folder_append_commit(append, &copied);
	folder_append_free(append);
	free(copied.uids);
	return status;
}

static void
file_into(struct acting *acting, const struct sieve_action *action)
{
	struct account *account = acting->events->session->account;
	enum account_status (*bring)(
	    struct acting *, const struct sieve_action *) =
	    action->header.ptr != NULL ? append_edited : copy;
	enum account_status status = bring(acting, action);

	if (status == ACCOUNT_NONEXISTENT && action->may_create) {
		status = account_create(account, action->mailbox, 0);
		if (status == ACCOUNT_OK || status == ACCOUNT_EXISTS)
			status = bring(acting, action);
	}
	if (status == ACCOUNT_NONEXISTENT)
		events_fail(acting, "no folder ", action->mailbox);
	else if (status != ACCOUNT_OK)
		events_fail(acting, session_failure(status), span_of(""));
}

/* ---- all of it ---- */

static void
act_one(struct acting *acting, const struct sieve_action *action)
{
	switch (action->kind) {
	case SIEVE_FILEINTO:
		file_into(acting, action);
		return;
	case SIEVE_REDIRECT:
	case SIEVE_NOTIFY:
		events_send(acting, action);
		return;
	case SIEVE_KEEP:     /* keep_flags */
	case SIEVE_REMEMBER: /* script_host_remember */
	case SIEVE_REJECT:   /* no script of an event has these, section 3.11 */
	case SIEVE_VACATION:
		return;
	}
}

bool
events_act(struct events *events, struct folder *folder, size_t i, int fd,
    uint64_t length, const struct sieve_result *result)
{
	struct acting acting = { .events = events,
		.folder = folder,
		.i = i,
		.fd = fd,
		.length = length,
		.result = result };
	const size_t only = i;

	for (size_t k = 0; k < result->count; k++)
		act_one(&acting, &result->actions[k]);
	if (result->is_kept || acting.has_failed)
		keep_flags(&acting);
	else if (folder_change_flags(folder, &only, 1, FLAGS_ADD,
		     MESSAGE_DELETED, 0, UINT64_MAX, NULL, NULL) != ACCOUNT_OK)
		events_fail(
		    &acting, "it cannot be marked as deleted", span_of(""));
	return !acting.has_failed;
}
