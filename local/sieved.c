/*
 * sieved - ManageSieve for one client, or for many.
 *
 * started by  service/sieved/run, behind listen, neighbour and confine (-l);
 *             login(8), as the user who logged in (-s); by hand (MAILBOX)
 * uid         mta-sieve (-l); the mailbox's owner; never root
 * fd 0, 1     the client (-s, by hand)
 * fd 2        the log
 * fd 3        readiness (-l); what the client had sent already (-s, optional)
 * fd 13       login, login(5) (-l)
 * fd 18       tlsd, tls(5) (-l)
 * fd 20, ...  listening sockets (-l); 36, ... of ports that begin with TLS
 * fd 52       /proc/loadavg (-l)
 * reads       control/{me,timeoutsievelogin,timeoutsieve,maxerrors,
 *             cleartextnets,authmechanisms,oauthchecker,sievedreuse,
 *             sievedconnections,sievedpernetwork,sievedrate,sievedwiderate,
 *             relayclients,proxynets,sievescripts,sievesize,
 *             sieveredirects,quota}; the scripts
 * writes      the scripts, mailscripts(5)
 * runs        nothing
 * exits       0; EX_USAGE; EX_NOINPUT no such mailbox, by hand; EX_NOPERM if
 *             root; EX_TEMPFAIL the mailbox cannot be read
 */

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/landlock.h"
#include "base/sandbox.h"
#include "local/sieve_preauth.h"
#include "local/sieve_session.h"
#include "net/peer.h"
#include "queue/neighbour.h"

static const char usage[] =
    "usage: sieved MAILBOX   (a folder or maildir:PATH)\n"
    "       sieved -l        (by service/sieved/run)\n"
    "       sieved -s USER MAILBOX CLIENT   (by login)";

enum {
	TIMEOUT_S = 1800 /* RFC 5804 section 1.2: no less */
};

static const char prefix[] = "maildir:";

static void
read_settings(struct sieve_session_settings *settings)
{
	settings->timeout_s =
	    control_number("timeoutsieve", TIMEOUT_S, TIMEOUT_S, 86400);
	settings->errors_max = control_number("maxerrors", 20, 1, 1000);
	settings->limits = scripts_limits();
	settings->redirects_max = scripts_redirects_max();
}

/* ---- before the log-in ---- */

static int
serve(void)
{
	static const struct gate_service service = { .name = "sieved",
		.busy = "BYE (TRYLATER)",
		.over = "BYE (TRYLATER)",
		.is_quoted = true,
		.run = sieve_preauth_run };
	static struct gate_settings settings;
	struct sieve_session_settings checked;

	if (!serve_is_listening() || !neighbour_is_given(NEIGHBOUR_LOGIN))
		die(EX_USAGE,
		    "sieved -l is started behind listen(8) and "
		    "neighbour(8); %s",
		    usage);
	/* What each session will read is faulty at the start, not later. */
	read_settings(&checked);
	settings.timeout_s = control_number("timeoutsievelogin", 300, 1, 86400);
	settings.session_timeout_s = checked.timeout_s;
	settings.reuse = network_list("sievedreuse", "");
	return gate_serve(&service, &settings);
}

/* ---- after it ---- */

static void
close_jail(const char *path)
{
	const struct landlock_path paths[] = {
		{ path, LANDLOCK_READ | LANDLOCK_WRITE },
	};

	if (!sandbox_is_sanitized() && !landlock_restrict(paths, 1, true))
		temp_fail("cannot close the jail (landlock)");
	sandbox_enter(SANDBOX_READ_FILES | SANDBOX_WRITE_FILES);
}

/* All that is said where there are no scripts to manage. */
static int
refuse(const char *code, const char *text)
{
	struct buf line = buf_new(1024);

	buf_printf(&line, "NO %s\"%s\"\r\n", code, text);
	write_all(STDOUT_FILENO, buf_span(&line));
	buf_free(&line);
	return EX_TEMPFAIL;
}

static int
manage(const char *mailbox, struct sieve_session_settings *settings)
{
	static struct peer peer; /* the settings keep its text */
	struct account *account;

	require_unprivileged();
	signal(SIGPIPE, SIG_IGN);
	peer_describe(STDIN_FILENO, &peer);
	if (settings->peer == NULL)
		settings->peer = peer.text;
	read_settings(settings);
	fd_set_nonblocking(STDIN_FILENO);
	fd_set_nonblocking(STDOUT_FILENO);
	if (!span_starts(span_of(mailbox), span_of(prefix))) {
		log_event("no Maildir user=%s client=%s", settings->user,
		    settings->peer);
		return refuse("", "your mail is not kept in a Maildir, so you "
				  "can have no scripts here");
	}
	if (account_open(&account, mailbox) != ACCOUNT_OK) {
		warn_errno("cannot open the mailbox of user=%s client=%s",
		    settings->user, settings->peer);
		return refuse("(TRYLATER) ", "your mailbox cannot be read");
	}
	close_jail(mailbox + sizeof(prefix) - 1);
	sieve_session_run(STDIN_FILENO, STDOUT_FILENO, account, settings);
	account_close(account);
	return EX_OK;
}

static int
after_login(const char *user, const char *mailbox, const char *client)
{
	struct sieve_session_settings settings = {
		.user = user, .peer = client, .has_logged_in = true
	};
	struct buf input = gate_input();

	/* Three lines come first: sieve_preauth. */
	settings.input = buf_span(&input);
	settings.sasl = span_cut(&settings.input, '\n');
	settings.last = span_cut(&settings.input, '\n');
	settings.is_relayed =
	    span_equal(span_cut(&settings.input, '\n'), span_of("relayed"));
	return manage(mailbox, &settings);
}

static int
by_hand(const char *path)
{
	struct sieve_session_settings settings = { .user = "local" };
	char mailbox[PATH_MAX + sizeof(prefix)];
	struct stat status;

	if (span_starts(span_of(path), span_of(prefix)))
		return manage(path, &settings);
	if (stat(path, &status) == -1 || !S_ISDIR(status.st_mode))
		die_errno(EX_NOINPUT, "no Maildir %s", path);
	snprintf(mailbox, sizeof(mailbox), "%s%s", prefix, path);
	return manage(mailbox, &settings);
}

int
main(int argc, char **argv)
{
	const char *option = argc > 1 ? argv[1] : "";

	program_name("sieved");
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
