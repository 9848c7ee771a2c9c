/* spare_test - a client is served by one process: it is handed over, or not. */

#include "queue/spare.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "base/packet.h"
#include "queue/login.h"
#include "queue/sharing.h"
#include "test.h"

enum {
	WAIT_MS = 30000
};

static char folder[] = "/tmp/spare_test.XXXXXX";
static char mailbox[64];

/* The program's side, in a process of its own: 0 if it has served one. */
static pid_t
begin_program(int login, int client, const char *name)
{
	struct spare_client next = { .peer = buf_new(LOGIN_PEER_MAX),
		.input = buf_new(LOGIN_INPUT_MAX) };
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	dup2(client, STDIN_FILENO);
	dup2(client, STDOUT_FILENO);
	dup2(login, LOGIN_SHARING_FD);
	closefrom(LOGIN_SHARING_FD + 1);
	struct spare spare = spare_begin(LOGIN_SHARING_FD, name);
	if (!spare_wait(&spare, &next))
		_exit(1);
	bool is_whole =
	    span_equal(buf_span(&next.peer), span_of("192.0.2.7")) &&
	    span_equal(buf_span(&next.input), span_of("x i-default\n")) &&
	    write(STDOUT_FILENO, "+", 1) == 1;
	_exit(is_whole ? 0 : 2);
}

static int
end_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
is_readable(int fd, char *byte)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };

	return poll(&polled, 1, WAIT_MS) == 1 && read(fd, byte, 1) == 1;
}

/* Its client leaves, and another one comes, for the account given. */
static void
check_hand_over(const char *label, const struct spare_account *account,
    const char *name, bool is_taken)
{
	static struct packet packet;
	struct sharing_record record;
	int login[2], old[2], new[2], pair[2];
	char byte = ' ';

	CHECK("pairs", packet_pair(login) && packet_pair(pair) &&
			   socketpair(AF_UNIX, SOCK_STREAM, 0, old) == 0 &&
			   socketpair(AF_UNIX, SOCK_STREAM, 0, new) == 0);
	pid_t pid = begin_program(login[1], old[1], name);
	close(login[1]);
	close(old[1]);
	CHECK(
	    label, sharing_receive(login[0], &packet, &record, WAIT_MS) == 1 &&
		       record.kind == SHARING_SPARE);
	CHECK("its client sees the end", !is_readable(old[0], &byte));
	/* What nobody waits for any more is passed over. */
	sharing_send(login[0], SHARING_LATER, span_of(""), -1);
	sharing_send(login[0], SHARING_NEXT, span_of(""), pair[0]);
	close(pair[0]);
	CHECK(label, spare_hand_over(pair[1], account, span_of("192.0.2.7"),
			 span_of("x i-default\n"), new[1]) == is_taken);
	close(new[1]);
	CHECK("it is served, or not", is_readable(new[0], &byte) == is_taken);
	CHECK("its end", end_of(pid) == (is_taken ? 0 : 1));
	close(login[0]);
	close(old[0]);
	close(new[0]);
	close(pair[1]);
}

/* One that says yes too late has no client; one just in time has. */
static void
check_lateness(bool is_in_time)
{
	const struct spare_account own = { getuid(), getgid(),
		span_of(mailbox) };
	int pair[2], client[2];

	CHECK("pairs", packet_pair(pair) &&
			   socketpair(AF_UNIX, SOCK_STREAM, 0, client) == 0);
	if (is_in_time)
		sharing_send(pair[0], SHARING_YES, span_of(""), -1);
	CHECK(is_in_time ? "a yes" : "no answer in time",
	    spare_hand_over(pair[1], &own, span_of("192.0.2.7"), span_of(""),
		client[1]) == is_in_time);
	CHECK("a yes that comes later is not heard",
	    is_in_time || !sharing_send(pair[0], SHARING_YES, span_of(""), -1));
	close(pair[0]);
	close(pair[1]);
	close(client[0]);
	close(client[1]);
}

static void
check_ends(void)
{
	int login[2];

	CHECK("a pair", packet_pair(login));
	pid_t pid = begin_program(login[1], login[1], mailbox);
	close(login[1]);
	close(login[0]);
	CHECK("login is gone: it ends", end_of(pid) == 1);
	struct spare spare = spare_begin(5, "mbox:/var/mail/joe");
	CHECK("an mbox has one client", spare.login == -1);
	spare = spare_begin(5, "maildir:/nonexistent");
	CHECK("and what is not there", spare.login == -1);
	spare = spare_begin(5, mailbox);
	spare.begun_ms -= SPARE_AGE_MS;
	CHECK("one that is old", spare.login == 5 && !spare_wait(&spare, NULL));
	CHECK("a pair", packet_pair(login));
	spare = spare_begin(login[1], mailbox);
	spare.begun_ms -= SPARE_AGE_MS - 200;
	CHECK("one that grows old while it waits", !spare_wait(&spare, NULL));
	close(login[0]);
	close(login[1]);
	spare = spare_begin(5, mailbox);
	spare.uses = SPARE_USES_MAX - 1;
	CHECK("one that has had many", !spare_wait(&spare, NULL));
}

int
main(void)
{
	CHECK("a folder", mkdtemp(folder) != NULL);
	snprintf(mailbox, sizeof(mailbox), "maildir:%s", folder);
	const struct spare_account own = { getuid(), getgid(),
		span_of(mailbox) };
	const struct spare_account others = { getuid() + 1, getgid(),
		span_of(mailbox) };
	const struct spare_account elsewhere = { getuid(), getgid(),
		span_of("maildir:/tmp") };

	signal(SIGPIPE, SIG_IGN);
	check_hand_over("its own", &own, mailbox, true);
	check_hand_over("another uid", &others, mailbox, false);
	check_hand_over("another mailbox", &elsewhere, mailbox, false);
	check_lateness(true);
	check_lateness(false);
	check_ends();
	rmdir(folder);
	return test_result();
}
