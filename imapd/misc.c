#include <poll.h>
#include <unistd.h>

#include "imapd/capabilities.h"
#include "imapd/convert_cache.h"
#include "imapd/handlers.h"
#include "imapd/notify.h"
#include "imapd/notify_others.h"
#include "imapd/output.h"
#include "imapd/sort.h"
#include "net/deflate.h"

void
handle_capability(struct session *session, struct parse *parse)
{
	struct buf text = buf_new(2048);

	if (session_end(session, parse)) {
		capabilities_add(&text, session->settings);
		put(session, "* CAPABILITY");
		put_span(session, buf_span(&text));
		put(session, "\r\n");
		session_finish(session, "OK done");
	}
	buf_free(&text);
}

/* ---- ENABLE, RFC 9051 section 6.3.1 ---- */

static const struct {
	const char *name;
	unsigned bits;
} extensions[] = {
	{ "IMAP4rev2", ENABLED_REV2 },
	{ "CONDSTORE", ENABLED_CONDSTORE },
	{ "QRESYNC", ENABLED_QRESYNC | ENABLED_CONDSTORE },
	{ "UTF8=ACCEPT", ENABLED_UTF8 },
	{ "UIDONLY", ENABLED_UIDONLY },
};

void
handle_enable(struct session *session, struct parse *parse)
{
	const size_t count = sizeof(extensions) / sizeof(*extensions);
	bool is_named[sizeof(extensions) / sizeof(*extensions)] = { false };
	struct span word;

	while (parse_space(parse)) {
		size_t i = 0;

		while (i < count && !parse_keyword(parse, extensions[i].name))
			i++;
		if (i < count)
			is_named[i] = true;
		else if (!parse_atom(parse, &word))
			break;
	}
	if (!session_end(session, parse))
		return;
	unsigned bits = 0;
	put(session, "* ENABLED");
	for (size_t i = 0; i < count; i++)
		if (is_named[i]) {
			bits |= extensions[i].bits;
			put_format(session, " %s", extensions[i].name);
		}
	put(session, "\r\n");
	if ((bits & ENABLED_CONDSTORE) != 0)
		session_enable_condstore(session);
	session->enabled |= bits;
	session_finish(session, "OK done");
}

/* ---- ID, RFC 2971 ---- */

bool
id_parse(struct parse *parse)
{
	struct span word;

	if (!parse_space(parse))
		return false;
	if (parse_keyword(parse, "NIL"))
		return parse_is_end(parse);
	if (!parse_char(parse, '('))
		return false;
	if (!parse_char(parse, ')')) {
		do {
			if (!parse_string(parse, &word) ||
			    !parse_space(parse) || !parse_nstring(parse, &word))
				return false;
		} while (parse_space(parse));
		if (!parse_char(parse, ')'))
			return false;
	}
	return parse_is_end(parse);
}

void
handle_id(struct session *session, struct parse *parse)
{
	if (!id_parse(parse)) {
		session_bad(session, "BAD ID (\"name\" \"value\" ...)");
		return;
	}
	put(session, "* ID (\"name\" \"Estafeta\")\r\n");
	session_finish(session, "OK done");
}

/* ---- GETJMAPACCESS, RFC 9698 section 4 ---- */

void
handle_get_jmap_access(struct session *session, struct parse *parse)
{
	const char *url = session->settings->jmap_url;

	if (!session_end(session, parse))
		return;
	if (url == NULL) {
		session_bad(session, "BAD there is no JMAP server");
		return;
	}
	put(session, "* JMAPACCESS \"");
	put(session, url);
	put(session, "\"\r\n");
	session_finish(session, "OK done");
}

/* ---- COMPRESS, RFC 4978 ---- */

void
handle_compress(struct session *session, struct parse *parse)
{
	if (!parse_space(parse) || !parse_keyword(parse, "DEFLATE") ||
	    !parse_is_end(parse)) {
		session_bad(session, "BAD COMPRESS DEFLATE");
		return;
	}
	if (session->deflate != NULL) {
		session_bad(
		    session, "BAD [COMPRESSIONACTIVE] DEFLATE is on already");
		return;
	}
	struct deflate *deflate = deflate_new();
	if (deflate == NULL) {
		session_finish(session, "NO [LIMIT] there is no memory for it");
		return;
	}
	session_finish(session, "OK DEFLATE begins");
	deflate_begin(deflate, session->in, session->out);
	session->deflate = deflate;
}

/* ---- IDLE, RFC 9051 section 6.3.13 ---- */

void
session_rest(struct session *session)
{
	if (session->folder != NULL)
		folder_rest(session->folder);
	sort_forget(session);
	convert_forget(session);
	account_rest(session->account);
}

static void
hear(void *has_heard, struct span name)
{
	(void)name;
	*(bool *)has_heard = true;
}

/* Until the client says something; false at the end of time. */
static bool
wait_client(struct session *session, int watch)
{
	const int64_t until = clock_ms() + session->in->timeout_ms;

	while (!session->is_done && !reader_is_ready(session->in)) {
		struct pollfd fds[] = { { session->in->fd, POLLIN, 0 },
			{ watch, POLLIN, 0 } };
		int64_t left = until - clock_ms();

		if (writer_flush(session->out) != IO_OK)
			return false;
		session_rest(session);
		int count = poll(fds, watch == -1 ? 1 : 2,
		    left > 0 ? (int)(left > 60000 ? 60000 : left) : 0);
		if (count == 0 && left <= 0)
			return false;
		if (fds[0].revents != 0)
			return true;
		bool has_heard = count <= 0;
		if (count > 0)
			account_watched(session->account, hear, &has_heard);
		if (has_heard)
			session_news(session);
	}
	return true;
}

void
handle_idle(struct session *session, struct parse *parse)
{
	int watch = -1;

	if (!session_end(session, parse))
		return;
	if (session->folder != NULL && session->notify == NULL)
		watch = account_watch(
		    session->account, buf_span(&session->folder_name), true);
	put_reply(session, "+ idling");
	session_news(session);
	notify_others_idle(session, true);
	bool is_in_time = session->notify != NULL ? notify_wait(session, true)
						  : wait_client(session, watch);
	if (watch != -1)
		account_watch(
		    session->account, buf_span(&session->folder_name), false);
	if (!is_in_time) {
		put_reply(session, "* BYE you were silent for too long");
		session->is_done = true;
		return;
	}
	struct buf line = buf_new(1024);
	if (!session->is_done && read_line(session->in, &line) != IO_OK)
		session->is_done = session->in->status != IO_OK;
	notify_others_idle(session, false);
	if (session->is_done) {
		;
	} else if (span_equal_nocase(
		       span_trim(buf_span(&line)), span_of("DONE"))) {
		session_finish(session, "OK done");
	} else {
		session_bad(session, "BAD DONE ends IDLE");
		session_leave_idle(session, buf_span(&line));
	}
	buf_free(&line);
}
