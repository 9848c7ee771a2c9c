/*
 * pop3d - POP3 for one client, or for many.
 *
 * started by  service/pop3d/run, behind listen, neighbour and confine (-l);
 *             login(8), as the user who logged in (-s); by hand (MAILBOX)
 * uid         mta-pop3 (-l); the mailbox's owner; never root
 * fd 0, 1     the client (-s, by hand)
 * fd 2        the log
 * fd 3        readiness (-l); what the client had sent already (-s, optional)
 * fd 4        login, login(5) (-s, optional)
 * fd 13       login, login(5) (-l)
 * fd 18       tlsd, tls(5) (-l)
 * fd 20, ...  listening sockets (-l); 36, ... of ports that begin with TLS
 * fd 52       /proc/loadavg (-l)
 * reads       control/{me,timeoutpop3,maxerrors,cleartextnets,
 *             authmechanisms,oauthchecker,pop3dconnections,pop3dpernetwork,
 *             pop3drate,pop3dwiderate,relayclients,proxynets,pop3uidl,
 *             pop3logindelay}; the mailbox
 * writes      the mailbox: messages are removed or marked as seen,
 *             MAILDIR/.pop3.lock, MAILDIR/.pop3.sizes
 * runs        nothing
 * exits       0; EX_USAGE; EX_NOPERM if root; EX_TEMPFAIL the mailbox is in
 *             use, or cannot be read or changed
 */

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/landlock.h"
#include "pop3d/preauth.h"
#include "pop3d/transaction.h"
#include "queue/neighbour.h"
#include "queue/sharing.h"
#include "queue/spare.h"

static const char usage[] =
    "usage: pop3d MAILBOX   (a folder, a file, maildir:PATH or mbox:PATH)\n"
    "       pop3d -l        (by service/pop3d/run)\n"
    "       pop3d -s USER MAILBOX CLIENT   (by login)";

enum {
	LOCK_TIMEOUT_MS = 5000
};

/* ---- before the log-in ---- */

static int
serve(void)
{
	static const struct gate_service service = { .name = "pop3d",
		.busy = "-ERR [SYS/TEMP]",
		.over = "-ERR [SYS/TEMP]",
		.run = preauth_run };
	static struct gate_settings settings;

	if (!serve_is_listening() || !neighbour_is_given(NEIGHBOUR_LOGIN))
		die(EX_USAGE,
		    "pop3d -l is started behind listen(8) and "
		    "neighbour(8); %s",
		    usage);
	settings.timeout_s = control_number("timeoutpop3", 600, 1, 86400);
	settings.login_delay_s = transaction_login_delay();
	return gate_serve(&service, &settings);
}

/* ---- after it ---- */

/* An mbox's locks lie beside it. */
static void
close_jail(const char *mailbox)
{
	char path[PATH_MAX];
	struct span name = span_of(mailbox);
	bool is_mbox = span_starts(name, span_of("mbox:"));

	span_cut(&name, ':');
	size_t slash = span_last_index(name, '/');
	if (is_mbox)
		name = slash == name.len ? span_of(".")
					 : span_slice(name, 0, slash + 1);
	snprintf(path, sizeof(path), "%.*s", (int)name.len, name.ptr);
	const struct landlock_path paths[] = {
		{ path, LANDLOCK_READ | LANDLOCK_WRITE },
	};
	if (!sandbox_is_sanitized() && !landlock_restrict(paths, 1, true))
		temp_fail("cannot close the jail (landlock)");
	sandbox_enter(SANDBOX_READ_FILES | SANDBOX_WRITE_FILES);
}

/* All that is said of a mailbox that cannot be had. */
static void
say_last(const struct transaction_settings *settings, const char *text)
{
	struct buf line = buf_new(1024);

	language_add_reply(&line, settings->language, text);
	buf_add_string(&line, "\r\n");
	write_all(STDOUT_FILENO, buf_span(&line));
	buf_free(&line);
}

/* RFC 2449 section 8.1.2 [IN-USE], RFC 3206 section 4. */
static int
refuse(enum store_status status, const struct transaction_settings *settings)
{
	static const char busy[] =
	    "-ERR [IN-USE] another session has this mailbox open";
	static const char broken[] =
	    "-ERR [SYS/TEMP] the mailbox cannot be read";

	if (status == STORE_BUSY)
		log_event(
		    "in use user=%s client=%s", settings->user, settings->peer);
	else
		warn_errno("cannot open the mailbox of user=%s client=%s",
		    settings->user, settings->peer);
	say_last(settings, status == STORE_BUSY ? busy : broken);
	return EX_TEMPFAIL;
}

/* RFC 2449 section 8.1.1. */
static int
refuse_visit(const struct transaction_settings *settings)
{
	static const char text[] =
	    "-ERR [LOGIN-DELAY] you were here a moment ago: come later";

	log_event("too soon user=%s client=%s", settings->user, settings->peer);
	say_last(settings, text);
	return EX_TEMPFAIL;
}

/* One client, on descriptors 0 and 1.  *has_left is set if it did in order. */
static int
serve_one(const char *mailbox, const struct uidl_formats *formats,
    const struct transaction_settings *settings, bool *has_left)
{
	struct store *store;
	int code = EX_OK;

	*has_left = false;
	fd_set_nonblocking(STDIN_FILENO);
	fd_set_nonblocking(STDOUT_FILENO);
	enum store_status status =
	    store_open(&store, mailbox, LOCK_TIMEOUT_MS, formats);
	if (status != STORE_OK)
		return refuse(status, settings);
	if (settings->login_delay_s > 0 &&
	    !store_note_visit(store, settings->login_delay_s)) {
		code = refuse_visit(settings);
	} else {
		enum transaction_end end = transaction_run(
		    STDIN_FILENO, STDOUT_FILENO, store, settings);
		*has_left = end == TRANSACTION_LEFT;
		code = end == TRANSACTION_FAILED ? EX_TEMPFAIL : EX_OK;
	}
	store_close(store);
	return code;
}

/* The first line is the language and the mode that were chosen, and what CAPA
 * said of SASL.  The settings point into the input. */
static void
take_input(struct transaction_settings *settings, struct span input)
{
	struct span line = span_cut(&input, '\n');

	settings->language = LANGUAGE_DEFAULT;
	language_find(span_cut(&line, ' '), &settings->language);
	settings->sasl = line;
	settings->is_utf8 = span_equal(span_cut(&line, ' '), span_of("UTF8"));
	if (settings->is_utf8)
		settings->sasl = line;
	settings->input = input;
}

/* The next clients of the account, for as long as login has some. */
static int
serve_more(struct spare *spare, const struct uidl_formats *formats,
    struct transaction_settings *settings)
{
	struct spare_client next = { .peer = buf_new(LOGIN_PEER_MAX),
		.input = buf_new(LOGIN_INPUT_MAX) };
	int code = EX_OK;
	bool has_left = true;

	while (has_left && spare_wait(spare, &next)) {
		settings->peer = buf_string(&next.peer);
		take_input(settings, buf_span(&next.input));
		code = serve_one(spare->mailbox, formats, settings, &has_left);
	}
	buf_free(&next.peer);
	buf_free(&next.input);
	return code;
}

static int
transact(const char *mailbox, struct transaction_settings *settings)
{
	static struct peer peer; /* the settings keep its text */
	struct uidl_formats formats;

	require_unprivileged();
	signal(SIGPIPE, SIG_IGN);
	peer_describe(STDIN_FILENO, &peer);
	if (settings->peer == NULL)
		settings->peer = peer.text;
	settings->timeout_s = control_number("timeoutpop3", 600, 1, 86400);
	settings->errors_max = control_number("maxerrors", 20, 1, 1000);
	settings->login_delay_s = transaction_login_delay();
	uidl_formats_read(&formats);
	struct spare spare = spare_begin(settings->login, mailbox);
	close_jail(mailbox);
	bool has_left;
	int code = serve_one(mailbox, &formats, settings, &has_left);
	if (has_left)
		code = serve_more(&spare, &formats, settings);
	uidl_formats_free(&formats);
	return code;
}

static int
after_login(const char *user, const char *mailbox, const char *client)
{
	struct transaction_settings settings = { .user = user,
		.peer = client,
		.login = neighbour_is_given(LOGIN_SHARING_FD) ? LOGIN_SHARING_FD
							      : -1 };
	struct buf input = gate_input();

	take_input(&settings, buf_span(&input));
	return transact(mailbox, &settings);
}

static int
by_hand(const char *path)
{
	struct transaction_settings settings = { .user = "local", .login = -1 };
	char mailbox[PATH_MAX + 16];
	struct stat status;

	if (strncmp(path, "maildir:", 8) == 0 || strncmp(path, "mbox:", 5) == 0)
		return transact(path, &settings);
	if (stat(path, &status) == -1)
		die_errno(EX_NOINPUT, "no mailbox %s", path);
	snprintf(mailbox, sizeof(mailbox), "%s:%s",
	    S_ISDIR(status.st_mode) ? "maildir" : "mbox", path);
	return transact(mailbox, &settings);
}

int
main(int argc, char **argv)
{
	const char *option = argc > 1 ? argv[1] : "";

	program_name("pop3d");
	if (argc == 2 && strcmp(option, "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc == 2 && strcmp(option, "-l") == 0)
		return serve();
	if (argc == 5 && strcmp(option, "-s") == 0)
		return after_login(argv[2], argv[3], argv[4]);
	if (argc != 2 || *option == '-' || *option == '\0')
		die(EX_USAGE, "%s", usage);
	return by_hand(option);
}
