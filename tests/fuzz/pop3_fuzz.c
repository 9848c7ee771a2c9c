/*
 * pop3_fuzz - whatever a client sends after the log-in, nothing is removed
 * without QUIT and every line is answered or refused.
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "pop3d/transaction.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
make_file(struct span bytes)
{
	int fd = memfd_create("pop3", MFD_CLOEXEC);

	if (fd == -1 || !write_all(fd, bytes) || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char mbox[] = "From a\nS: 1\n\n.\n.x\n\nFrom b\nS: 2\n\n";
	struct transaction_settings settings = {
		.timeout_s = 5, .errors_max = 20, .user = "", .peer = ""
	};
	struct transaction_counts counts;
	struct store *store;
	char name[64];
	int in = make_file((struct span){ (const char *)data, size });
	int out = open("/dev/null", O_WRONLY | O_CLOEXEC);

	snprintf(name, sizeof(name), "/tmp/pop3_fuzz.%ld", (long)getpid());
	int file = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file == -1 || !write_all(file, span_of(mbox)))
		abort();
	snprintf(name, sizeof(name), "mbox:/tmp/pop3_fuzz.%ld", (long)getpid());
	if (store_open(&store, name, 1000, NULL) != STORE_OK)
		abort();
	transaction_converse(in, out, store, &settings, &counts);
	if (lseek(file, 0, SEEK_END) != (off_t)sizeof(mbox) - 1 &&
	    counts.deleted == 0)
		abort();
	store_close(store);
	unlink(name + 5);
	close(in);
	close(out);
	close(file);
	return 0;
}
