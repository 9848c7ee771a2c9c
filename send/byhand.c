#include "send/byhand.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/die.h"
#include "base/sandbox.h"
#include "net/sources.h"
#include "queue/neighbour.h"
#include "send/connect.h"
#include "send/groups.h"

enum {
	HOPS_MAX = 64 * 1024
};

struct byhand {
	char **recipients;
	int code;
};

static void
print_verdict(void *context, const struct verdict *verdict)
{
	struct byhand *byhand = context;
	const char *word = "later";

	if (verdict->kind == VERDICT_DELIVERED) {
		word = "delivered";
	} else if (verdict->kind == VERDICT_FAILED) {
		word = "failed";
		byhand->code = EX_UNAVAILABLE;
	} else if (byhand->code == EX_OK) {
		byhand->code = EX_TEMPFAIL;
	}
	struct buf line = buf_new(PACKET_MAX);

	buf_printf(
	    &line, "%s: %s: ", byhand->recipients[verdict->number], word);
	buf_add(&line, verdict->code);
	buf_add_char(&line, ' ');
	buf_add(&line, verdict->text);
	buf_add_char(&line, '\n');
	if (!write_all(STDOUT_FILENO, buf_span(&line)))
		byhand->code = EX_IOERR;
	buf_free(&line);
}

/* HOST, [ADDRESS], either with :PORT, to the text of its addresses. */
static struct buf
find_host(struct send_settings *settings, const char *argument)
{
	struct span rest = span_of(argument);
	struct span host;
	struct buf name = buf_new(NI_MAXHOST);
	struct buf hops = buf_new(HOPS_MAX);
	struct addrinfo *found = NULL;
	const struct addrinfo wanted = { .ai_socktype = SOCK_STREAM };
	char address[NI_MAXHOST];
	uint64_t port = settings->port;

	if (rest.len > 0 && rest.ptr[0] == '[') {
		span_cut(&rest, '[');
		host = span_cut(&rest, ']');
		span_cut(&rest, ':');
	} else {
		host = span_cut(&rest, ':');
	}
	if (rest.len > 0 && !span_number(rest, 10, UINT16_MAX, &port))
		die(EX_USAGE, "no such port: %s", argument);
	settings->port = (uint16_t)port;
	buf_add(&name, host);
	if (host.len == 0 || buf_string(&name) == NULL)
		die(EX_USAGE, "no such host: %s", argument);
	int error = getaddrinfo(buf_string(&name), NULL, &wanted, &found);
	if (error != 0)
		die(error == EAI_NONAME ? EX_NOHOST : EX_TEMPFAIL, "%s: %s",
		    argument, gai_strerror(error));
	for (const struct addrinfo *i = found; i != NULL; i = i->ai_next) {
		if (getnameinfo(i->ai_addr, i->ai_addrlen, address,
			sizeof(address), NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		dns_add_hop(&hops, &(struct dns_hop){ .host = host,
				       .address = span_of(address) });
	}
	freeaddrinfo(found);
	buf_free(&name);
	return hops;
}

/* The message where pread can reach it: a pipe is copied into memory first. */
static int
take_message(uint64_t *length)
{
	struct stat status;
	char bytes[16384];
	ssize_t got;

	if (fstat(STDIN_FILENO, &status) == -1)
		die_errno(EX_NOINPUT, "there is no message on descriptor 0");
	if (S_ISREG(status.st_mode)) {
		*length = (uint64_t)status.st_size;
		return STDIN_FILENO;
	}
	int fd = memfd_create("message", MFD_CLOEXEC);
	if (fd == -1)
		temp_fail("cannot make room for the message");
	*length = 0;
	while ((got = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0) {
		if (!write_all(fd, (struct span){ bytes, (size_t)got }))
			temp_fail("cannot keep the message");
		*length += (uint64_t)got;
	}
	if (got == -1)
		temp_fail("cannot read the message");
	return fd;
}

static bool
has_utf8(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return true;
	return false;
}

int
byhand_run(struct send_settings *settings, char **arguments)
{
	static struct connection connection = { .fd = -1 };
	struct byhand byhand = { .recipients = arguments + 2, .code = EX_OK };
	struct verdicts verdicts = { .give = print_verdict,
		.context = &byhand };
	struct buf recipients = buf_new(PACKET_MAX);
	struct buf hops = find_host(settings, arguments[0]);
	struct delivery delivery = { .sender = span_of(arguments[1]),
		.needs_utf8 = has_utf8(arguments[1]) };

	for (char **i = byhand.recipients; *i != NULL; i++) {
		record_add_string(&recipients, 'T', *i);
		delivery.needs_utf8 |= has_utf8(*i);
		verdicts.count++;
	}
	if (verdicts.count > DELIVERY_RECIPIENTS_MAX || recipients.overflow)
		die(EX_USAGE, "at most %d recipients at once",
		    DELIVERY_RECIPIENTS_MAX);
	verdicts.left = verdicts.count;
	delivery.recipients = buf_span(&recipients);
	int message = take_message(&delivery.length);
	const struct helpers helpers = { .resolve = -1,
		.tls = settings->has_tls ? neighbour_open_session(NEIGHBOUR_TLS)
					 : -1,
		.auth = -1,
		.sts = -1,
		.manager = -1 };
	const struct demand demand = { .need = NEED_POLICY,
		.source = sources_find(
		    &settings->sources, delivery.sender, span_of("")) };

	require_unprivileged();
	sandbox_enter(SANDBOX_CONNECT);
	if (connection_open_to(&connection, settings, &helpers, buf_span(&hops),
		&demand, &verdicts)) {
		groups_run(&connection, &delivery, message, &verdicts);
		verdicts_give_rest(&verdicts, VERDICT_LATER, "4.3.0",
		    "no verdict was reached");
		connection_close(&connection);
	}
	buf_free(&recipients);
	buf_free(&hops);
	return byhand.code;
}
