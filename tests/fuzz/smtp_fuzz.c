/*
 * smtp_fuzz - whatever a client sends, commands, DATA and BDAT: nothing is
 * accepted that the queue has not taken, and here it takes none.  The first
 * byte says which of SMTP, submission, LMTP and XCLIENT it is.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smtpd/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	AS_SUBMISSION = 1,
	AS_LMTP = 2,
	AS_PROXY = 4
};

static int
make_file(struct span bytes)
{
	int fd = memfd_create("smtp", MFD_CLOEXEC);

	if (fd == -1 || !write_all(fd, bytes) || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

/* A queue-inject that has gone. */
static int
gone(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		abort();
	close(pair[1]);
	return pair[0];
}

static struct settings
settings_of(uint8_t kind)
{
	static struct network all; /* ::/0 */
	struct settings settings = { .me = buf_new(100),
		.size_max = 30000,
		.recipients_max = 10,
		.hops_max = 20,
		.fields_max = 50,
		.junk_max = 1000,
		.errors_max = 1000,
		.messages_max = 100,
		.hold_max_s = 86400,
		.by_min_s = 60,
		.priority_max = 4,
		.pace = { .command_ms = 5000,
		    .session_ms = 60000,
		    .window_ms = 5000 },
		.is_submission = (kind & AS_SUBMISSION) != 0,
		.is_lmtp = (kind & AS_LMTP) != 0,
		.login_at = -1,
		.tls_at = -1,
		.filters_at = -1 };

	buf_add_string(&settings.me, "mx.example.org");
	if (kind & AS_PROXY)
		settings.xclient_nets = (struct network_list){ &all, 1 };
	return settings;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct settings settings = settings_of(data[0]);
	struct session *session = calloc(1, sizeof(*session));
	const struct neighbours neighbours = { -1, gone(), -1, -1, -1, -1,
		NULL };
	struct peer peer;
	int in = make_file((struct span){ (const char *)data + 1, size - 1 });
	int out = open("/dev/null", O_WRONLY | O_CLOEXEC);

	signal(SIGPIPE, SIG_IGN);
	peer_describe(in, &peer);
	peer.address.ss_family = AF_INET;
	if (session == NULL || out == -1)
		abort();
	session_serve(session, in, out, &peer, &neighbours, &settings);
	if (session->messages != 0)
		abort();
	session_free(session);
	free(session);
	buf_free(&settings.me);
	close(neighbours.inject);
	close(in);
	close(out);
	return 0;
}
