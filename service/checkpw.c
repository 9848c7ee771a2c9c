/*
 * checkpw - is this user's password, digest or SASL proof right?
 *
 * started by  service/{pop3d,submission}/run, as a neighbour of login; by hand
 *             with a name
 * uid         mta-auth, in a jail with /var/mta/users to read; a child for
 *             each request reads it.  The first process stays root for PAM
 *             and checkers (confine -c audit_write,setgid,setuid), with a
 *             child for each request as well; a checker is mta-checker
 * fd 0        the control pair with login, login(5); by hand the password
 * fd 2        the log
 * reads       /var/mta/users/{passwords,apop,scram,scramsecret}, control/
 *             {checkpwconcurrency,authmechanisms,passwordchecker,
 *             oauthchecker}; PAM: /etc/pam.d/estafeta and what its modules
 *             want; by hand control/{me,locals}
 * writes      nothing
 * runs        control/passwordchecker and control/oauthchecker, as mta-checker
 *             (PAM's modules may run others)
 * exits       0 login closed its pair; EX_USAGE; EX_NOPERM not root; EX_NOUSER
 *             no user mta-auth; by hand 0 right, EX_NOPERM wrong, EX_TEMPFAIL
 */

#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bsd/readpassphrase.h>

#include "base/control.h"
#include "base/die.h"
#include "base/landlock.h"
#include "base/paths.h"
#include "base/sandbox.h"
#include "mail/saslprep.h"
#include "queue/neighbour.h"
#include "service/helpers.h"
#include "service/pam.h"
#include "service/verify.h"
#include "service/workers.h"

static const char usage[] =
    "usage: checkpw [NAME]   (without a name: by service/pop3d/run)";

/* ---- by hand ---- */

/* A name of this host's own domain, cut off it; else a virtual account. */
static bool
is_system_user(char *user)
{
	struct control_list locals = control_list("locals");
	struct buf me = control_me();
	char *at = strrchr(user, '@');
	struct span domain = span_of(at == NULL ? "" : at + 1);
	bool is_ours = at == NULL;

	if (locals.count > 0)
		is_ours = is_ours || control_list_has(&locals, domain);
	else
		is_ours = is_ours || span_equal_nocase(domain, buf_span(&me)) ||
			  span_equal_nocase(domain, span_of("localhost"));
	if (is_ours && at != NULL)
		*at = '\0';
	control_list_free(&locals);
	buf_free(&me);
	return is_ours;
}

static int
by_hand(char *user)
{
	char given[LOGIN_SECRET_MAX + 1];
	char password[LOGIN_SECRET_MAX + 1];
	bool is_known;
	const int flags = isatty(STDIN_FILENO) ? 0 : RPP_STDIN;

	if (geteuid() != 0)
		die(EX_NOPERM, "only root may read the tables: try sudo");
	if (readpassphrase("Password: ", given, sizeof(given), flags) == NULL)
		die(EX_NOINPUT, "a password is one line");
	if (!saslprep_query(span_of(given), password, sizeof(password)))
		memcpy(password, given, sizeof(password));
	explicit_bzero(given, sizeof(given));
	verify_prepare();
	enum checkpw_verdict verdict =
	    is_system_user(user) ? pam_verdict(user, password, "local")
				 : verify_password(MTA_USERS "/passwords",
				       span_of(user), password, &is_known);
	explicit_bzero(password, sizeof(password));
	puts(verdict == CHECKPW_OK   ? "right"
	     : verdict == CHECKPW_NO ? "wrong"
				     : "cannot tell now");
	return verdict == CHECKPW_OK   ? EX_OK
	       : verdict == CHECKPW_NO ? EX_NOPERM
				       : EX_TEMPFAIL;
}

/* ---- the service ---- */

static void
close_jail(void)
{
	static const struct landlock_path paths[] = {
		{ MTA_USERS, LANDLOCK_READ },
	};
	const struct passwd *role = getpwnam("mta-auth");

	if (role == NULL)
		die(EX_NOUSER, "no user mta-auth: run mtactl init");
	become_user(role->pw_uid, role->pw_gid, NULL, 0);
	if (!sandbox_is_sanitized() && !landlock_restrict(paths, 1, true))
		temp_fail("cannot close the jail (landlock)");
	sandbox_enter(SANDBOX_READ_FILES | SANDBOX_FORK | SANDBOX_SOCKETPAIR |
		      SANDBOX_THREADS);
}

/* The part that is mta-auth; when it ends, so does its pair with the other. */
static int
check(int helpers, const struct turns *turns)
{
	static struct workers workers;

	workers_prepare(&workers, helpers, turns);
	verify_prepare();
	close_jail();
	workers_serve(&workers);
	return EX_OK;
}

static int
serve(void)
{
	struct checkers checkers;
	struct turns turns;
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	checker_configure(&checkers);
	turns_prepare(&turns);
	if (!packet_pair(ends))
		temp_fail("cannot make a pair");
	pid_t pid = fork();
	if (pid == -1)
		temp_fail("cannot fork");
	if (pid == 0) {
		close(ends[1]);
		return check(ends[0], &turns);
	}
	close(ends[0]);
	close(NEIGHBOUR_SELF);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		temp_fail("cannot become undumpable");
	helpers_serve(ends[1], &checkers, &turns);
	return EX_OK;
}

static bool
is_socket(int fd)
{
	int type;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
}

int
main(int argc, char **argv)
{
	program_name("checkpw");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc == 2 && argv[1][0] != '-' && argv[1][0] != '\0')
		return by_hand(argv[1]);
	if (argc != 1 || !is_socket(NEIGHBOUR_SELF))
		die(EX_USAGE, "%s", usage);
	if (geteuid() != 0)
		die(EX_NOPERM, "it must be started as root, for PAM");
	return serve();
}
