/*
 * burl - BURL, RFC 4468: a chunk of the message is what a URL names in the
 * user's mailbox, or in another's who gave it to him.
 *
 * This process reaches no mailbox.  login, which knows whom the client is,
 * starts an imapd of the URL's owner's, which judges the URL; we get one end of
 * a pair, and read a response to URLFETCH from it.  It is another user's
 * process: only the literal's size is looked at, and its octets are a message's
 * like any others.
 */

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mail/imapurl.h"
#include "queue/login.h"
#include "queue/lookup.h"
#include "queue/sharing.h"
#include "smtpd/session.h"

enum {
	LOGIN_TIMEOUT_MS = 30000,
	LOOKUP_TIMEOUT_MS = 30000,
	ANSWER_TIMEOUT_MS = 60000,
	ROOM_TRIES = 50, /* the last one's process may not have ended yet */
	ROOM_WAIT_MS = 100,
	LINE_MAX_BYTES = 4096
};

static const char not_yours[] =
    "554 5.6.6 that URL names nothing that you may send: it must be one for "
    "submit+ and your name";
static const char not_now[] =
    "451 4.4.1 what that URL names cannot be had now: try later";

bool
session_offers_burl(const struct session *session)
{
	return session->settings->has_burl && session->is_known &&
	       session->neighbours.login != -1;
}

static bool
parse(struct span argument, struct span *url, bool *is_last)
{
	struct span rest = span_trim(argument);

	*url = span_cut(&rest, ' ');
	rest = span_trim(rest);
	*is_last = span_equal_nocase(rest, span_of("LAST"));
	return url->len > 0 && (*is_last || rest.len == 0);
}

/* Our end of a pair with the owner's imapd, or -1. */
static int
ask_login(const struct session *session, struct span owner,
    enum sharing_kind *answered)
{
	static struct packet packet;
	struct sharing_record answer;
	int login = session->neighbours.login;

	*answered = SHARING_PUBLISH; /* none that login gives */
	if (!sharing_send(login, SHARING_READ_URLS, owner, -1) ||
	    sharing_receive(login, &packet, &answer, LOGIN_TIMEOUT_MS) != 1) {
		/* One that comes yet would be the next URL's owner's. */
		shutdown(login, SHUT_RDWR);
		return -1;
	}
	*answered = answer.kind;
	int fd = answer.kind == SHARING_YES ? packet_take_fd(&packet, 0) : -1;
	packet_close_fds(&packet);
	return fd;
}

static int
find_reader(const struct session *session, struct span owner, const char **why)
{
	enum sharing_kind answered;
	int fd = ask_login(session, owner, &answered);

	for (int i = 0; i < ROOM_TRIES && answered == SHARING_LATER; i++) {
		poll(NULL, 0, ROOM_WAIT_MS);
		fd = ask_login(session, owner, &answered);
	}
	*why = answered == SHARING_NO ? not_yours : not_now;
	return fd;
}

/* "* URLFETCH {N}": NULL, and N. */
static const char *
take_head(struct reader *in, uint64_t *size)
{
	static const char before[] = "* URLFETCH ";
	struct buf line = buf_new(LINE_MAX_BYTES);
	bool is_read = read_line(in, &line) == IO_OK;

	buf_clear(&line);
	is_read = is_read && read_line(in, &line) == IO_OK;
	struct span text = span_trim(buf_span(&line));
	const char *why = is_read ? not_yours : not_now;
	if (span_starts(text, span_of(before)) &&
	    text.ptr[text.len - 1] == '}') {
		text = span_slice(text, sizeof(before) - 1, SIZE_MAX);
		if (span_starts(text, span_of("{")) &&
		    span_number(
			span_slice(text, 1, text.len - 2), 10, INT64_MAX, size))
			why = NULL;
	}
	buf_free(&line);
	return why;
}

/* The chunk; NULL, or why there is none. */
static const char *
take_chunk(struct session *session, int fd, struct span url, uint64_t *size)
{
	static struct reader in; /* large, both */
	static struct writer out;

	writer_init(&out, fd, ANSWER_TIMEOUT_MS);
	reader_init(&in, fd, ANSWER_TIMEOUT_MS);
	in.peer = &out;
	write_string(&out, "burl URLFETCH \"");
	write_span(&out, url);
	write_string(&out, "\"\r\n");
	const char *why = take_head(&in, size);
	if (why == NULL)
		why = chunk_begin(session, *size);
	/* What is over control/databytes need not come. */
	if (why == NULL && session->message.refusal == NULL &&
	    !chunk_receive(session, &in, &session->message, *size))
		why = not_now;
	return why;
}

/*
 * Does the URL's submit+ name the client? A user of this host logs in with a
 * domain or without, and lookup knows which are this host's.
 */
static bool
is_client(const struct session *session, struct span name, const char **why)
{
	static struct packet packet;
	struct lookup_answer answer;
	struct span user = buf_span(&session->user);
	struct buf question = buf_new(COMMAND_MAX);

	*why = not_yours;
	if (span_equal(name, user))
		return true;
	buf_add_char(&question, '\\');
	buf_add(&question, name);
	lookup_ask(session->neighbours.lookup, buf_span(&question),
	    LOOKUP_TIMEOUT_MS, &packet, &answer);
	buf_free(&question);
	if (answer.kind == LOOKUP_LATER)
		*why = not_now;
	return answer.kind == LOOKUP_MAILBOX &&
	       span_equal(answer.account, user) && answer.extension.len == 0;
}

static const char *
fetch(struct session *session, struct span text, uint64_t *size)
{
	struct imapurl url;
	const char *why = not_yours;
	int fd = -1;

	if (!imapurl_parse_authorized(&url, text))
		return not_yours;
	if (url.access == IMAPURL_SUBMIT && url.mechanism.len > 0 &&
	    url.owner.len <= LOGIN_USER_MAX &&
	    is_client(session, url.user, &why))
		fd = find_reader(session, url.owner, &why);
	if (fd != -1) {
		why = take_chunk(session, fd, text, size);
		close(fd);
	}
	imapurl_free(&url);
	return why;
}

void
handle_burl(struct session *session, struct span argument)
{
	struct span url;
	bool is_last;
	uint64_t size = 0;

	if (!session_offers_burl(session)) {
		reply_error(session,
		    "503 5.5.1 BURL is for who has logged in on the "
		    "submission service");
		return;
	}
	if (!parse(argument, &url, &is_last)) {
		reply_error(session, "501 5.5.4 say BURL URL or BURL URL LAST");
		return;
	}
	const char *why = chunk_refusal(session);
	if (why == NULL)
		why = fetch(session, url, &size);
	chunk_answer(session, why, size, is_last);
}
