#include "local/sieve_session.h"

#include <string.h>

#include "base/die.h"
#include "local/sieve_talk.h"
#include "sieve/sieve.h"
#include "store/quota.h"

struct session {
	const struct sieve_session_settings *settings;
	struct account *account;
	int maildir;
	unsigned long long changes;
};

static struct session *
session_of(const struct sieve_talk *talk)
{
	return talk->context;
}

/* ---- what is told of a result ---- */

static void
tell_limit(struct sieve_talk *talk, bool is_size)
{
	if (is_size)
		sieve_reply_code(talk, "NO", "QUOTA/MAXSIZE",
		    "that is larger than a script may be");
	else
		sieve_reply_code(talk, "NO", "QUOTA/MAXSCRIPTS",
		    "you have as many scripts as you may have");
}

static void
tell_error(struct sieve_talk *talk)
{
	const struct sieve_session_settings *settings =
	    session_of(talk)->settings;

	warn_errno("cannot read or change the scripts of user=%s client=%s",
	    settings->user, settings->peer);
	sieve_reply_code(
	    talk, "NO", "TRYLATER", "it cannot be done now: try later");
}

/* size: of what was to be put, if it was. */
static void
tell(struct sieve_talk *talk, enum scripts_status status, uint64_t size)
{
	switch (status) {
	case SCRIPTS_OK:
		sieve_reply(talk, "OK", "done");
		return;
	case SCRIPTS_NONEXISTENT:
		sieve_reply_code(talk, "NO", "NONEXISTENT",
		    "there is no script of that name");
		return;
	case SCRIPTS_EXISTS:
		sieve_reply_code(talk, "NO", "ALREADYEXISTS",
		    "there is a script of that name already");
		return;
	case SCRIPTS_ACTIVE:
		sieve_reply_code(talk, "NO", "ACTIVE",
		    "the active script cannot be deleted: set another active, "
		    "or none");
		return;
	case SCRIPTS_INVALID:
		sieve_reply(talk, "NO", "no script can have that name");
		return;
	case SCRIPTS_LIMIT:
		tell_limit(
		    talk, size > session_of(talk)->settings->limits.size);
		return;
	case SCRIPTS_QUOTA:
		sieve_reply_code(talk, "NO", "QUOTA", "there is no room left");
		return;
	case SCRIPTS_ERROR:
		tell_error(talk);
	}
}

/* In the log no name looks like something else. */
static void
note_change(struct sieve_talk *talk, const char *what, struct span name)
{
	struct session *session = session_of(talk);
	struct buf shown = buf_new(SCRIPTS_NAME_MAX);

	session->changes++;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		buf_add_char(
		    &shown, c == ' ' || c == '=' || c == '"' ? '?' : c);
	}
	log_event("%s user=%s client=%s script=%.*s", what,
	    session->settings->user, session->settings->peer, (int)shown.len,
	    shown.len > 0 ? shown.data : "");
	buf_free(&shown);
}

/* ---- a script's text ---- */

/* Errors come one a line; a literal's lines end with CRLF. */
static void
tell_faults(struct sieve_talk *talk, struct span faults)
{
	struct buf text = buf_new((size_t)2 * SIEVE_ERRORS_MAX);

	while (faults.len > 0) {
		if (text.len > 0)
			buf_add_string(&text, "\r\n");
		buf_add(&text, span_cut(&faults, '\n'));
	}
	write_string(&talk->out, "NO ");
	sieve_write_string(&talk->out,
	    text.len > 0 ? buf_span(&text) : span_of("this is no script"));
	write_string(&talk->out, "\r\n");
	buf_free(&text);
}

/* Is it one that could be run? If not, the client was told why. */
static bool
check_text(struct sieve_talk *talk, struct span text)
{
	struct buf faults = buf_new(SIEVE_ERRORS_MAX);
	struct sieve_script *script = sieve_compile(text, &faults);

	if (script == NULL)
		tell_faults(talk, buf_span(&faults));
	else
		sieve_free(script);
	buf_free(&faults);
	return script != NULL;
}

/* Has the account room for so much more? */
static enum scripts_status
check_quota(struct session *session, uint64_t octets)
{
	switch (quota_check(session->account, octets, 0)) {
	case ACCOUNT_OK:
		return SCRIPTS_OK;
	case ACCOUNT_OVER_QUOTA:
		return SCRIPTS_QUOTA;
	default:
		return SCRIPTS_ERROR;
	}
}

/* ---- commands ---- */

static void
handle_capability(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count)
{
	const struct sieve_session_settings *settings =
	    session_of(talk)->settings;
	const struct sieve_capabilities capabilities = {
		.sasl = settings->sasl.len > 0 ? settings->sasl : span_of(""),
		.owner = span_of(settings->user),
		.has_unauthenticate = settings->is_relayed,
		.redirects_max = settings->redirects_max
	};

	(void)arguments, (void)count;
	sieve_write_capabilities(&talk->out, &capabilities);
	sieve_reply(talk, "OK", "done");
}

/* Section 2.5. */
static void
handle_havespace(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count)
{
	struct session *session = session_of(talk);
	uint64_t size = arguments[1].number;
	enum scripts_status status = scripts_have_space(session->maildir,
	    &session->settings->limits, arguments[0].text, size);

	(void)count;
	if (status == SCRIPTS_OK)
		status = check_quota(session, size);
	tell(talk, status, size);
}

/* Section 2.6: what is no script is not stored. */
static void
handle_putscript(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count)
{
	struct session *session = session_of(talk);
	struct span name = arguments[0].text;
	struct span text = arguments[1].text;

	(void)count;
	if (!scripts_is_name(name)) {
		tell(talk, SCRIPTS_INVALID, 0);
		return;
	}
	if (text.len == 0) {
		sieve_reply(talk, "NO", "a script is not empty");
		return;
	}
	if (!check_text(talk, text))
		return;
	enum scripts_status status = check_quota(session, text.len);
	if (status == SCRIPTS_OK)
		status = scripts_put(
		    session->maildir, &session->settings->limits, name, text);
	if (status == SCRIPTS_OK)
		note_change(talk, "put", name);
	tell(talk, status, text.len);
}

/* Section 2.12: no quota is looked at. */
static void
handle_checkscript(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count)
{
	(void)count;
	if (check_text(talk, arguments[0].text))
		sieve_reply(talk, "OK", "it can be run");
}

static bool
list_one(void *context, struct span name, bool is_active)
{
	struct sieve_talk *talk = context;

	sieve_write_string(&talk->out, name);
	write_string(&talk->out, is_active ? " ACTIVE\r\n" : "\r\n");
	return talk->out.status == IO_OK;
}

/* Section 2.7. */
static void
handle_listscripts(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count)
{
	(void)arguments, (void)count;
	if (scripts_list(session_of(talk)->maildir, list_one, talk))
		sieve_reply(talk, "OK", "done");
	else if (talk->out.status == IO_OK)
		tell_error(talk);
}

static enum scripts_status
read_script(struct sieve_talk *talk, struct span name, struct buf *text)
{
	enum scripts_status status =
	    scripts_read(session_of(talk)->maildir, name, text);

	/* Too large for every script: somebody else put it there. */
	if (status == SCRIPTS_LIMIT)
		tell_limit(talk, true);
	else if (status != SCRIPTS_OK)
		tell(talk, status, 0);
	return status;
}

/* Section 2.8: one that was put there by other means is looked at first. */
static void
handle_setactive(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count)
{
	struct span name = arguments[0].text;
	struct buf text = buf_new(SIEVE_SCRIPT_MAX);

	(void)count;
	if (name.len == 0 || (read_script(talk, name, &text) == SCRIPTS_OK &&
				 check_text(talk, buf_span(&text)))) {
		enum scripts_status status =
		    scripts_set_active(session_of(talk)->maildir, name);

		if (status == SCRIPTS_OK)
			note_change(talk, "active", name);
		tell(talk, status, 0);
	}
	buf_free(&text);
}

/* Section 2.9. */
static void
handle_getscript(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count)
{
	struct buf text = buf_new(SIEVE_SCRIPT_MAX);

	(void)count;
	if (read_script(talk, arguments[0].text, &text) == SCRIPTS_OK) {
		sieve_write_literal(&talk->out, buf_span(&text));
		write_string(&talk->out, "\r\n");
		sieve_reply(talk, "OK", "done");
	}
	buf_free(&text);
}

/* Section 2.10. */
static void
handle_deletescript(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count)
{
	struct span name = arguments[0].text;
	enum scripts_status status =
	    scripts_delete(session_of(talk)->maildir, name);

	(void)count;
	if (status == SCRIPTS_OK)
		note_change(talk, "deleted", name);
	tell(talk, status, 0);
}

/* Section 2.11. */
static void
handle_renamescript(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count)
{
	enum scripts_status status = scripts_rename(
	    session_of(talk)->maildir, arguments[0].text, arguments[1].text);

	(void)count;
	if (status == SCRIPTS_OK)
		note_change(talk, "renamed", arguments[1].text);
	tell(talk, status, 0);
}

/* Sections 2.1 and 2.2: neither is done twice. */
static void
handle_again(struct sieve_talk *talk, const struct sieve_argument *arguments,
    size_t count)
{
	(void)arguments, (void)count;
	sieve_refuse(talk, "you have logged in already");
}

/*
 * Section 2.14.1: never NO.  The relay (lib/net/relaying.c) makes of the client
 * one that has not logged in when this process has ended.
 */
static void
handle_unauthenticate(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count)
{
	(void)arguments, (void)count;
	if (!session_of(talk)->settings->is_relayed) {
		sieve_refuse(talk, talk->unknown);
		return;
	}
	sieve_reply(talk, "OK", "done");
	talk->is_done = true;
}

static const struct sieve_command commands[] = {
	{ "CAPABILITY", handle_capability, "", "CAPABILITY" },
	{ "HAVESPACE", handle_havespace, "sn", "HAVESPACE \"NAME\" OCTETS" },
	{ "PUTSCRIPT", handle_putscript, "ss", "PUTSCRIPT \"NAME\" \"TEXT\"" },
	{ "CHECKSCRIPT", handle_checkscript, "s", "CHECKSCRIPT \"TEXT\"" },
	{ "LISTSCRIPTS", handle_listscripts, "", "LISTSCRIPTS" },
	{ "SETACTIVE", handle_setactive, "s", "SETACTIVE \"NAME\"" },
	{ "GETSCRIPT", handle_getscript, "s", "GETSCRIPT \"NAME\"" },
	{ "DELETESCRIPT", handle_deletescript, "s", "DELETESCRIPT \"NAME\"" },
	{ "RENAMESCRIPT", handle_renamescript, "ss",
	    "RENAMESCRIPT \"OLD\" \"NEW\"" },
	{ "NOOP", sieve_handle_noop, "?s", "NOOP \"TAG\"" },
	{ "LOGOUT", sieve_handle_logout, "", "LOGOUT" },
	{ "UNAUTHENTICATE", handle_unauthenticate, "", "UNAUTHENTICATE" },
	{ "STARTTLS", handle_again, "", "STARTTLS" },
	{ "AUTHENTICATE", handle_again, "s?s",
	    "AUTHENTICATE \"MECHANISM\" \"RESPONSE\"" },
};

/* ---- the whole ---- */

static void
greet(struct sieve_talk *talk, const struct sieve_session_settings *settings)
{
	if (!settings->has_logged_in)
		handle_capability(talk, NULL, 0);
	else if (settings->last.len > 0)
		sieve_reply_argument(
		    talk, "OK", "SASL", settings->last, "logged in");
	else
		sieve_reply(talk, "OK", "logged in");
}

static void
take_input(struct sieve_talk *talk, struct span input)
{
	if (input.len == 0)
		return;
	memcpy(talk->in.bytes, input.ptr, input.len);
	talk->in.end = talk->in.high = input.len;
}

enum io_status
sieve_session_run(int in, int out, struct account *account,
    const struct sieve_session_settings *settings)
{
	static struct sieve_talk talk; /* large */
	struct session session = { .settings = settings,
		.account = account,
		.maildir = account_root(account) };

	sieve_talk_open(&talk, in, out, settings->timeout_s,
	    settings->limits.size, UINT32_MAX);
	talk.errors_max = settings->errors_max;
	talk.unknown = "no such command here";
	talk.context = &session;
	take_input(&talk, settings->input);
	greet(&talk, settings);
	enum io_status status = sieve_talk_run(
	    &talk, commands, sizeof(commands) / sizeof(*commands));
	sieve_talk_free(&talk);
	log_event("end user=%s client=%s changes=%llu%s", settings->user,
	    settings->peer, session.changes,
	    status == IO_TIMEOUT ? " reason=timeout"
	    : status != IO_OK    ? " reason=closed"
				 : "");
	return status;
}
