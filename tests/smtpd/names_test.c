/*
 * names_test - VRFY and EXPN say 252 when lookup has no answer, which is no
 * refusal, and yet such a session is of no use to the client's next.
 */

#include <string.h>
#include <unistd.h>

#include "smtpd/session.h"

#include "test.h"

typedef void handler(struct session *session, struct span argument);

/* Does a session that lookup has failed count as one without a fault? */
static bool
is_without_fault(handler *handle)
{
	static struct session session;
	static struct peer peer = { .text = "192.0.2.1" };
	static struct settings settings = { .errors_max = 20 };
	char said[200];
	int client[2];
	int lookup[2];

	if (pipe(client) == -1 || !packet_pair(lookup))
		return false;
	close(lookup[1]);
	session.settings = &settings;
	session.peer = &peer;
	session.is_trusted = true;
	session.has_refused = false;
	session.neighbours.lookup = lookup[0];
	writer_init(&session.out, client[1], 1000);
	handle(&session, span_of("joe"));
	writer_flush(&session.out);
	ssize_t got = read(client[0], said, sizeof(said));
	CHECK("252", got > 4 && memcmp(said, "252 ", 4) == 0);
	close(lookup[0]);
	close(client[0]);
	close(client[1]);
	return !session.has_refused;
}

int
main(void)
{
	CHECK("not after VRFY", !is_without_fault(handle_vrfy));
	CHECK("nor after EXPN", !is_without_fault(handle_expn));
	return test_result();
}
