#include "imapd/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/die.h"
#include "store/flag_names.h"
#include "store/metadata.h"
#include "store/script_host.h"
#include "store/scripts.h"

static const char entry_name[] = "/shared/imapsieve/script";

void
events_log(const struct events *events, uint32_t uid, struct span text)
{
	while (text.len > 0) {
		struct span line = span_cut(&text, '\n');

		log_event("sieve user=%s folder=%.*s uid=%u script=%.*s "
			  "error=%.*s",
		    events->session->settings->user, (int)events->mailbox.len,
		    events->mailbox.ptr, uid, (int)events->name.len,
		    events->name.data, (int)line.len, line.ptr);
	}
}

/* ---- which script, RFC 6785 section 2.3.1 ---- */

/* The folder's own, also if that is empty; else the account's. */
static bool
find_name(struct account *account, struct span mailbox, struct buf *name)
{
	return metadata_find_or_accounts(
		   account, mailbox, span_of(entry_name), name) &&
	       name->len > 0;
}

static void
compile(struct events *events)
{
	struct buf text = buf_new(SIEVE_SCRIPT_MAX);
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	enum scripts_status status =
	    scripts_read(account_root(events->session->account),
		buf_span(&events->name), &text);

	if (status == SCRIPTS_OK)
		events->script = sieve_compile(buf_span(&text), &errors);
	else if (status != SCRIPTS_NONEXISTENT && status != SCRIPTS_INVALID)
		buf_add_string(&errors, strerror(errno));
	/* One that is not there is not run: section 2.3.1. */
	events_log(events, 0, buf_span(&errors));
	buf_free(&text);
	buf_free(&errors);
}

/* What the user logs in as is an address, or one of this host. */
static void
set_email(struct events *events)
{
	const struct session_settings *settings = events->session->settings;
	struct span user = span_of(settings->user);

	buf_add(&events->email, user);
	if (span_index(user, '@') == user.len) {
		buf_add_char(&events->email, '@');
		buf_add_string(&events->email, settings->me);
	}
}

struct events *
events_begin(
    struct session *session, struct span mailbox, enum sieve_event cause)
{
	struct buf name = buf_new(METADATA_VALUE_MAX);
	struct events *events;

	if (session->settings->sieve_host == NULL ||
	    !find_name(session->account, mailbox, &name)) {
		buf_free(&name);
		return NULL;
	}
	events = calloc(1, sizeof(*events));
	if (events == NULL)
		temp_fail("out of memory");
	*events = (struct events){
		.session = session,
		.mailbox = mailbox,
		.cause = cause,
		.name = name,
		.email = buf_new(SIZE_MAX / 2),
	};
	compile(events);
	set_email(events);
	if (events->script != NULL)
		return events;
	events_end(events);
	return NULL;
}

void
events_end(struct events *events)
{
	if (events == NULL)
		return;
	if (events->script != NULL)
		sieve_free(events->script);
	buf_free(&events->name);
	buf_free(&events->email);
	free(events);
}

/* ---- a run ---- */

static void
run_on_file(struct events *events, struct folder *folder, size_t i,
    struct span changed, int fd)
{
	struct session *session = events->session;
	const struct folder_message *message = folder_message(folder, i);
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	struct buf flags = buf_new(SIZE_MAX / 2);
	struct script_host host;
	struct sieve_result result;
	struct stat status = { 0 };
	int64_t now = (int64_t)time(NULL);

	flag_names_add(&flags, folder,
	    message->flags & ~(uint32_t)MESSAGE_RECENT, message->keywords);
	const struct sieve_run run = { .event = events->cause,
		.message_fd = fd,
		.length =
		    fstat(fd, &status) == 0 ? (uint64_t)status.st_size : 0,
		.sender = span_of(""),
		.recipient = span_of(""),
		.has_redirects_max = true,
		.redirects_max = session->settings->redirects_max,
		.delimiters = session->settings->delimiters,
		.host_name = span_of(session->settings->me),
		.user = span_of(session->settings->user),
		.email = buf_span(&events->email),
		.mailbox = events->mailbox,
		.changed_flags = changed,
		.flags = buf_span(&flags),
		.now = now,
		.host = script_host_init(&host, session->account, now) };
	bool is_run = sieve_execute(events->script, &run, &result, &errors);
	if (host.trouble != 0) {
		events_log(
		    events, message->uid, span_of(strerror(host.trouble)));
	} else if (is_run) {
		if (events_act(events, folder, i, fd, run.length, &result))
			script_host_remember(session->account, &result, now);
	} else {
		events_log(events, message->uid, buf_span(&errors));
	}
	script_host_end(&host);
	sieve_result_free(&result);
	buf_free(&flags);
	buf_free(&errors);
}

void
events_run(
    struct events *events, struct folder *folder, size_t i, struct span changed)
{
	int fd = folder_open_message(folder, i);

	if (fd == -1) /* another session was faster, and it is gone */
		return;
	run_on_file(events, folder, i, changed, fd);
	close(fd);
}

/* ---- messages that came ---- */

static void
run_uids(struct events *events, struct folder *folder, const uint32_t *uids,
    size_t count)
{
	for (size_t k = 0; k < count; k++) {
		size_t i = folder_find(folder, uids[k]);

		if (i < folder_count(folder) &&
		    folder_message(folder, i)->uid == uids[k])
			events_run(events, folder, i, span_of(""));
		progress_tick(events->session);
	}
}

/* The selected folder's news are its session's; from others nothing is taken.
 */
static bool
is_selected(const struct session *session, struct span mailbox)
{
	return session->folder != NULL && !session->is_read_only &&
	       span_equal(buf_span(&session->folder_name), mailbox);
}

void
events_run_new(struct session *session, struct span mailbox,
    enum sieve_event cause, const uint32_t *uids, size_t count)
{
	struct events *events = events_begin(session, mailbox, cause);
	struct folder *folder;

	if (events == NULL)
		return;
	if (is_selected(session, mailbox)) {
		if (folder_refresh(session->folder) == ACCOUNT_OK)
			run_uids(events, session->folder, uids, count);
	} else if (folder_open_aside(&folder, session->account, mailbox) ==
		   ACCOUNT_OK) {
		run_uids(events, folder, uids, count);
		folder_close(folder);
	}
	events_end(events);
}

/* ---- flags that changed ---- */

struct before {
	size_t i;
	uint32_t flags;
	uint64_t keywords;
};

struct events_flags {
	struct events *events;
	struct before *before;
	size_t count;
};

struct events_flags *
events_flags_begin(struct session *session, const size_t *indexes, size_t count)
{
	struct events *events =
	    events_begin(session, buf_span(&session->folder_name), SIEVE_FLAG);

	if (events == NULL)
		return NULL;
	struct events_flags *flags = calloc(1, sizeof(*flags));
	struct before *before = calloc(count > 0 ? count : 1, sizeof(*before));
	if (flags == NULL || before == NULL)
		temp_fail("out of memory");
	for (size_t k = 0; k < count; k++) {
		const struct folder_message *message =
		    folder_message(session->folder, indexes[k]);

		before[k] = (struct before){ indexes[k], message->flags,
			message->keywords };
	}
	*flags = (struct events_flags){ events, before, count };
	return flags;
}

static void
run_if_changed(struct events *events, const struct before *before)
{
	struct folder *folder = events->session->folder;
	const struct folder_message *message =
	    folder_message(folder, before->i);
	uint32_t flags =
	    (before->flags ^ message->flags) & ~(uint32_t)MESSAGE_RECENT;
	uint64_t keywords = before->keywords ^ message->keywords;
	struct buf changed = buf_new(SIZE_MAX / 2);

	if ((flags == 0 && keywords == 0) || message->is_expunged)
		return;
	flag_names_add(&changed, folder, flags, keywords);
	events_run(events, folder, before->i, buf_span(&changed));
	buf_free(&changed);
}

void
events_flags_end(struct events_flags *flags)
{
	if (flags == NULL)
		return;
	for (size_t k = 0; k < flags->count; k++)
		run_if_changed(flags->events, &flags->before[k]);
	events_end(flags->events);
	free(flags->before);
	free(flags);
}
