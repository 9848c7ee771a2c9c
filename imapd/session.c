#include "imapd/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/die.h"
#include "imapd/capabilities.h"
#include "imapd/context.h"
#include "imapd/convert_cache.h"
#include "imapd/guest.h"
#include "imapd/handlers.h"
#include "imapd/limit.h"
#include "imapd/notify.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "imapd/route.h"
#include "imapd/sharing.h"
#include "imapd/sort.h"
#include "net/deflate.h"

void
session_reply(struct session *session, const char *text)
{
	struct buf limited = buf_new(SIZE_MAX / 2);

	if (session->limited_uid != 0) {
		limit_add_reply(session, text, &limited);
		text = buf_string(&limited);
	}
	put_span(session, session->tag);
	put(session, " ");
	put_reply(session, text);
	buf_free(&limited);
}

void
session_bad(struct session *session, const char *text)
{
	session_reply(session, text);
	if (++session->errors < session->settings->errors_max)
		return;
	put_reply(session, "* BYE too many errors");
	session->is_done = true;
}

const char *
session_failure(enum account_status status)
{
	switch (status) {
	case ACCOUNT_OK:
		return "OK done";
	case ACCOUNT_NONEXISTENT:
		return "NO [NONEXISTENT] there is no such folder or message";
	case ACCOUNT_NO_PART:
		return "NO [NONEXISTENT] there is no such part";
	case ACCOUNT_EXISTS:
		return "NO [ALREADYEXISTS] there is one of that name";
	case ACCOUNT_INVALID:
		return "NO [CANNOT] that cannot be";
	case ACCOUNT_HAS_CHILDREN:
		return "NO [HASCHILDREN] nothing is left of it but its "
		       "children";
	case ACCOUNT_IN_USE:
		return "NO [INUSE] another session holds it: try again";
	case ACCOUNT_OVER_QUOTA:
		return "NO [OVERQUOTA] the account's quota is used up";
	case ACCOUNT_LIMIT:
		return "NO [LIMIT] too many, or too large";
	case ACCOUNT_CONFLICT:
		return "NO [CANNOT] the folder is another now";
	case ACCOUNT_READ_ONLY:
		return "NO [NOPERM] it cannot be changed";
	case ACCOUNT_UNREADABLE:
		return "NO [CONTACTADMIN] some messages cannot be read";
	case ACCOUNT_ERROR:
		break;
	}
	return "NO [UNAVAILABLE] the mailbox cannot be read or changed now";
}

void
session_fail(struct session *session, enum account_status status)
{
	session_finish(session, session_failure(status));
}

bool
session_end(struct session *session, struct parse *parse)
{
	if (parse_is_end(parse))
		return true;
	session_bad(session, "BAD something else follows");
	return false;
}

void
session_unselect(struct session *session)
{
	if (session->folder != NULL) {
		notify_unselect(session);
		folder_close(session->folder);
	}
	session->folder = NULL;
	sort_forget(session);
	convert_forget(session);
	contexts_free(session);
	session->known_exists = session->known_recent = 0;
	session->are_keywords_told = false;
	buf_free(&session->saved_uids);
}

/* ---- the commands ---- */

static void
handle_noop(struct session *session, struct parse *parse)
{
	if (session_end(session, parse))
		session_finish(session, "OK done");
}

static void
handle_logout(struct session *session, struct parse *parse)
{
	if (!session_end(session, parse))
		return;
	/* Before the answer: the next session finds what this one has read. */
	if (session->folder != NULL)
		folder_rest(session->folder);
	put_reply(session, "* BYE see you");
	session_reply(session, "OK bye");
	session->is_done = true;
}

/*
 * RFC 8437 section 3: the relay (lib/net/relaying.c) makes of the client one
 * that has not logged in when this process has ended, and all its state with
 * it.  No news, which could be of EXPUNGE; never NO.
 */
static void
handle_unauthenticate(struct session *session, struct parse *parse)
{
	if (!session_end(session, parse))
		return;
	session_reply(session, "OK done");
	session->is_done = true;
}

void
session_leave_idle(struct session *session, struct span line)
{
	struct buf command = buf_new(line.len + 1);
	struct span tag;

	buf_add(&command, span_cut(&line, '\n'));
	if (command.len > 0 && command.data[command.len - 1] == '\r')
		command.len--;
	struct parse parse = parse_begin(&command);
	if (session->settings->is_relayed && !session->is_done &&
	    parse_tag(&parse, &tag) && parse_space(&parse) &&
	    parse_keyword(&parse, "UNAUTHENTICATE")) {
		session->tag = tag;
		handle_unauthenticate(session, &parse);
		session->tag = span_of("*");
	}
	buf_free(&command);
}

enum {
	WITH_UID = 1 << 0,      /* has a form with UID */
	IN_FOLDER = 1 << 1,     /* one must be selected */
	KEEPS_NUMBERS = 1 << 2, /* no EXPUNGE may be sent, but with UID */
	HAS_NO_NUMBER = 1 << 3, /* not even without UID: see UIDONLY */
	LEAVES_UNREAD = 1 << 4, /* no message of the folder matters */
	NAMES_FOLDER = 1 << 5,  /* first of all, which may be another user's */
	IS_OWNERS = 1 << 6,     /* a guest has no such command */
	READS_URLS = 1 << 7,    /* who has only URLs has it (imapd -u) */
	IS_RELAYED = 1 << 8,    /* who is not, has no such command */
	IS_DIRECT = 1 << 9      /* who is relayed has not */
};

static const struct command {
	const char *verb;
	handler *handle;
	unsigned kind;
} commands[] = {
	{ "NOOP", handle_noop, 0 },
	{ "CHECK", handle_noop, IN_FOLDER },
	{ "FETCH", handle_fetch, WITH_UID | IN_FOLDER | KEEPS_NUMBERS },
	{ "CONVERT", handle_convert, WITH_UID | IN_FOLDER | KEEPS_NUMBERS },
	{ "STORE", handle_store, WITH_UID | IN_FOLDER | KEEPS_NUMBERS },
	{ "SEARCH", handle_search, WITH_UID | IN_FOLDER | KEEPS_NUMBERS },
	{ "ESEARCH", handle_esearch, WITH_UID | HAS_NO_NUMBER },
	{ "SORT", handle_sort, WITH_UID | IN_FOLDER | KEEPS_NUMBERS },
	{ "THREAD", handle_thread, WITH_UID | IN_FOLDER | KEEPS_NUMBERS },
	{ "COPY", handle_copy, WITH_UID | IN_FOLDER },
	{ "MOVE", handle_move, WITH_UID | IN_FOLDER },
	{ "EXPUNGE", handle_expunge, WITH_UID | IN_FOLDER | HAS_NO_NUMBER },
	{ "UIDBATCHES", handle_uid_batches, IN_FOLDER },
	{ "CANCELUPDATE", handle_cancel_update, IN_FOLDER },
	{ "SELECT", handle_select, LEAVES_UNREAD | NAMES_FOLDER },
	{ "EXAMINE", handle_examine, LEAVES_UNREAD | NAMES_FOLDER },
	{ "CLOSE", handle_close, IN_FOLDER },
	{ "UNSELECT", handle_unselect, IN_FOLDER | LEAVES_UNREAD },
	{ "IDLE", handle_idle, 0 },
	{ "NOTIFY", handle_notify, 0 },
	{ "APPEND", handle_append, NAMES_FOLDER },
	{ "REPLACE", handle_replace, WITH_UID }, /* it looks for a folder */
	{ "STATUS", handle_status, NAMES_FOLDER },
	{ "LIST", handle_list, 0 },
	{ "LSUB", handle_lsub, IS_OWNERS },
	{ "CONVERSIONS", handle_conversions, 0 },
	{ "COMPARATOR", handle_comparator, 0 },
	{ "CREATE", handle_create, NAMES_FOLDER },
	{ "DELETE", handle_delete, NAMES_FOLDER },
	{ "RENAME", handle_rename, NAMES_FOLDER },
	{ "SUBSCRIBE", handle_subscribe, IS_OWNERS },
	{ "UNSUBSCRIBE", handle_unsubscribe, IS_OWNERS },
	{ "NAMESPACE", handle_namespace, 0 },
	{ "GETQUOTA", handle_get_quota, NAMES_FOLDER },
	{ "GETQUOTAROOT", handle_get_quota_root, NAMES_FOLDER },
	{ "GETMETADATA", handle_get_metadata, NAMES_FOLDER },
	{ "SETMETADATA", handle_set_metadata, NAMES_FOLDER },
	{ "GETACL", handle_get_acl, NAMES_FOLDER },
	{ "SETACL", handle_set_acl, NAMES_FOLDER },
	{ "DELETEACL", handle_delete_acl, NAMES_FOLDER },
	{ "LISTRIGHTS", handle_list_rights, NAMES_FOLDER },
	{ "MYRIGHTS", handle_my_rights, NAMES_FOLDER },
	{ "CAPABILITY", handle_capability, 0 },
	{ "ENABLE", handle_enable, 0 },
	{ "ID", handle_id, 0 },
	{ "GENURLAUTH", handle_gen_urlauth, IS_OWNERS },
	{ "RESETKEY", handle_reset_key, IS_OWNERS },
	{ "URLFETCH", handle_urlfetch, IS_OWNERS | READS_URLS },
	{ "GETJMAPACCESS", handle_get_jmap_access, IS_OWNERS },
	{ "COMPRESS", handle_compress, IS_DIRECT },
	{ "UNAUTHENTICATE", handle_unauthenticate, LEAVES_UNREAD | IS_RELAYED },
	{ "LANGUAGE", handle_language, 0 },
	{ "LOGOUT", handle_logout, LEAVES_UNREAD },
};

static const struct command *
find_command(struct parse *parse, bool *is_uid)
{
	*is_uid = parse_prefix(parse, "UID ");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		const struct command *command = &commands[i];

		if ((!*is_uid || (command->kind & WITH_UID) != 0) &&
		    parse_keyword(parse, command->verb))
			return command;
	}
	return NULL;
}

/* RFC 9586 section 3: commands that name or answer message numbers. */
static bool
is_by_number(const struct session *session, const struct command *command)
{
	return (command->kind & (WITH_UID | HAS_NO_NUMBER)) == WITH_UID &&
	       !session->is_uid;
}

/* What SELECT left for the first command that is about messages. */
static bool
load_folder(struct session *session, const struct command *command)
{
	if (session->folder == NULL || (command->kind & LEAVES_UNREAD) != 0 ||
	    folder_load(session->folder) == ACCOUNT_OK)
		return true;
	warn_errno("cannot read the folder of user=%s client=%s",
	    session->settings->user, session->settings->peer);
	put_reply(session, "* BYE [UNAVAILABLE] the mailbox cannot be read");
	session->is_done = true;
	return false;
}

/* The right to read may have been taken since the folder was selected. */
static bool
may_be_run(struct session *session, const struct command *command)
{
	return !rights_is_guest(session) || session->folder == NULL ||
	       (command->kind & IN_FOLDER) == 0 ||
	       (command->kind & LEAVES_UNREAD) != 0 ||
	       command->handle == handle_close ||
	       rights_require_selected(session, ACL_READ);
}

static bool
has_command(const struct session *session, const struct command *command)
{
	if (session->settings->is_url_reader)
		return (command->kind & READS_URLS) != 0;
	if ((command->kind &
		(session->settings->is_relayed ? IS_DIRECT : IS_RELAYED)) != 0)
		return false;
	return (command->kind & IS_OWNERS) == 0 || !rights_is_guest(session);
}

static void
run_command(struct session *session, struct parse *parse)
{
	const struct command *command = find_command(parse, &session->is_uid);

	if (command == NULL || !has_command(session, command)) {
		session_bad(session, "BAD no such command here");
		return;
	}
	session->verb = command->verb;
	session->may_expunge =
	    (command->kind & KEEPS_NUMBERS) == 0 || session->is_uid;
	if (route_command(session, parse, (command->kind & NAMES_FOLDER) != 0,
		(command->kind & IN_FOLDER) != 0))
		return;
	if ((session->enabled & ENABLED_UIDONLY) != 0 &&
	    is_by_number(session, command))
		session_bad(session, "BAD [UIDREQUIRED] UID goes before that");
	else if ((command->kind & IN_FOLDER) != 0 && session->folder == NULL)
		session_bad(session, "BAD no folder is selected");
	else if (may_be_run(session, command) && load_folder(session, command))
		command->handle(session, parse);
}

/* A line without one is answered with "*". */
static bool
take_tag(struct session *session, struct parse *parse)
{
	struct span tag;

	session->tag = span_of("*");
	if (!parse_tag(parse, &tag))
		return false;
	session->tag = tag;
	return true;
}

/* One command that is whole, or APPEND up to its message. */
static void
run_line(struct session *session, const struct literal *stream)
{
	struct parse parse = parse_begin(&session->input.command);

	session->stream = stream;
	if (stream != NULL)
		parse.end -= stream->len;
	if (!take_tag(session, &parse) || !parse_space(&parse)) {
		session_bad(session, "BAD a tag, a space and a command");
		return;
	}
	session->may_expunge = true;
	session->is_uid = false;
	session->limited_uid = 0;
	progress_begin(session);
	run_command(session, &parse);
}

/* ---- the loop ---- */

/* Memory is given back, but not while one command follows another. */
static void
rest(struct session *session)
{
	struct pollfd more = { .fd = session->in->fd, .events = POLLIN };

	if (reader_is_ready(session->in) ||
	    writer_flush(session->out) != IO_OK ||
	    poll(&more, 1, SESSION_REST_MS) != 0)
		return;
	session_rest(session);
}

static void
refuse_long(struct session *session)
{
	struct parse parse = parse_begin(&session->input.command);

	take_tag(session, &parse);
	session_bad(session, "BAD [TOOBIG] the command is too long");
}

static void
end_silent(struct session *session)
{
	put_reply(session, "* BYE you were silent for too long");
	session->is_done = true;
}

static void
step(struct session *session)
{
	struct literal literal;

	if (session->notify == NULL || session->notify->request.is_none) {
		rest(session);
	} else if (!notify_wait(session, false)) {
		end_silent(session);
		return;
	}
	if (session->is_done)
		return;
	enum input_status status =
	    input_read(&session->input, append_is_streamed, &literal);
	switch (status) {
	case INPUT_OK:
	case INPUT_STREAM:
		run_line(session, status == INPUT_STREAM ? &literal : NULL);
		if (session->stream != NULL && !session->is_done)
			append_skip(session);
		break;
	case INPUT_TOO_LONG:
		refuse_long(session);
		break;
	case INPUT_BROKEN:
		put_reply(session, "* BYE [TOOBIG] the command is too long");
		session->is_done = true;
		break;
	case INPUT_CLOSED:
		if (session->in->status == IO_TIMEOUT)
			end_silent(session);
		session->is_done = true;
	}
	input_wipe(&session->input);
}

static void
greet(struct session *session)
{
	const struct session_settings *settings = session->settings;
	struct buf text = buf_new(2048);

	capabilities_add(&text, settings);
	put(session,
	    settings->greeting != NULL ? settings->greeting : "* PREAUTH");
	put(session, " [CAPABILITY");
	put_span(session, buf_span(&text));
	put(session, "] Estafeta\r\n");
	buf_free(&text);
}

enum io_status
session_serve_mailbox(int in, int out, struct account *account,
    const struct session_settings *settings)
{
	static struct reader reader; /* large */
	static struct writer writer;
	struct session session = { .settings = settings,
		.in = &reader,
		.out = &writer,
		.language = settings->language,
		.account = account,
		.injector = -1,
		.folder_name = buf_new(ACCOUNT_NAME_MAX),
		.prefix = buf_new(ACCOUNT_NAME_MAX),
		.saved_uids = buf_new(SIZE_MAX / 2) };
	int64_t timeout_ms = (int64_t)settings->timeout_s * 1000;

	writer_init(&writer, out, timeout_ms);
	reader_init(&reader, in, timeout_ms);
	reader.peer = &writer;
	if (settings->input.len > 0)
		memcpy(reader.bytes, settings->input.ptr, settings->input.len);
	reader.end = reader.high = settings->input.len;
	input_init(
	    &session.input, &reader, &writer, (size_t)settings->command_max);
	if (settings->owner != NULL) {
		session.input.is_relayed = true;
		buf_printf(
		    &session.prefix, RIGHTS_OTHERS "%s/", settings->owner);
	}
	greet(&session);
	while (!session.is_done && writer.status == IO_OK)
		step(&session);
	bool is_corrupt = session.deflate != NULL && reader.error == EBADMSG;
	if (is_corrupt)
		put_reply(&session, "* BYE what you sent is not DEFLATE");
	writer_flush(&writer);
	log_event("end user=%s client=%s fetched=%llu appended=%llu "
		  "converted=%llu%s",
	    settings->user, settings->peer, (unsigned long long)session.fetched,
	    (unsigned long long)session.appended,
	    (unsigned long long)session.conversions,
	    is_corrupt                    ? " reason=corrupt-deflate"
	    : reader.status == IO_TIMEOUT ? " reason=timeout"
	    : reader.status == IO_OK && writer.status == IO_OK
		? ""
		: " reason=closed");
	session_unselect(&session);
	notify_free(&session);
	guests_free(&session);
	sharing_free(&session);
	buf_free(&session.folder_name);
	buf_free(&session.prefix);
	buf_free(&session.input.line);
	buf_free(&session.input.command);
	deflate_free(session.deflate);
	return reader.status == IO_OK ? writer.status : reader.status;
}
