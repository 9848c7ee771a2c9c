#include "filter/hand.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/io.h"
#include "queue/envelope.h"
#include "queue/id.h"
#include "queue/judge.h"

enum {
	HAND_HEADER_MAX = 1 << 20,
	HAND_RECIPIENTS_MAX = 1 << 20,
	HAND_LINE_MAX = 1 << 20,
	HAND_TIMEOUT_MS = 600 * 1000
};

struct hand {
	int session;
	struct buf me;
	const char *client;
	const char *helo;
	const char *user;
	struct buf sender;
	struct buf recipients;
	struct draft draft;
	struct packet packet;
};

static const char usage[] =
    "usage: filter-NAME [-c CLIENT] [-h HELO] [-f SENDER] [-t RECIPIENT]...\n"
    "                   [-u USER] <MESSAGE >EDITED   (or by neighbour(8))";

static void
take_options(struct hand *hand, int argc, char **argv)
{
	struct recipient recipient = { .is_mailbox = false };
	int option;

	while ((option = getopt(argc, argv, ":c:f:h:t:u:")) != -1) {
		switch (option) {
		case 'c':
			hand->client = optarg;
			break;
		case 'f':
			buf_clear(&hand->sender);
			buf_add_string(&hand->sender, optarg);
			break;
		case 'h':
			hand->helo = optarg;
			break;
		case 't':
			recipient.address = span_of(optarg);
			envelope_add_recipient(&hand->recipients, &recipient);
			break;
		case 'u':
			hand->user = optarg;
			break;
		default:
			die(EX_USAGE, "%s", usage);
		}
	}
	if (optind != argc)
		die(EX_USAGE, "%s", usage);
}

static int
open_scratch(void *context)
{
	char path[] = "/tmp/estafeta-filter.XXXXXX";

	(void)context;
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd != -1)
		unlink(path);
	return fd;
}

static void
read_message(struct hand *hand)
{
	static struct reader in;
	struct buf line = buf_new(HAND_LINE_MAX);
	enum io_status status;

	draft_init(&hand->draft, HAND_HEADER_MAX, 0);
	hand->draft.open_scratch = open_scratch;
	reader_init(&in, STDIN_FILENO, HAND_TIMEOUT_MS);
	while ((status = read_line(&in, &line)) == IO_OK)
		draft_add_line(
		    &hand->draft, span_slice(buf_span(&line), 0, line.len - 1));
	if (status == IO_EOF && line.len > 0)
		draft_add_line(&hand->draft, buf_span(&line));
	buf_free(&line);
	if (status != IO_EOF || !draft_finish(&hand->draft))
		die(EX_DATAERR, "the message cannot be read, or a line or its "
				"header is over 1 MiB");
}

static bool
write_part(void *context, struct span bytes)
{
	(void)context;
	return write_all(STDOUT_FILENO, bytes);
}

static int
conclude(struct hand *hand, const struct filter_answer *verdict)
{
	int code = EX_OK;

	switch (verdict->verdict) {
	case FILTER_REJECT:
		log_event("rejected: %.*s", (int)verdict->text.len,
		    verdict->text.ptr);
		return EX_UNAVAILABLE;
	case FILTER_DEFER:
		log_event("deferred: %.*s", (int)verdict->text.len,
		    verdict->text.ptr);
		return EX_TEMPFAIL;
	case FILTER_DISCARD:
		log_event("accepted, and dropped");
		return EX_OK;
	case FILTER_QUARANTINE:
		log_event("quarantined: %.*s", (int)verdict->text.len,
		    verdict->text.len == 0 ? "" : verdict->text.ptr);
		code = EX_NOPERM;
		break;
	case FILTER_ACCEPT:
	case FILTER_AGAIN:
		break;
	}
	if (!draft_read(&hand->draft, write_part, NULL))
		die_errno(EX_IOERR, "cannot write the message");
	return code;
}

static void
say_envelope(const struct hand *hand)
{
	struct span rest = buf_span(&hand->recipients);
	struct recipient recipient;

	log_event("sender: <%.*s>", (int)hand->sender.len,
	    hand->sender.len == 0 ? "" : hand->sender.data);
	while (envelope_next(&rest, &recipient))
		log_event("recipient: <%.*s>", (int)recipient.address.len,
		    recipient.address.ptr);
}

/* False if the verdict is final. */
static bool
ask(struct hand *hand, const struct filter_request *request,
    struct filter_answer *verdict)
{
	if (!judge_stage(hand->session, request, HAND_TIMEOUT_MS, &hand->packet,
		verdict))
		die(EX_PROTOCOL,
		    "the filter does not answer as filter(5) says");
	return verdict->verdict == FILTER_ACCEPT;
}

static bool
ask_stages(struct hand *hand, struct filter_answer *verdict)
{
	struct span rest = buf_span(&hand->recipients);
	struct recipient recipient;
	const struct filter_request stages[] = {
		{ .stage = FILTER_CONNECT,
		    .host = buf_span(&hand->me),
		    .service = span_of("hand"),
		    .client = span_of(hand->client),
		    .local = span_of("127.0.0.1") },
		{ .stage = FILTER_HELO,
		    .helo = span_of(hand->helo),
		    .is_esmtp = true },
		{ .stage = FILTER_MAIL,
		    .sender = buf_span(&hand->sender),
		    .user = span_of(hand->user) },
	};

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (!ask(hand, &stages[i], verdict))
			return false;
	while (envelope_next(&rest, &recipient)) {
		const struct filter_request request = { .stage = FILTER_RCPT,
			.recipient = recipient.address };

		if (!ask(hand, &request, verdict))
			return false;
	}
	return true;
}

static int
judge(struct hand *hand)
{
	struct filter_answer verdict;
	struct queue_id id = queue_id_make();
	struct judged judged = { .draft = &hand->draft,
		.sender = &hand->sender,
		.recipients = &hand->recipients };
	const struct filter_request request = { .stage = FILTER_MESSAGE,
		.id = span_of(id.text) };

	if (ask_stages(hand, &verdict) &&
	    !judge_message(hand->session, &request, HAND_TIMEOUT_MS, &judged,
		&hand->packet, &verdict))
		die(EX_PROTOCOL,
		    "the filter does not answer as filter(5) says");
	if (judged.is_envelope_changed)
		say_envelope(hand);
	return conclude(hand, &verdict);
}

static int
start_filter(const struct filter_role *role)
{
	int ends[2];

	if (!packet_pair(ends))
		die_errno(EX_OSERR, "cannot make a socketpair");
	pid_t pid = fork();
	if (pid == -1)
		die_errno(EX_OSERR, "cannot fork");
	if (pid == 0) {
		close(ends[0]);
		role->prepare(role->context, (int[FILTER_KEPT_MAX]){ 0 });
		judging_run(role, ends[1]);
		_exit(EX_OK);
	}
	close(ends[1]);
	return ends[0];
}

int
hand_run(const struct filter_role *role, int argc, char **argv)
{
	static struct hand hand;

	hand.me = control_me();
	hand.client = "127.0.0.1";
	hand.user = "";
	hand.sender = buf_new(ENVELOPE_ADDRESS_MAX);
	hand.recipients = buf_new(HAND_RECIPIENTS_MAX);
	take_options(&hand, argc, argv);
	if (hand.helo == NULL)
		hand.helo = buf_string(&hand.me);
	if (hand.helo == NULL || hand.helo[0] == '\0')
		hand.helo = "localhost";
	signal(SIGPIPE, SIG_IGN);
	read_message(&hand);
	hand.session = start_filter(role);
	return judge(&hand);
}
