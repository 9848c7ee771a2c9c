/*
 * sieve-deliver - messages into one Maildir, as its owner's Sieve script says.
 *
 * started by  local-deliver's deliverers (local/filer.h), as a Maildir's owner
 * uid         the owner; never root; confined to the Maildir and to scripts
 *             that all may include
 * fd 0        the pair with the deliverer: commands with the queue file and, if
 *             it was asked for, a session with queue-inject; a verdict each
 * fd 2        the log
 * reads       control/{me,recipientdelimiter,maxhops,sieveredirects,
 *             maxfolders,quota,specialfolders}; MAILDIR/sieve;
 *             sieve/NAME.sieve
 * writes      the Maildir; MAILDIR/sieve/remembered*
 * exits       0 the pair is closed; EX_USAGE; EX_NOPERM if root; EX_PROTOCOL;
 *             EX_TEMPFAIL the Maildir cannot be opened
 */

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
#include "local/filing.h"
#include "queue/neighbour.h"

static const char usage[] = "usage: sieve-deliver MAILDIR   (by local-deliver, "
			    "which hands it messages)";

enum {
	TEXT_MAX = 4096
};

static void
open_maildir(struct filing *filing, const char *path)
{
	struct buf name = buf_new(PACKET_MAX);

	filing->path = path;
	filing->me = control_me();
	filing->delimiters = control_word("recipientdelimiter", "+");
	filing->redirects_max = scripts_redirects_max();
	filing->hops_max = control_number("maxhops", 100, 10, 1000);
	buf_add_string(&name, "maildir:");
	buf_add_string(&name, path);
	const char *string = buf_string(&name);
	if (string == NULL ||
	    account_open(&filing->account, string) != ACCOUNT_OK)
		temp_fail("cannot open %s", path);
	buf_free(&name);
}

static void
close_jail(const char *path)
{
	const struct landlock_path paths[] = {
		{ path, LANDLOCK_READ | LANDLOCK_WRITE },
		{ MTA_SIEVE, LANDLOCK_READ },
	};

	if (!sandbox_is_sanitized() && !landlock_restrict(paths, 2, true))
		temp_fail("cannot close the jail (landlock)");
	sandbox_enter(SANDBOX_READ_FILES | SANDBOX_WRITE_FILES);
}

static bool
answer(struct buf *bytes, const struct verdict *verdict)
{
	buf_clear(bytes);
	verdict_add(bytes, verdict);
	return packet_send(NEIGHBOUR_SELF, buf_span(bytes), NULL, 0);
}

static void
deliver(const struct filing *filing, struct packet *packet, struct buf *text,
    struct verdict *verdict)
{
	struct command command;

	if (!command_parse(packet_span(packet), &command) ||
	    command.kind != COMMAND_MAILDIR)
		die(EX_PROTOCOL, "not a command for a Maildir");
	int message_fd = packet_take_fd(packet, 0);
	int session = packet_take_fd(packet, 1);
	if (message_fd == -1)
		die(EX_PROTOCOL, "no queue file came with the command");
	filing_deliver(filing, &command, message_fd, session, text, verdict);
	verdict->number = command.number;
	close(message_fd);
	if (session != -1)
		close(session);
}

int
main(int argc, char **argv)
{
	static struct packet packet;
	struct filing filing;
	struct buf text = buf_new(TEXT_MAX);
	struct buf bytes = buf_new(PACKET_MAX);
	struct verdict verdict;

	program_name("sieve-deliver");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc != 2 || argv[1][0] != '/' ||
	    !neighbour_is_pair_end(NEIGHBOUR_SELF))
		die(EX_USAGE, "%s", usage);
	require_unprivileged();
	signal(SIGPIPE, SIG_IGN);
	umask(0); /* each file's mode is given where it is made */
	open_maildir(&filing, argv[1]);
	close_jail(argv[1]);
	while (packet_receive(NEIGHBOUR_SELF, &packet) == 1) {
		deliver(&filing, &packet, &text, &verdict);
		packet_close_fds(&packet);
		if (!answer(&bytes, &verdict))
			break;
	}
	account_close(filing.account);
	return EX_OK;
}
