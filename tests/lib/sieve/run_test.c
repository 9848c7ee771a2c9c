/*
 * run_test - scripts run on messages: the cases of tests/vectors/sieve-run.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "sieve/show.h"

#include "test.h"

enum {
	TEXTS_MAX = 60,
	SHOWN_MAX = 1 << 20,
	MESSAGE_MAX = 30 << 20,
	BIG = 20 << 20,
	HEAVY_S = 5 /* of CPU; a second or less where nothing else slows it */
};

static const char vectors_path[] = "tests/vectors/sieve-run";
static const char examples_path[] = "tests/vectors/sieve";

/* What "@message" or "@script" began. */
struct text {
	struct span name;
	struct span text;
};

struct vectors {
	struct text messages[TEXTS_MAX];
	size_t message_count;
	struct text scripts[TEXTS_MAX];
	size_t script_count;
};

struct test_case {
	struct span label;
	struct span message;
	struct buf script;
	struct buf expected;
	struct sieve_run run;
};

/* ---- what a script may ask ---- */

static struct span
find_text(const struct text *texts, size_t count, struct span name)
{
	for (size_t i = 0; i < count; i++)
		if (span_equal(texts[i].name, name))
			return texts[i].text;
	return (struct span){ NULL, 0 };
}

static bool
has_mailbox(void *context, struct span mailbox)
{
	(void)context;
	return span_equal(mailbox, span_of("INBOX")) ||
	       span_equal(mailbox, span_of("Partners"));
}

static bool
metadata(
    void *context, struct span mailbox, struct span entry, struct buf *value)
{
	(void)context;
	if (mailbox.len == 0) {
		buf_add_string(value, "imap");
		return span_equal(entry, span_of("/shared/kind"));
	}
	buf_add_string(value, "on");
	return span_equal(mailbox, span_of("INBOX")) &&
	       span_equal(entry, span_of("/private/replies"));
}

/* A global one is "/NAME". */
static bool
script(void *context, bool is_global, struct span name, struct buf *text)
{
	const struct vectors *vectors = context;
	struct buf full = buf_new(100);
	struct span found;

	buf_add_string(&full, is_global ? "/" : "");
	buf_add(&full, name);
	found =
	    find_text(vectors->scripts, vectors->script_count, buf_span(&full));
	buf_free(&full);
	buf_add(text, found);
	return found.ptr != NULL;
}

static bool
is_remembered(void *context, struct span key)
{
	(void)context;
	return memmem(key.ptr, key.len, "seen", 4) != NULL;
}

/* ---- a case ---- */

static const char before[] = "before it";

/* The run's message, behind something that is none of it. */
static void
give_message(struct sieve_run *run, struct span message, bool has_crlf)
{
	struct buf text = buf_new(MESSAGE_MAX);

	buf_add_string(&text, before);
	while (message.len > 0) {
		size_t len = span_index(message, '\n');

		buf_add(&text, span_slice(message, 0, len));
		if (len < message.len)
			buf_add_string(&text, has_crlf ? "\r\n" : "\n");
		message = span_slice(message, len + 1, message.len);
	}
	run->message_fd = memfd_create("message", MFD_CLOEXEC);
	run->offset = sizeof(before) - 1;
	run->length = text.len - run->offset;
	buf_add_string(&text, "behind it");
	if (run->message_fd == -1 ||
	    !write_all(run->message_fd, buf_span(&text)))
		abort();
	buf_free(&text);
}

/* "! message NAME" and the like. */
static void
take_option(
    struct test_case *test, const struct vectors *vectors, struct span line)
{
	static const struct {
		const char *name;
		enum sieve_event event;
	} events[] = { { "append", SIEVE_APPEND }, { "copy", SIEVE_COPY },
		{ "flag", SIEVE_FLAG } };
	struct span name = span_cut_word(&line);
	struct span value = span_trim(line);
	const struct {
		const char *name;
		struct span *place;
	} places[] = { { "sender", &test->run.sender },
		{ "recipient", &test->run.recipient },
		{ "mailbox", &test->run.mailbox },
		{ "flags", &test->run.flags },
		{ "changed", &test->run.changed_flags } };

	if (span_equal(name, span_of("message")))
		test->message =
		    find_text(vectors->messages, vectors->message_count, value);
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		if (span_equal(name, span_of("event")) &&
		    span_equal(value, span_of(events[i].name)))
			test->run.event = events[i].event;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (span_equal(name, span_of(places[i].name)))
			*places[i].place = value;
}

static void
run_case(struct test_case *test, const struct vectors *vectors, bool has_crlf)
{
	const struct sieve_host host = { .context = (void *)(uintptr_t)vectors,
		.has_mailbox = has_mailbox,
		.metadata = metadata,
		.script = script,
		.is_remembered = is_remembered };
	struct buf shown = buf_new(SHOWN_MAX);
	struct sieve_result result;
	struct sieve_script *compiled =
	    sieve_compile(buf_span(&test->script), &shown);
	char label[200];
	bool is_right;

	test->run.host = &host;
	give_message(&test->run, test->message, has_crlf);
	if (compiled != NULL) {
		sieve_execute(compiled, &test->run, &result, &shown);
		sieve_show_result(&shown, &result);
		sieve_result_free(&result);
		sieve_free(compiled);
	}
	close(test->run.message_fd);
	is_right = span_equal(buf_span(&shown), buf_span(&test->expected));
	snprintf(label, sizeof(label), "%.*s%s", (int)test->label.len,
	    test->label.ptr, has_crlf ? " (CRLF)" : "");
	CHECK(label, is_right);
	if (!is_right)
		fprintf(stderr, "# %s\n# is:\n%.*s# not:\n%.*s", label,
		    (int)shown.len, shown.data, (int)test->expected.len,
		    test->expected.data);
	buf_free(&shown);
}

static struct test_case
new_case(struct span label, const struct vectors *vectors)
{
	return (struct test_case){ .label = label,
		.message = vectors->messages[0].text,
		.script = buf_new(SIEVE_SCRIPT_MAX),
		.expected = buf_new(SHOWN_MAX),
		.run = {
		    .sender = span_of("sender@example.org"),
		    .recipient = span_of("ken+lists@example.com"),
		    .host_name = span_of("mx.example.com"),
		    .user = span_of("ken"),
		    .email = span_of("ken@example.com"),
		    .mailbox = span_of("INBOX"),
		    .now = 1133949600, /* 7 Dec 2005 10:00:00 UTC, Wednesday */
		} };
}

/* The lines up to the next case. */
static void
take_case(const struct vectors *vectors, struct span label, struct span *rest)
{
	struct test_case test = new_case(label, vectors);

	while (rest->len > 0 && rest->ptr[0] != '@') {
		struct span line = span_cut(rest, '\n');
		struct span after = span_slice(line, 2, line.len);

		if (span_starts(line, span_of("! "))) {
			take_option(&test, vectors, after);
		} else if (span_starts(line, span_of("> "))) {
			buf_add(&test.expected, after);
			buf_add_char(&test.expected, '\n');
		} else {
			buf_add(&test.script, line);
			buf_add_char(&test.script, '\n');
		}
	}
	run_case(&test, vectors, false);
	run_case(&test, vectors, true);
	buf_free(&test.script);
	buf_free(&test.expected);
}

/* ---- what is made to take long ---- */

static const char *const hostile[] = {
	"if body :matches \"*a*a*a*a*a*a*b\" { discard; }",
	"if body :matches \"*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\" { "
	"discard; }",
	"if body :regex \"(a|aa|a*)*b\" { discard; }",
	"if body :regex \"((a?){90}){10}b\" { discard; }",
	"if body :comparator \"i;unicode-casemap\" :matches "
	"\"*a?a?a?a?a?*a?a?a?b\" { discard; }",
	"if header :regex \"subject\" \"(x*)*(x*)*(x*)*y\" { discard; }",
};

/* It ends soon, one way or the other, and the message is kept. */
static void
test_hostile(void)
{
	struct buf message = buf_new(2 << 20);
	struct vectors vectors = { .message_count = 0 };

	buf_add_string(&message, "Subject: ");
	for (size_t i = 0; i < 100000; i++)
		buf_add_char(&message, 'x');
	buf_add_string(&message, "\n\n");
	for (size_t i = 0; i < 1 << 20; i++)
		buf_add_char(&message, 'a');
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		struct sieve_result result = { .is_kept = false };
		struct buf script_text = buf_new(1000);
		struct buf errors = buf_new(1000);
		int64_t began = clock_ms();
		struct test_case test = new_case(span_of(""), &vectors);
		struct sieve_script *compiled;

		buf_add_string(&script_text,
		    "require [\"body\", \"regex\", "
		    "\"comparator-i;unicode-casemap\"];\n");
		buf_add_string(&script_text, hostile[i]);
		compiled = sieve_compile(buf_span(&script_text), &errors);
		give_message(&test.run, buf_span(&message), false);
		if (compiled != NULL)
			sieve_execute(compiled, &test.run, &result, &errors);
		CHECK(hostile[i], compiled != NULL && result.is_kept);
		CHECK("and soon", clock_ms() - began < 20000);
		printf("# %lld ms %.*s\n", (long long)(clock_ms() - began),
		    (int)errors.len, errors.len == 0 ? "" : errors.data);
		sieve_result_free(&result);
		sieve_free(compiled);
		close(test.run.message_fd);
		buf_free(&errors);
		buf_free(&script_text);
	}
	buf_free(&message);
}

/* ---- what is much ---- */

/* A message of start and as many pieces as make size bytes, and a script of
 * that many rules: what is done is paid for, and what is usual can be done. */
static const struct {
	const char *label;
	const char *start;
	const char *piece;
	size_t size;
	const char *rules[4]; /* in turn; without "if" */
	size_t count;
	bool is_done;
} heavy[] = {
	{ "encoded words", "Subject: x", " =?iso-2022-jp?q?a?= =?koi8-r?q?b?=",
	    200000, { "header :contains \"subject\" \"zz\"" }, 3000, false },
	{ "no encoded words", "Subject: x", "=?a?q?", 200000,
	    { "header :contains \"subject\" \"zz\"" }, 3000, false },
	{ "letters beyond ASCII", "Subject: ", "\xc3\xbc", 200000,
	    { "header :comparator \"i;unicode-casemap\" :matches \"subject\" "
	      "\"zz*\"" },
	    3000, false },
	{ "the same in a body", "Subject: x\n\n", "\xc3\xbc\n", 2000000,
	    { "body :raw :comparator \"i;unicode-casemap\" :contains \"z\"",
		"body :text :comparator \"i;unicode-casemap\" :is \"z\"" },
	    3000, false },
	{ "small parts", "Content-Type: multipart/mixed; boundary=b\n\n",
	    "--b\n\nx\n", 2000000,
	    { "body :content \"\" :contains \"zz\"",
		"body :text :contains \"zz\"" },
	    3000, false },
	{ "its size many times", "Subject: x\n\n", "some text in lines\n", BIG,
	    { "size :over 23M" }, 3000, true },
	{ "the number of its parts", "Subject: x\n\n", "some text\n", BIG,
	    { "body :text :count \"gt\" \"1\"" }, 3000, true },
	{ "what is in the first MiB", "Subject: x\n\n", "some text\n", BIG,
	    { "body :raw :is \"z\"" }, 200, true },
	{ "200 usual rules", "Subject: x\nTo: x@example.com\n\n",
	    "some text that is long enough for a line of a usual message\n",
	    BIG,
	    { "header :contains [\"subject\", \"from\"] [\"a\", \"b\"]",
		"address :domain :is [\"to\", \"cc\"] \"example.org\"",
		"size :over 21M", "header :matches \"subject\" \"*z*\"" },
	    200, true },
	{ "rules about a large body", "Subject: x\n\n",
	    "some text that is long enough for a line of a usual message\n",
	    BIG,
	    { "body :contains \"nowhere\"", "body :raw :contains \"nowhere\"" },
	    12, true },
};

static void
test_heavy(size_t number)
{
	struct buf message = buf_new(MESSAGE_MAX);
	struct buf script_text = buf_new(SIEVE_SCRIPT_MAX);
	struct buf errors = buf_new(1000);
	struct vectors vectors = { .message_count = 0 };
	struct test_case test = new_case(span_of(""), &vectors);
	struct sieve_result result = { .is_kept = false };
	struct sieve_script *compiled;
	size_t kinds = 0;
	bool is_done;
	clock_t began;

	buf_add_string(&message, heavy[number].start);
	while (message.len < heavy[number].size)
		buf_add_string(&message, heavy[number].piece);
	buf_add_string(&script_text, "require [\"body\", \"relational\", "
				     "\"comparator-i;unicode-casemap\"];\n");
	while (kinds < 4 && heavy[number].rules[kinds] != NULL)
		kinds++;
	for (size_t i = 0; i < heavy[number].count; i++)
		buf_printf(&script_text, "if %s { discard; }\n",
		    heavy[number].rules[i % kinds]);
	compiled = sieve_compile(buf_span(&script_text), &errors);
	give_message(&test.run, buf_span(&message), false);
	began = clock();
	is_done = compiled != NULL &&
		  sieve_execute(compiled, &test.run, &result, &errors);
	CHECK(heavy[number].label,
	    is_done == heavy[number].is_done && result.is_kept);
	CHECK("in time", clock() - began < HEAVY_S * CLOCKS_PER_SEC);
	printf("# %.2f s of CPU\n",
	    (double)(clock() - began) / (double)CLOCKS_PER_SEC);
	sieve_result_free(&result);
	sieve_free(compiled);
	close(test.run.message_fd);
	buf_free(&errors);
	buf_free(&script_text);
	buf_free(&message);
}

/* ---- the files ---- */

static struct span
take_text(struct span *rest)
{
	struct span text = *rest;

	while (rest->len > 0 && rest->ptr[0] != '@')
		span_cut(rest, '\n');
	text.len -= rest->len;
	return text;
}

/* ---- the examples of the RFCs ---- */

/* Each runs; what it does depends on what it needs. */
static void
run_example(struct span text, const struct vectors *vectors)
{
	struct test_case test = new_case(text, vectors);
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	struct sieve_result result = { .is_kept = false };
	struct sieve_script *compiled = sieve_compile(text, &errors);

	if (compiled == NULL)
		return; /* it has no require: extensions_test has it */
	give_message(&test.run, test.message, false);
	bool is_done = sieve_execute(compiled, &test.run, &result, &errors);
	CHECK("an example",
	    is_done == (errors.len == 0) && (is_done || result.is_kept));
	sieve_result_free(&result);
	sieve_free(compiled);
	close(test.run.message_fd);
	buf_free(&errors);
}

static void
test_examples(const struct vectors *vectors, struct span rest)
{
	while (rest.len > 0) {
		span_cut(&rest, '\n');
		run_example(take_text(&rest), vectors);
	}
}

static void
read_vectors(const char *path, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	buf_clear(text);
	CHECK(path, fd != -1 && read_all(fd, text, 1000) == IO_OK);
	close(fd);
}

static void
take_all(struct vectors *vectors, struct span rest)
{
	while (rest.len > 0) {
		struct span name = span_cut(&rest, '\n');
		struct span kind = span_cut(&name, ' ');

		if (span_equal(kind, span_of("@message")))
			vectors->messages[vectors->message_count++] =
			    (struct text){ name, take_text(&rest) };
		else if (span_equal(kind, span_of("@script")))
			vectors->scripts[vectors->script_count++] =
			    (struct text){ name, take_text(&rest) };
		else if (span_equal(kind, span_of("@")))
			take_case(vectors, name, &rest);
	}
}

int
main(void)
{
	static struct vectors vectors;
	struct buf text = buf_new(4 << 20);
	struct buf examples = buf_new(4 << 20);

	setenv("TZ", "EST5", 1);
	read_vectors(vectors_path, &text);
	take_all(&vectors, buf_span(&text));
	read_vectors(examples_path, &examples);
	test_examples(&vectors, buf_span(&examples));
	test_hostile();
	for (size_t i = 0; i < sizeof(heavy) / sizeof(*heavy); i++)
		test_heavy(i);
	buf_free(&text);
	buf_free(&examples);
	return test_result();
}
