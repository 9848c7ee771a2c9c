/*
 * login - turn a name and a proof into a process of that user's.
 *
 * started by  service/{pop3d,imapd,sieved,submission}/run, as a neighbour
 *             of pop3d -l, imapd -l, sieved -l and smtpd submission
 * uid         root (confine -c setgid,setuid,kill): its parent knows sessions
 *             and numbers only; a child for each attempt reads the record,
 *             asks, and becomes the user, never uid 0 (for SMTP it becomes
 *             nobody, and has kill alone)
 * fd 0        the control pair with the acceptor, login(5); sessions open
 *             over it
 * fd 2        the log
 * fd 10       queue-inject, for what scripts send (imap, optional)
 * fd 11       lookup, lookup(5)
 * fd 14       checkpw, login(5)
 * reads       control/{me,locals,apop,authmasters,uidmin,logindelaymax,
 *             pop3peruser,imapperuser,sieveperuser,imapdguests,imapdshares,
 *             messagesperhour,recipientsperhour,timeoutneighbour,
 *             timeoutspare},
 *             /etc/passwd, whether users/apop and users/scram are empty
 * writes      users/penalty, in which all logins count; users/shares
 * runs        /var/mta/bin/pop3d -s, imapd -s or sieved -s, as the user;
 *             imapd -g, as one who shares folders with him
 * exits       0 the control pair closed, or it rests; EX_USAGE; EX_NOPERM not
 *             root; EX_TEMPFAIL a neighbour is gone
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "queue/neighbour.h"
#include "service/quota.h"
#include "service/seats.h"

static const char usage[] = "usage: login pop3 | imap | sieve | smtp   (by "
			    "service/NAME/run, as a neighbour)";

enum {
	ME_MAX = 255,
	GUESTS_DEFAULT = 8,
	SHARES_DEFAULT = 200,
	SHARES_MAX = 2000,
	SPARE_S = 5
};

static const struct service {
	const char *name;
	enum login_service number;
	const char *program;
} services[] = {
	{ "pop3", LOGIN_POP3, "pop3d" },
	{ "imap", LOGIN_IMAP, "imapd" },
	{ "sieve", LOGIN_SIEVE, "sieved" },
	{ "smtp", LOGIN_SMTP, NULL },
};

static const struct service *
find_service(const char *name)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++)
		if (strcmp(name, services[i].name) == 0)
			return &services[i];
	die(EX_USAGE, "%s", usage);
}

/* What an account has sent is forgotten with us: not before its hour ends. */
static void
keep_counts(struct login_settings *settings)
{
	bool counts = settings->messages_per_hour > 0 ||
		      settings->recipients_per_hour > 0;

	if (counts && settings->rest_ms != -1 &&
	    settings->rest_ms < QUOTA_HOUR_MS)
		settings->rest_ms = QUOTA_HOUR_MS;
}

static void
read_settings(struct login_settings *settings, const struct service *service)
{
	char file[64];

	settings->service = service->number;
	settings->program = service->program;
	settings->me = control_me();
	if (settings->me.len > ME_MAX)
		die(EX_TEMPFAIL, "control/me is longer than %d bytes", ME_MAX);
	masters_read(&settings->masters);
	settings->offers_apop = control_number("apop", 1, 0, 1) == 1;
	settings->uid_min = control_number("uidmin", 1000, 1, UINT32_MAX - 1);
	settings->delay_max_ms =
	    control_number("logindelaymax", 15, 0, 60) * 1000;
	settings->rest_ms = neighbour_rest_ms();
	if (service->number == LOGIN_IMAP || service->number == LOGIN_SMTP)
		settings->guests_max =
		    control_number("imapdguests", GUESTS_DEFAULT, 0, SEATS_MAX);
	if (service->number == LOGIN_SMTP || service->number == LOGIN_IMAP) {
		settings->messages_per_hour =
		    control_number("messagesperhour", 0, 0, UINT32_MAX);
		settings->recipients_per_hour =
		    control_number("recipientsperhour", 0, 0, UINT32_MAX);
		keep_counts(settings);
	}
	if (service->program == NULL)
		return;
	snprintf(file, sizeof(file), "%speruser", service->name);
	if (service->number == LOGIN_IMAP)
		settings->shares_max = control_number(
		    "imapdshares", SHARES_DEFAULT, 1, SHARES_MAX);
	settings->sessions_per_account = control_number(file, 10, 1, SEATS_MAX);
	settings->spare_ms =
	    control_number("timeoutspare", SPARE_S, 0, 3600) * 1000;
}

int
main(int argc, char **argv)
{
	static struct login_settings settings;

	program_name("login");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc != 2)
		die(EX_USAGE, "%s", usage);
	/* Before another descriptor can have that number. */
	bool has_injector = neighbour_is_given(NEIGHBOUR_INJECT);
	read_settings(&settings, find_service(argv[1]));
	settings.has_injector = has_injector && settings.service == LOGIN_IMAP;
	if (!neighbour_is_given(NEIGHBOUR_CHECKPW) ||
	    !neighbour_is_given(NEIGHBOUR_LOOKUP))
		die(EX_USAGE, "lookup and checkpw must be neighbours");
	if (geteuid() != 0)
		die(EX_NOPERM, "it must be started as root, to become users");
	seats_serve(&settings);
	return EX_OK;
}
