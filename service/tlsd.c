/*
 * tlsd - TLS for a server's sessions: each client's bytes in a process of its
 * own that holds no key.
 *
 * started by  service/NAME/run, as a neighbour of smtpd or pop3d
 * uid         mta-tls-smtp, mta-tls-pop3 or mta-tls-imap; never root
 * fd 0        the control pair, tls(5)
 * fd 2        the log
 * fd 19       keyd, tls(5)
 * reads       control/me timeouttls tlsclientca, and the file that the last
 *             one names; certificates come from keyd
 * writes      nothing
 * runs        nothing
 * exits       0 the control pair closed; EX_USAGE; EX_NOPERM if root;
 *             EX_TEMPFAIL keyd is gone, or a broken control file
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/control.h"
#include "base/die.h"
#include "base/sandbox.h"
#include "queue/neighbour.h"
#include "service/tls_server.h"

static const char usage[] =
    "usage: tlsd smtp|pop3|imap   (by service/NAME/run, as a neighbour)";

static const char *
known_protocol(const char *name)
{
	static const char *const protocols[] = { "smtp", "pop3", "imap" };

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (strcmp(name, protocols[i]) == 0)
			return protocols[i];
	die(EX_USAGE, "%s", usage);
}

int
main(int argc, char **argv)
{
	static struct tls_context context;

	program_name("tlsd");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc != 2)
		die(EX_USAGE, "%s", usage);
	const char *protocol = known_protocol(argv[1]);
	if (!neighbour_is_given(NEIGHBOUR_KEY))
		die(EX_USAGE, "key must be a neighbour; %s", usage);
	require_unprivileged();
	signal(SIGPIPE, SIG_IGN);

	struct buf me = control_me();
	struct buf client_ca = control_path("tlsclientca");
	int64_t timeout_ms =
	    (int64_t)control_number("timeouttls", 30, 1, 3600) * 1000;
	const char *me_text = buf_string(&me);
	const char *ca_text = buf_string(&client_ca);
	tls_context_open(&context, me_text == NULL ? "" : me_text, protocol,
	    client_ca.len == 0 ? NULL : ca_text);
	tls_server_run(&context, timeout_ms);
	return EX_OK;
}
