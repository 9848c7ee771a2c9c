/*
 * sendmail - the command that every Unix program sends mail with.
 *
 * started by  anyone
 * uid         the caller's
 * fd 0        the message (-bs: the client)
 * reads       control/me
 * runs        queue-inject; for -bs smtpd, -bp and -q mailq, for -qR and -qS
 *             queue, -bi newaliases
 * exits       0 only when the message is kept; else sysexits(3): EX_USAGE,
 *             EX_DATAERR, EX_NOUSER without recipients, EX_TEMPFAIL
 */

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/die.h"
#include "base/paths.h"
#include "mail/addr.h"
#include "queue/sendmail.h"

static _Noreturn void
become(const char *program, const char *first, const char *second)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", MTA_BIN, program);
	execl(path, program, first, second, (char *)NULL);
	die_errno(EX_OSERR, "cannot execute %s", path);
}

/* -qR and -qS: what has that text in it, as fnmatch(3) would have it said. */
static _Noreturn void
retry_matching(char key, const char *text)
{
	struct buf pattern = buf_new((size_t)2 * PATH_MAX);

	if (text[0] == '\0')
		die(EX_USAGE, "-q%c takes a part of an address", key);
	buf_add_char(&pattern, '*');
	for (const char *at = text; *at != '\0'; at++) {
		if (strchr("*?[\\", *at) != NULL)
			buf_add_char(&pattern, '\\');
		buf_add_char(&pattern, *at);
	}
	buf_add_char(&pattern, '*');
	const char *wanted = buf_string(&pattern);
	if (wanted == NULL)
		die(EX_USAGE, "-q%c: the text is too long", key);
	execl(MTA_BIN "/queue", "queue", "retry", key == 'R' ? "-r" : "-f",
	    wanted, (char *)NULL);
	die_errno(EX_OSERR, "cannot execute queue");
}

static _Noreturn void
run_queue(const struct options *options)
{
	if (options->queue_key == '\0')
		become("mailq", "-q", NULL);
	if (options->queue_key != 'I')
		retry_matching(options->queue_key, options->argument);
	execl(MTA_BIN "/mailq", "mailq", "-q", "-I", options->argument,
	    (char *)NULL);
	die_errno(EX_OSERR, "cannot execute mailq");
}

/* -bv: all that can be said without being asked to deliver. */
static int
verify(const struct options *options)
{
	int code = EX_OK;

	for (char **name = options->recipients; *name != NULL; name++) {
		struct addr addr;
		bool is_good =
		    strchr(*name, '@') == NULL ||
		    addr_parse_mailbox(span_of(*name), &addr) == ADDR_OK;

		printf("%s: %s\n", *name,
		    is_good ? "a good address" : "not an address");
		if (!is_good)
			code = EX_DATAERR;
	}
	return code;
}

int
main(int argc, char **argv)
{
	struct options options;

	program_name("sendmail");
	signal(SIGPIPE, SIG_IGN);
	options_parse(&options, argc, argv);
	switch (options.mode) {
	case 'm':
		return submit_message(&options);
	case 's':
		become("smtpd", NULL, NULL);
	case 'p':
		become("mailq", NULL, NULL);
	case 'q':
		run_queue(&options);
	case 'i':
		become("newaliases",
		    options.argument == NULL ? NULL : options.argument, NULL);
	case 'v':
		return verify(&options);
	case 'h':
	case 'H':
		puts("there is no host status here: see mailq");
		return EX_OK;
	case 'd':
	case 'l':
		puts("the services are started by: mtactl start");
		return EX_OK;
	case 't':
		die(EX_USAGE, "there are no rewriting rules to test here");
	default:
		die(EX_USAGE, "no such mode: -b%c", options.mode);
	}
}
