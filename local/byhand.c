#include "local/byhand.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "base/sandbox.h"
#include "local/header.h"
#include "local/service.h"

enum {
	ANSWER_TIMEOUT_MS = 90000000 /* over the longest programtimeout */
};

/* ---- neighbours that no run script gave ---- */

static _Noreturn void
be_neighbour(int end, const char *user_name, const char *path, const char *name,
    const char *argument)
{
	const struct passwd *user = getpwnam(user_name);

	if (geteuid() == 0 && user == NULL)
		die(EX_TEMPFAIL, "no user %s: run make install", user_name);
	if (geteuid() == 0)
		become_user(user->pw_uid, user->pw_gid, NULL, 0);
	if (dup2(end, NEIGHBOUR_SELF) == -1)
		temp_fail("cannot place a pair");
	execl(path, name, argument, (char *)NULL);
	temp_fail("cannot execute %s", path);
}

static int
start_neighbour(
    const char *user, const char *path, const char *name, const char *argument)
{
	int ends[2];

	if (!packet_pair(ends))
		temp_fail("cannot make a socketpair");
	pid_t child = fork();
	if (child == -1)
		temp_fail("cannot fork");
	if (child == 0)
		be_neighbour(ends[1], user, path, name, argument);
	close(ends[1]);
	return ends[0];
}

static int
find_lookup(void)
{
	return neighbour_is_given(NEIGHBOUR_LOOKUP)
		   ? NEIGHBOUR_LOOKUP
		   : start_neighbour(
			 "mta-lookup", MTA_BIN "/lookup", "lookup", NULL);
}

/* Without root the queue's service cannot be started: no forwards then. */
static int
find_inject(void)
{
	if (neighbour_is_given(NEIGHBOUR_INJECT))
		return NEIGHBOUR_INJECT;
	return geteuid() != 0
		   ? -1
		   : start_neighbour("mta-inject", MTA_BIN "/queue-inject",
			 "queue-inject", "-s");
}

/* ---- the message ---- */

static int
spool_message(uint64_t *length)
{
	int fd = memfd_create("message", MFD_CLOEXEC);
	char bytes[32768];
	struct stat status;
	ssize_t got;

	if (fd == -1)
		temp_fail("cannot make room for the message");
	while ((got = read(STDIN_FILENO, bytes, sizeof(bytes))) != 0) {
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1 ||
		    !write_all(fd, (struct span){ bytes, (size_t)got }))
			temp_fail("cannot read the message");
	}
	if (fstat(fd, &status) == -1)
		temp_fail("cannot read the message");
	*length = (uint64_t)status.st_size;
	return fd;
}

static struct buf
find_sender(const struct byhand *byhand)
{
	struct buf sender = buf_new(PACKET_MAX);
	const struct passwd *user = getpwuid(getuid());
	struct buf me = control_me();

	if (byhand->sender != NULL) {
		if (strcmp(byhand->sender, "<>") != 0)
			buf_add_string(&sender, byhand->sender);
	} else if (user != NULL) {
		buf_add_string(&sender, user->pw_name);
		buf_add_char(&sender, '@');
		buf_add(&sender, buf_span(&me));
	}
	buf_free(&me);
	return sender;
}

static struct buf
find_recipient(const struct byhand *byhand)
{
	struct buf recipient = buf_new(PACKET_MAX);
	struct buf me = control_me();

	buf_add_string(&recipient, byhand->recipient);
	if (strchr(byhand->recipient, '@') == NULL) {
		buf_add_char(&recipient, '@');
		buf_add(&recipient, buf_span(&me));
	}
	buf_free(&me);
	return recipient;
}

/* ---- telling what would be done ---- */

static const char *
describe(enum command_kind kind)
{
	switch (kind) {
	case COMMAND_MAILDIR:
		return "maildir";
	case COMMAND_MBOX:
		return "mbox";
	case COMMAND_FILE:
		return "file";
	case COMMAND_PROGRAM:
		return "program";
	case COMMAND_FORWARD:
		return "forward";
	case COMMAND_INCLUDE:
		return "include";
	}
	return "?";
}

static void
print_action(const struct action *action)
{
	struct span rest = buf_span(&action->recipients);
	struct span path = buf_span(&action->path);
	struct span value;
	char tag;

	printf("%s", describe(action->kind));
	if (action->kind != COMMAND_FORWARD)
		printf(
		    " as uid %u: %.*s", action->uid, (int)path.len, path.ptr);
	else if (action->has_owner)
		printf(
		    " from <%.*s>", (int)action->owner.len, action->owner.data);
	while (record_next(&rest, &tag, &value))
		printf(" <%.*s>", (int)value.len, value.ptr);
	putchar('\n');
}

static void
read_include(struct expansion *expansion, const struct action *include)
{
	struct buf text = buf_new(EXPAND_TEXT_MAX);
	struct buf path = buf_new(PACKET_MAX);

	buf_add(&path, buf_span(&include->path));
	int fd = open(buf_string(&path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1 || read_all(fd, &text, 1000) != IO_OK) {
		warn_errno("cannot read %s", buf_string(&path));
		expansion->is_later = true;
	}
	if (fd != -1)
		close(fd);
	expand_include(expansion, include, buf_span(&text));
	buf_free(&text);
	buf_free(&path);
}

static int
print_expansion(struct service *service, struct span recipient)
{
	struct expansion expansion;
	struct action *include;

	service->parser.expander.lookup = answers_ask;
	service->parser.expander.context = &service->parser.answers;
	answers_init(&service->parser.answers, find_lookup());
	expand_start(&expansion, &service->parser.expander, recipient);
	while ((include = expand_take_include(&expansion)) != NULL) {
		print_action(include);
		read_include(&expansion, include);
		action_free(include);
	}
	for (const struct action *action = expansion.actions; action != NULL;
	     action = action->next)
		print_action(action);
	if (expansion.text.len > 0)
		printf("%s: %.*s\n", expansion.is_later ? "later" : "failed",
		    (int)expansion.text.len, expansion.text.data);
	int code = expansion.is_later    ? EX_TEMPFAIL
		   : expansion.is_failed ? EX_NOUSER
					 : EX_OK;
	expand_free(&expansion);
	return code;
}

/* ---- delivering ---- */

static int
judge(const struct verdict *verdict)
{
	fprintf(stderr, "local-deliver: %.*s %.*s\n", (int)verdict->code.len,
	    verdict->code.ptr, (int)verdict->text.len, verdict->text.ptr);
	switch (verdict->kind) {
	case VERDICT_DELIVERED:
	case VERDICT_LINKED:
		return EX_OK;
	case VERDICT_FAILED:
		return span_equal(verdict->code, span_of("5.1.1"))
			   ? EX_NOUSER
			   : EX_UNAVAILABLE;
	case VERDICT_LATER:
	case VERDICT_UNREACHABLE:
		return EX_TEMPFAIL;
	}
	return EX_TEMPFAIL;
}

static int
ask_service(int pair, const struct byhand *byhand, struct span recipient)
{
	struct buf sender = find_sender(byhand);
	struct buf recipients = buf_new(PACKET_MAX);
	struct buf request = buf_new(PACKET_MAX);
	struct delivery delivery = { .id = queue_id_make(),
		.sender = buf_span(&sender) };
	int fd = spool_message(&delivery.length);
	struct packet packet;
	struct verdict verdict;

	record_add(&recipients, 'T', recipient);
	delivery.recipients = buf_span(&recipients);
	delivery_add(&request, &delivery);
	if (!neighbour_ask(
		pair, buf_span(&request), &fd, 1, ANSWER_TIMEOUT_MS, &packet) ||
	    !verdict_parse(packet_span(&packet), &verdict))
		temp_fail("local-deliver's own processes do not answer");
	return judge(&verdict);
}

static int
deliver(
    struct service *service, const struct byhand *byhand, struct span recipient)
{
	int lookup_fd = find_lookup();
	int inject_fd = find_inject();
	int ends[2];

	if (!packet_pair(ends))
		temp_fail("cannot make a socketpair");
	pid_t child = fork();
	if (child == -1)
		temp_fail("cannot fork");
	if (child == 0) {
		close(ends[0]);
		exit(service_run(service, ends[1], lookup_fd, inject_fd));
	}
	close(ends[1]);
	return ask_service(ends[0], byhand, recipient);
}

int
byhand_run(const struct byhand *byhand)
{
	struct service *service = malloc(sizeof(*service));
	struct buf recipient = find_recipient(byhand);

	if (service == NULL)
		temp_fail("out of memory");
	service_configure(service);
	if (byhand->is_dry)
		return print_expansion(service, buf_span(&recipient));
	return deliver(service, byhand, buf_span(&recipient));
}
