/*
 * imap_fuzz - whatever a client sends before or after the log-in: what
 * parses stays within the command, and the session stays within the Maildir.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "imapd/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
make_file(struct span bytes)
{
	int fd = memfd_create("imap", MFD_CLOEXEC);

	if (fd == -1 || !write_all(fd, bytes) || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct account *account; /* kept: what one input leaves, the
					   next finds */
	const struct session_settings settings = { .timeout_s = 5,
		.errors_max = 100,
		.command_max = 8192,
		.message_max = 65536,
		.convert_messages = 4,
		.convert_parts = 4,
		.convert_size = 65536,
		.user = "",
		.peer = "" };
	char name[64];
	int in = make_file((struct span){ (const char *)data, size });
	int out = open("/dev/null", O_WRONLY | O_CLOEXEC);

	snprintf(
	    name, sizeof(name), "maildir:/tmp/imap_fuzz.%ld", (long)getpid());
	if (account == NULL && account_open(&account, name) != ACCOUNT_OK)
		abort();
	session_serve_mailbox(in, out, account, &settings);
	close(in);
	close(out);
	return 0;
}
