/*
 * filter_test - filter(5): the records, by tests/vectors/filter; a draft; and
 * a filter that answers over a real pair.
 */

#include "queue/filter.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/envelope.h"
#include "queue/judge.h"
#include "test.h"

enum {
	TIMEOUT_MS = 10000
};

/* ---- the records ---- */

static void
unescape(struct span text, struct buf *into)
{
	static const char letters[] = "0nrt";
	static const char meant[] = { '\0', '\n', '\r', '\t' };

	for (size_t i = 0; i < text.len; i++) {
		const char *letter = NULL;

		if (text.ptr[i] == '\\' && i + 1 < text.len)
			letter = strchr(letters, text.ptr[i + 1]);
		buf_add_char(into,
		    letter == NULL ? text.ptr[i] : meant[letter - letters]);
		i += letter != NULL;
	}
}

static void
check_request(const char *label, struct span packet, bool is_good)
{
	struct filter_request request;
	struct buf again = buf_new(PACKET_MAX);
	bool is_parsed = filter_parse_request(packet, &request);

	if (is_parsed)
		filter_add_request(&again, &request);
	CHECK(label, is_parsed == is_good &&
			 (!is_good || span_equal(buf_span(&again), packet)));
	buf_free(&again);
}

static void
check_answer(const char *label, struct span packet, bool is_good)
{
	struct filter_answer answer;
	struct buf again = buf_new(PACKET_MAX);
	bool is_parsed = filter_parse_answer(packet, &answer);

	if (is_parsed)
		filter_add_answer(&again, &answer);
	CHECK(label, is_parsed == is_good &&
			 (!is_good || span_equal(buf_span(&again), packet)));
	buf_free(&again);
}

static void
test_vectors(void)
{
	FILE *file = fopen("tests/vectors/filter", "re");
	char line[1024];

	CHECK("tests/vectors/filter", file != NULL);
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		struct buf packet = buf_new(PACKET_MAX);
		struct span rest = span_of(line);

		rest.len--; /* the LF */
		struct span kind = span_cut(&rest, ' ');
		unescape(rest, &packet);
		struct span bytes = buf_span(&packet);
		if (span_equal(kind, span_of("request")))
			check_request(line, bytes, true);
		else if (span_equal(kind, span_of("no-request")))
			check_request(line, bytes, false);
		else if (span_equal(kind, span_of("answer")))
			check_answer(line, bytes, true);
		else if (span_equal(kind, span_of("no-answer")))
			check_answer(line, bytes, false);
		buf_free(&packet);
	}
	if (file != NULL)
		fclose(file);
}

static void
test_limits(void)
{
	static char value[FILTER_VALUE_MAX + 1];
	static char reply[FILTER_REPLY_MAX + 1];

	memset(value, 'x', sizeof(value));
	memset(reply, 'x', sizeof(reply));
	memcpy(reply, "550 ", 4);
	CHECK(
	    "the longest value", filter_is_field(span_of("X"),
				     (struct span){ value, FILTER_VALUE_MAX }));
	CHECK("one more", !filter_is_field(span_of("X"),
			      (struct span){ value, sizeof(value) }));
	CHECK("the longest reply",
	    filter_is_reply((struct span){ reply, FILTER_REPLY_MAX }, '5'));
	CHECK("one more",
	    !filter_is_reply((struct span){ reply, sizeof(reply) }, '5'));
}

/* ---- a draft ---- */

static int
open_scratch(void *context)
{
	int *count = context;

	++*count;
	return open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static bool
collect(void *context, struct span bytes)
{
	buf_add(context, bytes);
	return true;
}

static struct buf
text_of(const struct draft *draft)
{
	struct buf text = buf_new(10 << 20);

	draft_read(draft, collect, &text);
	return text;
}

static void
add_lines(struct draft *draft, const char *text)
{
	struct span rest = span_of(text);

	while (rest.len > 0)
		draft_add_line(draft, span_cut(&rest, '\n'));
}

static void
check_draft(const char *text, const char *header, const char *whole)
{
	struct draft draft;

	draft_init(&draft, 1000, 0);
	add_lines(&draft, text);
	struct buf got = text_of(&draft);
	CHECK(text, draft_finish(&draft) &&
			span_equal(buf_span(&draft.header), span_of(header)) &&
			span_equal(buf_span(&got), span_of(whole)) &&
			draft_size(&draft) == got.len);
	buf_free(&got);
	draft_free(&draft);
}

static void
test_draft(void)
{
	int opened = 0;
	struct draft draft;

	check_draft(
	    "A: b\nC: d\n\nbody\n", "A: b\nC: d\n", "A: b\nC: d\n\nbody\n");
	check_draft(
	    "A: b\n folded\n\n", "A: b\n folded\n", "A: b\n folded\n\n");
	check_draft("A: b\n", "A: b\n", "A: b\n");
	check_draft("A: b\nno field\n", "A: b\n", "A: b\n\nno field\n");
	check_draft("body\n", "", "\nbody\n");
	check_draft("\nbody: x\n", "", "\nbody: x\n");
	check_draft(" not: one\n", "", "\n not: one\n");

	draft_init(&draft, 1000, 0);
	draft.open_scratch = open_scratch;
	draft.context = &opened;
	add_lines(&draft, "A: b\n\n");
	for (int i = 0; i < 10000; i++)
		draft_add_line(&draft, span_of("twenty bytes a line"));
	struct buf got = text_of(&draft);
	CHECK("a big one goes into one file",
	    opened == 1 && draft_finish(&draft) && got.len == 200006 &&
		memcmp(got.data + 200006 - 20, "twenty bytes a line\n", 20) ==
		    0);
	buf_free(&got);
	draft_free(&draft);

	draft_init(&draft, 10, 0);
	add_lines(&draft, "Abcdefghij: k\n\n");
	CHECK("a header over its limit", !draft_finish(&draft));
	draft_free(&draft);
	draft_init(&draft, 100, 10);
	add_lines(&draft, "A: b\n\n123456789\n");
	CHECK("a body over its limit", !draft_finish(&draft));
	draft_free(&draft);
}

/* ---- a filter that answers ---- */

static void
answer(int session, const char *packet, size_t len, const char *body)
{
	int ends[2] = { -1, -1 };

	if (body != NULL && pipe(ends) == 0) {
		write_all(ends[1], span_of(body));
		close(ends[1]);
	}
	packet_send(
	    session, (struct span){ packet, len }, ends, body == NULL ? 0 : 1);
	if (ends[0] != -1)
		close(ends[0]);
}

struct said {
	const char *packet;
	size_t len;
	const char *body;
};

#define SAY(text)                                                              \
	{                                                                      \
		text, sizeof(text), NULL                                       \
	}
#define SAY_BODY(body)                                                         \
	{                                                                      \
		"Eb", 3, body                                                  \
	}

/* In a child: read a message, then say these; then the session ends. */
static int
start(const struct said *said, size_t count)
{
	static struct packet packet;
	int ends[2];

	if (!packet_pair(ends))
		return -1;
	if (fork() != 0) {
		close(ends[1]);
		return ends[0];
	}
	close(ends[0]);
	for (size_t i = 0; i < count; i++) {
		bool is_shown = i == 0 || said[i - 1].packet[0] == 'V';

		if (is_shown && packet_receive(ends[1], &packet) == 1) {
			struct buf text = buf_new(1 << 20);

			read_all(packet.fds[0], &text, TIMEOUT_MS);
			packet_close_fds(&packet);
		}
		answer(ends[1], said[i].packet, said[i].len, said[i].body);
	}
	_exit(0);
}

static void
check_judged(const char *label, const struct said *said, size_t count,
    bool is_good, const char *text, const char *recipients)
{
	static struct packet packet;
	struct draft draft;
	struct buf sender = buf_new(100);
	struct buf records = buf_new(1000);
	struct filter_answer verdict;
	const struct filter_request request = { .stage = FILTER_MESSAGE,
		.id = span_of("id") };
	const struct recipient joe = { .address = span_of("joe@a.example"),
		.is_mailbox = true };
	struct judged judged = { &draft, &sender, &records, false };

	draft_init(&draft, 1000, 0);
	add_lines(&draft, "A: b\nC: d\n\nbody\n");
	envelope_add_recipient(&records, &joe);
	int session = start(said, count);
	bool is_judged = judge_message(
	    session, &request, TIMEOUT_MS, &judged, &packet, &verdict);
	struct buf got = text_of(&draft);
	struct buf all = buf_new(1000);
	struct span rest = buf_span(&records);
	struct recipient recipient;
	while (envelope_next(&rest, &recipient)) {
		buf_add(&all, recipient.address);
		buf_add_string(&all, recipient.is_mailbox ? "! " : " ");
	}
	CHECK(label, is_judged == is_good &&
			 span_equal(buf_span(&got), span_of(text)) &&
			 span_equal(buf_span(&all), span_of(recipients)));
	close(session);
	wait(NULL);
	buf_free(&got);
	buf_free(&all);
	buf_free(&sender);
	buf_free(&records);
	draft_free(&draft);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
test_judge(void)
{
	static const char whole[] = "A: b\nC: d\n\nbody\n";
	static const char joe[] = "joe@a.example! ";
	static const struct said accept[] = { SAY("VA") };
	static const struct said edits[] = {
		SAY("Ei\0NX\0B y\0I2"),
		SAY("Ed\0Na\0B\0I0"),
		SAY_BODY("new"),
		SAY("E+\0Tann@A.example"),
		SAY("VA"),
	};
	static const struct said twice[] = { SAY("Ea\0NE\0B f\0I0"), SAY("VG"),
		SAY_BODY("2\n"), SAY("E-\0Tjoe@a.example"), SAY("VQ\0Wodd") };
	static const struct said dies[] = { SAY("Ea\0NE\0B f\0I0"),
		SAY_BODY("new"), SAY("E+\0Tann@a.example") };
	static const struct said garbage[] = { SAY("Ea\0NE\0B f\0I0"),
		SAY("Ea\0NE F\0B f\0I0"), SAY("VA") };
	static const struct said no_pipe[] = { SAY("Eb"), SAY("VA") };
	struct said endless[FILTER_ROUNDS_MAX + 1];

	for (size_t i = 0; i < COUNT(endless); i++)
		endless[i] = (struct said)SAY("VG");
	check_judged("accepted", accept, COUNT(accept), true, whole, joe);
	check_judged("edited", edits, COUNT(edits), true, "X: y\nC: d\n\nnew\n",
	    "joe@a.example! ann@a.example ");
	check_judged("shown twice", twice, COUNT(twice), true,
	    "A: b\nC: d\nE: f\n\n2\n", "");
	check_judged(
	    "dies: nothing is changed", dies, COUNT(dies), false, whole, joe);
	check_judged("garbage: nothing is changed", garbage, COUNT(garbage),
	    false, whole, joe);
	check_judged("a body without a pipe", no_pipe, COUNT(no_pipe), false,
	    whole, joe);
	check_judged(
	    "again, and again", endless, COUNT(endless), false, whole, joe);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_vectors();
	test_limits();
	test_draft();
	test_judge();
	return test_result();
}
