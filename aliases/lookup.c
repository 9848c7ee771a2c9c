/*
 * lookup - what an address is: mailbox, alias, elsewhere, unknown.
 *
 * started by  service/{smtpd,queue}/run, as a neighbour; by hand with addresses
 * uid         mta-lookup; refuses to be root as a neighbour
 * fd 0        the control pair, lookup(5); sessions are opened over it
 * fd 1        by hand: the answers
 * fd 2        the log
 * reads       /etc/passwd, /var/mta/tables/aliases.cdb,
 *             /var/mta/users/accounts.cdb, control/{me,locals,virtualdomains,
 *             rcpthosts,recipientdelimiter,defaultdelivery,postmaster,uidmin};
 *             each again when it changes
 * writes      nothing
 * exits       0 the control pair closed; by hand EX_NOUSER if an address is
 *             unknown; EX_USAGE; EX_NOPERM if root; EX_TEMPFAIL a broken
 *             control file or table
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aliases/requests.h"
#include "base/die.h"
#include "base/sandbox.h"
#include "queue/neighbour.h"
#include "queue/sessions.h"

static const char usage[] = "usage: lookup [ADDRESS...]";

static void
print_span(const char *name, struct span value)
{
	if (value.len > 0)
		printf(" %s=%.*s", name, (int)value.len, value.ptr);
}

static void
print_answer(const char *address, const struct lookup_answer *answer)
{
	static const char *const kinds[] = { "mailbox", "alias", "remote",
		"relay", "unknown", "later" };

	printf("%s: %s", address, kinds[answer->kind]);
	if (answer->kind == LOOKUP_MAILBOX)
		printf(" uid=%llu gid=%llu", (unsigned long long)answer->uid,
		    (unsigned long long)answer->gid);
	print_span("account", answer->account);
	print_span("home", answer->home);
	print_span("mailbox", answer->mailbox);
	print_span("extension", answer->extension);
	print_span("target", answer->target);
	print_span("owner", answer->owner);
	print_span("why", answer->text);
	putchar('\n');
}

static int
answer_by_hand(struct directory *directory, char **addresses)
{
	struct lookup_answer answer;
	int code = EX_OK;

	for (; *addresses != NULL; addresses++) {
		answer_find(directory, span_of(*addresses), &answer);
		print_answer(*addresses, &answer);
		if (answer.kind == LOOKUP_LATER)
			code = EX_TEMPFAIL;
		else if (answer.kind == LOOKUP_UNKNOWN && code == EX_OK)
			code = EX_NOUSER;
	}
	return fflush(stdout) == 0 ? code : EX_IOERR;
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
	struct directory directory;
	int option;

	program_name("lookup");
	while ((option = getopt(argc, argv, ":h")) != -1) {
		if (option != 'h')
			die(EX_USAGE, "%s", usage);
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	}
	if (optind == argc && !is_socket(NEIGHBOUR_SELF))
		die(EX_USAGE,
		    "name an address, or start it through "
		    "neighbour(8); %s",
		    usage);
	directory_open(&directory);
	if (optind < argc) {
		int code = answer_by_hand(&directory, argv + optind);

		directory_close(&directory);
		return code;
	}
	struct sessions *sessions = sessions_open(requests_handle, &directory);
	require_unprivileged();
	sandbox_enter(SANDBOX_READ_FILES);
	sessions_serve(sessions);
	directory_close(&directory);
	return EX_OK;
}
