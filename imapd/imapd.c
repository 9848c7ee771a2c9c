/*
 * imapd - IMAP for one client, or for many.
 *
 * started by  service/imapd/run, behind listen, neighbour and confine (-l);
 *             login(8), as the user who logged in (-s), or as one who shares
 *             folders with such a user (-g), or whose URLs he has (-u, of
 *             a message that he submits: -b); by hand (MAILBOX)
 * uid         mta-imap (-l); the mailbox's owner; never root
 * fd 0, 1     the client (-s, by hand); the imapd of the user who is a guest
 *             (-g), or has a URL (-u); his smtpd (-b)
 * fd 2        the log
 * fd 3        readiness (-l); what the client had sent already (-s, optional)
 * fd 4        login, login(5) (-s, -g, optional)
 * fd 13       login, login(5) (-l)
 * fd 18       tlsd, tls(5) (-l)
 * fd 20, ...  listening sockets (-l); 36, ... of ports that begin with TLS
 * fd 52       /proc/loadavg (-l)
 * reads       control/{me,timeoutimaplogin,timeoutimapd,maxerrors,
 *             cleartextnets,authmechanisms,oauthchecker,imapdreuse,
 *             imapdconnections,imapdpernetwork,imapdrate,imapdwiderate,
 *             relayclients,proxynets,
 *             imapdmaxcommand,imapdmaxmessage,imapdprogress,imapdcontexts,
 *             imapdmessagelimit,imapdsavelimit,imapdsubmitters,
 *             imapdconvertmessages,imapdconvertparts,imapdconvertsize,
 *             imapdconversions,imapsieve,jmapaccess,recipientdelimiter,
 *             sieveredirects,maxhops,maxfolders,quota,specialfolders};
 *             the mailbox; sieve/NAME.sieve
 * writes      the mailbox
 * runs        nothing
 * exits       0; EX_USAGE; EX_NOPERM if root; EX_TEMPFAIL the mailbox cannot
 *             be read or changed
 */

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/landlock.h"
#include "base/paths.h"
#include "base/sandbox.h"
#include "imapd/preauth.h"
#include "imapd/session.h"
#include "net/peer.h"
#include "queue/login.h"
#include "queue/neighbour.h"
#include "queue/sharing.h"
#include "queue/spare.h"
#include "store/account_settings.h"
#include "store/conversion_settings.h"
#include "store/scripts.h"

static const char usage[] =
    "usage: imapd MAILBOX   (a folder or maildir:PATH)\n"
    "       imapd -l        (by service/imapd/run)\n"
    "       imapd -s USER MAILBOX CLIENT   (by login)\n"
    "       imapd -g USER MAILBOX OWNER GROUP,...   (by login)\n"
    "       imapd -u USER MAILBOX OWNER    (by login)\n"
    "       imapd -b USER MAILBOX OWNER    (by login)";

enum {
	TIMEOUT_S = 1800,
	COMMAND_MAX = 1 << 20,
	PROGRESS_MS = 10000,
	CONTEXTS_MAX = 16,
	CONVERT_MESSAGES = 100,
	CONVERT_PARTS = 16,
	CONVERT_SIZE = 8 << 20,
	GUEST_TIMEOUT_S = 30 * 86400
};

/* RFC 4467 section 3: a message submission entity. */
static bool
is_submitter(const char *user)
{
	struct control_list list = control_words("imapdsubmitters");
	bool is_one = false;

	for (size_t i = 0; i < list.count && user != NULL; i++)
		is_one |= span_equal(list.items[i], span_of(user));
	control_list_free(&list);
	return is_one;
}

/* IMAPSIEVE names the ManageSieve server, RFC 6785 section 2.1. */
static void
read_sieve_settings(struct session_settings *settings)
{
	static struct buf host; /* the settings keep their texts */
	static struct buf me;
	static struct buf delimiters;

	host = control_word("imapsieve", "");
	if (host.len == 0)
		return;
	me = control_me();
	settings->sieve_host = buf_string(&host);
	settings->me = buf_string(&me);
	settings->redirects_max = scripts_redirects_max();
	settings->hops_max = control_number("maxhops", 100, 10, 1000);
	delimiters = control_word("recipientdelimiter", "+");
	settings->delimiters = buf_span(&delimiters);
}

/* RFC 9698 */
static void
read_jmap_settings(struct session_settings *settings)
{
	static struct buf url;

	url = control_https_url("jmapaccess");
	if (url.len > 0 && settings->owner == NULL)
		settings->jmap_url = buf_string(&url);
}

static void
read_session_settings(struct session_settings *settings)
{
	settings->timeout_s =
	    control_number("timeoutimapd", TIMEOUT_S, 1, 86400);
	settings->errors_max = control_number("maxerrors", 20, 1, 1000);
	settings->command_max =
	    control_number("imapdmaxcommand", COMMAND_MAX, 8192, 64 << 20);
	settings->message_max =
	    control_number("imapdmaxmessage", 0, 0, INT64_MAX);
	settings->progress_ms =
	    control_number("imapdprogress", PROGRESS_MS, 1, 3600000);
	settings->contexts_max =
	    control_number("imapdcontexts", CONTEXTS_MAX, 1, 1000);
	settings->limit = control_number("imapdmessagelimit", 0, 0, UINT32_MAX);
	settings->is_submitter = is_submitter(settings->user);
	settings->save_limit =
	    control_number("imapdsavelimit", 0, 0, UINT32_MAX);
	settings->convert_messages = control_number(
	    "imapdconvertmessages", CONVERT_MESSAGES, 1, UINT32_MAX);
	settings->convert_parts =
	    control_number("imapdconvertparts", CONVERT_PARTS, 1, 64);
	settings->convert_size =
	    control_number("imapdconvertsize", CONVERT_SIZE, 1024, 1 << 30);
	settings->convert_preferred = conversion_settings_read();
	read_sieve_settings(settings);
	read_jmap_settings(settings);
}

/* What each session will read is faulty at the start, not at a log-in. */
static void
check_session_settings(void)
{
	struct account_settings accounts;
	struct session_settings sessions = { .user = NULL };

	read_session_settings(&sessions);
	account_settings_read(&accounts);
	account_settings_free(&accounts);
}

/* ---- before the log-in ---- */

static int
serve(void)
{
	static const struct gate_service service = { .name = "imapd",
		.busy = "* BYE [LIMIT]",
		.over = "* BYE [LIMIT]",
		.run = preauth_run };
	static struct gate_settings settings;

	if (!serve_is_listening() || !neighbour_is_given(NEIGHBOUR_LOGIN))
		die(EX_USAGE,
		    "imapd -l is started behind listen(8) and "
		    "neighbour(8); %s",
		    usage);
	check_session_settings();
	settings.timeout_s = control_number("timeoutimaplogin", 300, 1, 86400);
	settings.session_timeout_s =
	    control_number("timeoutimapd", TIMEOUT_S, 1, 86400);
	settings.reuse = network_list("imapdreuse", "");
	return gate_serve(&service, &settings);
}

/* ---- after it ---- */

static void
close_jail(const char *mailbox, const struct session_settings *settings)
{
	const struct landlock_path paths[] = {
		{ strchr(mailbox, ':') + 1, LANDLOCK_READ | LANDLOCK_WRITE },
		{ MTA_SIEVE, LANDLOCK_READ },
	};
	size_t count = settings->sieve_host == NULL ? 1 : 2;

	if (!sandbox_is_sanitized() && !landlock_restrict(paths, count, true))
		temp_fail("cannot close the jail (landlock)");
	sandbox_enter(SANDBOX_READ_FILES | SANDBOX_WRITE_FILES |
		      SANDBOX_WATCH_FILES | SANDBOX_THREADS);
}

/*
 * The first line is the tag of the command that logged in, the language, and
 * "relayed" if that is so.  The settings point into both buffers.
 */
static void
take_input(
    struct session_settings *settings, struct span input, struct buf *greeting)
{
	struct span line = span_cut(&input, '\n');

	buf_clear(greeting);
	buf_add(greeting, span_cut(&line, ' '));
	buf_add_string(greeting, " OK");
	settings->language = LANGUAGE_DEFAULT;
	language_find(span_cut(&line, ' '), &settings->language);
	settings->is_relayed = span_equal(line, span_of("relayed"));
	settings->greeting = buf_string(greeting);
	settings->input = input;
}

/* Nothing of the client that left is kept for the next one. */
static void
rest(struct account *account)
{
	account_unwatch(account);
	account_rest(account);
}

/* The next clients of the account, for as long as login has some. */
static void
serve_more(struct spare *spare, struct account *account,
    struct session_settings *settings)
{
	struct spare_client next = { .peer = buf_new(LOGIN_PEER_MAX),
		.input = buf_new(LOGIN_INPUT_MAX) };
	struct buf greeting = buf_new(LOGIN_INPUT_MAX);
	enum io_status status = IO_OK;

	rest(account);
	while (status == IO_OK && spare_wait(spare, &next)) {
		settings->peer = buf_string(&next.peer);
		take_input(settings, buf_span(&next.input), &greeting);
		fd_set_nonblocking(STDIN_FILENO);
		status = session_serve_mailbox(
		    STDIN_FILENO, STDOUT_FILENO, account, settings);
		rest(account);
	}
	buf_free(&next.peer);
	buf_free(&next.input);
	buf_free(&greeting);
}

static int
transact(const char *mailbox, struct session_settings *settings)
{
	static struct peer peer; /* the settings keep its text */
	struct account *account;

	require_unprivileged();
	signal(SIGPIPE, SIG_IGN);
	peer_describe(STDIN_FILENO, &peer);
	if (settings->peer == NULL)
		settings->peer = peer.text;
	read_session_settings(settings);
	if (settings->owner != NULL) /* it ends with the session it serves */
		settings->timeout_s = GUEST_TIMEOUT_S;
	fd_set_nonblocking(STDIN_FILENO);
	fd_set_nonblocking(STDOUT_FILENO);
	enum account_status status = account_open(&account, mailbox);
	if (status != ACCOUNT_OK) {
		warn_errno("cannot open the mailbox of user=%s client=%s",
		    settings->user, settings->peer);
		struct buf bye = buf_new(1024);
		language_add_reply(&bye, settings->language,
		    "* BYE [UNAVAILABLE] the mailbox cannot be read");
		buf_add_string(&bye, "\r\n");
		write_all(STDOUT_FILENO, buf_span(&bye));
		return EX_TEMPFAIL;
	}
	struct spare spare = spare_begin(settings->sharing, mailbox);
	close_jail(mailbox, settings);
	enum io_status ended = session_serve_mailbox(
	    STDIN_FILENO, STDOUT_FILENO, account, settings);
	if (ended == IO_OK && settings->can_share && !settings->is_relayed)
		serve_more(&spare, account, settings);
	account_close(account);
	return EX_OK;
}

/* login's end of the pair, where there is one. */
static int
find_sharing(void)
{
	return fcntl(LOGIN_SHARING_FD, F_GETFD) == -1 ? -1 : LOGIN_SHARING_FD;
}

/* USER, who logged in and is in GROUPS, in OWNER's mailbox. */
static int
as_guest(char **argv)
{
	const char *mailbox = argv[1];
	const char *owner = argv[2];
	struct session_settings settings = { .user = argv[0],
		.owner = owner,
		.groups = span_of(argv[3]),
		.peer = "guest",
		.sharing = find_sharing() };

	if (strncmp(mailbox, "maildir:", 8) != 0)
		temp_fail("IMAP needs a Maildir, user=%s has not", owner);
	return transact(mailbox, &settings);
}

/* The same, for URLs alone; nothing is made of what is not there. */
static int
as_url_reader(
    const char *user, const char *mailbox, const char *owner, bool is_burl)
{
	struct session_settings settings = { .user = user,
		.owner = owner,
		.peer = is_burl ? "burl" : "url-reader",
		.is_url_reader = true,
		.is_burl = is_burl,
		.sharing = -1 };
	struct stat status;

	if (strncmp(mailbox, "maildir:", 8) != 0)
		temp_fail("IMAP needs a Maildir, user=%s has not", owner);
	if (stat(mailbox + 8, &status) == -1)
		return EX_OK;
	return transact(mailbox, &settings);
}

static int
after_login(const char *user, const char *mailbox, const char *client)
{
	struct session_settings settings = {
		.user = user, .peer = client, .sharing = find_sharing()
	};

	settings.can_share = settings.sharing != -1;
	struct buf greeting = buf_new(LOGIN_INPUT_MAX);
	struct buf input = gate_input();

	take_input(&settings, buf_span(&input), &greeting);
	if (strncmp(mailbox, "maildir:", 8) != 0)
		temp_fail("IMAP needs a Maildir, user=%s has not", user);
	return transact(mailbox, &settings);
}

static int
by_hand(const char *path)
{
	struct session_settings settings = { .user = "local", .sharing = -1 };
	char mailbox[PATH_MAX + 16];
	struct stat status;

	if (strncmp(path, "maildir:", 8) == 0)
		return transact(path, &settings);
	if (stat(path, &status) == -1 || !S_ISDIR(status.st_mode))
		die_errno(EX_NOINPUT, "no Maildir %s", path);
	snprintf(mailbox, sizeof(mailbox), "maildir:%s", path);
	return transact(mailbox, &settings);
}

int
main(int argc, char **argv)
{
	const char *option = argc > 1 ? argv[1] : "";

	program_name("imapd");
	if (argc == 2 && strcmp(option, "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc == 2 && strcmp(option, "-l") == 0)
		return serve();
	if (argc == 5 && strcmp(option, "-s") == 0)
		return after_login(argv[2], argv[3], argv[4]);
	if (argc == 5 &&
	    (strcmp(option, "-u") == 0 || strcmp(option, "-b") == 0))
		return as_url_reader(
		    argv[2], argv[3], argv[4], strcmp(option, "-b") == 0);
	if (argc == 6 && strcmp(option, "-g") == 0)
		return as_guest(argv + 2);
	if (argc != 2 || *option == '-' || *option == '\0')
		die(EX_USAGE, "%s", usage);
	return by_hand(option);
}
