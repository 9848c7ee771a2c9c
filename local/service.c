#include "local/service.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/io.h"
#include "base/sandbox.h"

enum {
	SPAWNER_FD = 3, /* its pair with the parser */
	CONCURRENCY_DEFAULT = 20,
	UIDMIN_DEFAULT = 1000,
	TIMEOUT_DEFAULT_S = 600,
	TIMEOUT_MAX_S = 86400
};

static const struct passwd *
need_user(const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL)
		die(EX_TEMPFAIL, "no user %s: run make install, which makes it",
		    name);
	if (user->pw_uid == 0 || user->pw_gid == 0)
		die(EX_TEMPFAIL, "the user %s must not be root", name);
	return user;
}

static void
set_users(struct service *service)
{
	const struct passwd *user = need_user("mta-local");
	const struct group *mail = getgrnam("mail");

	service->parser_uid = user->pw_uid;
	service->parser_gid = user->pw_gid;
	user = need_user("mta-alias");
	service->spawner.alias_uid = user->pw_uid;
	service->spawner.alias_gid = user->pw_gid;
	service->spawner.queue_uids[0] = need_user("mta-inject")->pw_uid;
	service->spawner.queue_uids[1] = need_user("mta-queue")->pw_uid;
	service->spawner.mail_gid = mail == NULL ? 0 : mail->gr_gid;
}

/* By hand, as an ordinary user: only his own mailbox can be written. */
static void
set_own_user(struct service *service)
{
	service->parser_uid = getuid();
	service->parser_gid = getgid();
	service->spawner.alias_uid = getuid();
	service->spawner.alias_gid = getgid();
}

void
service_configure(struct service *service)
{
	uint64_t count = control_number(
	    "concurrencylocal", CONCURRENCY_DEFAULT, 1, DELIVERERS_MAX);

	*service = (struct service){ .busy_max = (size_t)count };
	service->spawner.uid_min = (unsigned)control_number(
	    "uidmin", UIDMIN_DEFAULT, 1, UINT32_MAX - 1);
	service->spawner.program_timeout_ms =
	    1000 * (int64_t)control_number(
		       "programtimeout", TIMEOUT_DEFAULT_S, 1, TIMEOUT_MAX_S);
	service->parser.expander.may_include_programs =
	    control_number("includeprograms", 0, 0, 1) == 1;
	service->parser.host = control_me();
	if (geteuid() == 0)
		set_users(service);
	else
		set_own_user(service);
	service->parser.expander.alias_uid = service->spawner.alias_uid;
	service->parser.expander.alias_gid = service->spawner.alias_gid;
}

static _Noreturn void
be_parser(struct service *service, const int pairs[3], int spawner_fd)
{
	struct parser *parser = &service->parser;

	parser_init(parser, pairs[0], spawner_fd, service->busy_max);
	answers_init(&parser->answers, pairs[1]);
	parser->inject_fd = pairs[2];
	if (geteuid() == 0)
		become_user(service->parser_uid, service->parser_gid, NULL, 0);
	require_unprivileged();
	sandbox_enter(SANDBOX_SOCKETPAIR);
	exit(parser_run(parser));
}

/* Nothing of the parser's pairs stays with root or its children. */
static void
keep_only(int spawner_fd)
{
	int null = open("/dev/null", O_RDWR);

	if (null == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    dup2(spawner_fd, SPAWNER_FD) == -1)
		temp_fail("cannot place descriptors");
	closefrom(SPAWNER_FD + 1);
	fd_set_cloexec(SPAWNER_FD, true);
}

int
service_run(
    struct service *service, int manager_fd, int lookup_fd, int inject_fd)
{
	const int pairs[3] = { manager_fd, lookup_fd, inject_fd };
	int ends[2];

	if (!packet_pair(ends))
		temp_fail("cannot make a socketpair");
	pid_t parser = fork();
	if (parser == -1)
		temp_fail("cannot fork");
	if (parser == 0) {
		close(ends[1]);
		be_parser(service, pairs, ends[0]);
	}
	keep_only(ends[1]);
	service->spawner.parser_fd = SPAWNER_FD;
	return spawner_run(&service->spawner);
}
