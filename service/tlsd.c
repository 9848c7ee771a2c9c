/*
 * tlsd - TLS for a server's sessions, or a client's connections: the bytes of
 * each in a process of its own that holds no key.
 *
 * started by  service/NAME/run, as a neighbour of smtpd, pop3d, imapd,
 *             sieved or remote-send
 * uid         mta-tls-smtp, mta-tls-pop3, mta-tls-imap, mta-tls-sieve or
 *             mta-tls-client; never root
 * fd 0        the control pair, tls(5)
 * fd 2        the log
 * fd 19       keyd, tls(5); not for a client
 * reads       control/me timeouttls timeoutneighbour tlsclientca, and the file
 *             that the last one names; certificates come from keyd; for a
 *             client, tlsca and its file
 * writes      nothing
 * runs        nothing
 * exits       0 the control pair closed, or it rests; EX_USAGE; EX_NOPERM if
 * root; EX_TEMPFAIL keyd is gone, or a broken control file
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
    "usage: tlsd smtp|pop3|imap|managesieve|client   (by service/NAME/run, as "
    "a neighbour)";

static const char authorities[] = "/etc/ssl/certs/ca-certificates.crt";

static const char *
known_protocol(const char *name)
{
	static const char *const protocols[] = { "smtp", "pop3", "imap",
		"managesieve", "client" };

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (strcmp(name, protocols[i]) == 0)
			return protocols[i];
	die(EX_USAGE, "%s", usage);
}

static void
open_client(struct tls_context *context)
{
	struct buf ca = control_path("tlsca");

	tls_context_open_client(
	    context, ca.len == 0 ? authorities : buf_string(&ca));
	buf_free(&ca);
}

static void
open_server(struct tls_context *context, const char *protocol)
{
	/* Both are read until the end. */
	static struct buf me;
	static struct buf client_ca;

	me = control_me();
	client_ca = control_path("tlsclientca");
	const char *me_text = buf_string(&me);
	const char *ca_text = buf_string(&client_ca);
	tls_context_open(context, me_text == NULL ? "" : me_text, protocol,
	    client_ca.len == 0 ? NULL : ca_text);
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
	bool is_client = strcmp(protocol, "client") == 0;
	if (!is_client && !neighbour_is_given(NEIGHBOUR_KEY))
		die(EX_USAGE, "key must be a neighbour; %s", usage);
	require_unprivileged();
	signal(SIGPIPE, SIG_IGN);

	int64_t timeout_ms =
	    (int64_t)control_number("timeouttls", 30, 1, 3600) * 1000;
	if (is_client)
		open_client(&context);
	else
		open_server(&context, protocol);
	tls_server_run(&context, timeout_ms);
	return EX_OK;
}
