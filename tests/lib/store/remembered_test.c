/*
 * remembered_test - the duplicate test of two deliveries at the same moment
 * (RFC 7352): the second waits until the first has said what it remembers.
 */

#include "store/remembered.h"

#include <errno.h>
#include <sys/wait.h>
#include <time.h>

#include "base/io.h"
#include "lib/store/maildir.h"
#include "scratch.h"
#include "store/script_host.h"

enum {
	NOW = 1000000000,
	WORK_MS = 300
};

static const struct span key = { "duplicate 0: <a@b>", 18 };
static const struct span other = { "duplicate 0: <c@d>", 18 };

static bool
ask(struct script_host *host, struct span what)
{
	return host->host.is_remembered(host, what);
}

static void
check_waiting(struct account *account)
{
	const struct timespec work = { .tv_nsec = WORK_MS * 1000000 };
	struct script_host first;
	struct script_host second;

	script_host_init(&first, account, NOW);
	CHECK("it is new", !ask(&first, key) && first.trouble == 0);
	CHECK("so it is to who asks again", !ask(&first, key));
	pid_t pid = fork();
	if (pid == 0) {
		nanosleep(&work, NULL);
		remembered_add(account_root(account), key, NOW, NOW + 60);
		script_host_end(&first);
		_exit(0);
	}
	script_host_end(&first); /* the child has it */
	script_host_init(&second, account, NOW);
	CHECK("another key waits for nobody",
	    !ask(&second, other) && second.trouble == 0);
	int64_t began_ms = clock_ms();
	CHECK("the same one until it is known",
	    ask(&second, key) && second.trouble == 0);
	CHECK("and not longer", clock_ms() - began_ms < REMEMBERED_HOLD_MS);
	script_host_end(&second);
	waitpid(pid, NULL, 0);
}

static void
check_patience(struct account *account)
{
	const struct span new = span_of("duplicate 0: <new@b>");
	struct script_host first;
	struct script_host second;

	script_host_init(&first, account, NOW);
	script_host_init(&second, account, NOW);
	ask(&first, new);
	int64_t began_ms = clock_ms();
	CHECK("one that is held for long is for later",
	    !ask(&second, new) && second.trouble == EAGAIN);
	CHECK("and that soon",
	    clock_ms() - began_ms < (int64_t)2 * REMEMBERED_HOLD_MS);
	script_host_end(&second);
	script_host_end(&first);
	script_host_init(&second, account, NOW);
	CHECK("who failed leaves it new",
	    !ask(&second, new) && second.trouble == 0);
	script_host_end(&second);
}

static void
check_impatience(struct account *account)
{
	struct script_host first;
	struct script_host second;

	script_host_init(&first, account, NOW);
	script_host_init(&second, account, NOW);
	ask(&first, span_of("held"));
	ask(&first, span_of("held, too"));
	int64_t began_ms = clock_ms();
	ask(&second, span_of("held"));
	ask(&second, span_of("held, too"));
	CHECK("a run waits once",
	    second.trouble == EAGAIN &&
		clock_ms() - began_ms < 2 * REMEMBERED_HOLD_MS);
	script_host_end(&first);
	script_host_end(&second);
}

/* No file for locks can be had: what is known is known all the same. */
static void
check_no_locks(struct account *account)
{
	struct script_host host;

	if (unlink("m/sieve/remembered-holds") == -1 ||
	    mkdir("m/sieve/remembered-holds", 0700) == -1)
		exit(1);
	script_host_init(&host, account, NOW);
	remembered_add(account_root(account), key, NOW, NOW + 60);
	CHECK("known without locks", ask(&host, key) && host.trouble == 0);
	CHECK("new without locks",
	    !ask(&host, span_of("never seen")) && host.trouble == 0);
	script_host_end(&host);
}

int
main(void)
{
	scratch_enter();
	make_maildir("m");
	struct account *account = open_account();
	check_waiting(account);
	check_patience(account);
	check_impatience(account);
	check_no_locks(account);
	return test_result();
}
