/*
 * sieved_fuzz - whatever a client of ManageSieve sends: what is read stays
 * within the command, and what is stored is a script of a name that one can
 * have.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "local/sieve_session.h"
#include "sieve/sieve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct scripts_limits limits = { .count = 4, .size = 2048 };

static int
make_file(struct span bytes)
{
	int fd = memfd_create("sieved", MFD_CLOEXEC);

	if (fd == -1 || !write_all(fd, bytes) || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

static bool
check_one(void *context, struct span name, bool is_active)
{
	int maildir = *(const int *)context;
	struct buf text = buf_new(limits.size);
	struct buf faults = buf_new(SIEVE_ERRORS_MAX);

	(void)is_active;
	if (!scripts_is_name(name) ||
	    scripts_read(maildir, name, &text) != SCRIPTS_OK)
		abort();
	struct sieve_script *script = sieve_compile(buf_span(&text), &faults);
	if (script == NULL)
		abort();
	sieve_free(script);
	buf_free(&text);
	buf_free(&faults);
	return true;
}

/* What is there now can be told, read and run; the active one is kept. */
static void
check_all(struct account *account)
{
	int maildir = account_root(account);
	struct buf name = buf_new(SCRIPTS_NAME_MAX);

	if (!scripts_list(maildir, check_one, &maildir))
		abort();
	if (scripts_active(maildir, &name) == SCRIPTS_OK &&
	    scripts_delete(maildir, buf_span(&name)) != SCRIPTS_ACTIVE)
		abort();
	buf_free(&name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct account *account; /* kept: what one input leaves, the
					   next finds */
	const struct sieve_session_settings settings = { .timeout_s = 5,
		.errors_max = 100,
		.limits = limits,
		.user = "",
		.peer = "" };
	char name[64];
	int in = make_file((struct span){ (const char *)data, size });
	int out = open("/dev/null", O_WRONLY | O_CLOEXEC);

	snprintf(
	    name, sizeof(name), "maildir:/tmp/sieved_fuzz.%ld", (long)getpid());
	if (account == NULL && account_open(&account, name) != ACCOUNT_OK)
		abort();
	sieve_session_run(in, out, account, &settings);
	check_all(account);
	close(in);
	close(out);
	return 0;
}
