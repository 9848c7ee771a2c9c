/*
 * base_test - span, buf, record, packet and io.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "base/io.h"
#include "base/packet.h"
#include "base/record.h"
#include "test.h"

static void
test_span(void)
{
	struct span rest = span_of("a:b:");
	uint64_t number = 7;

	CHECK("cut a", span_equal(span_cut(&rest, ':'), span_of("a")));
	CHECK("cut b", span_equal(span_cut(&rest, ':'), span_of("b")));
	CHECK("cut to the end", rest.len == 0);
	CHECK("one of lines", span_has_line(span_of("a\nbc\n"), span_of("bc")));
	CHECK(
	    "a part of one", !span_has_line(span_of("a\nbc\n"), span_of("b")) &&
				 !span_has_line(span_of(""), span_of("")));
	CHECK(
	    "trim", span_equal(span_trim(span_of(" \tx \r\n")), span_of("x")));
	CHECK("order", span_compare(span_of("a"), span_of("b")) < 0 &&
			   span_compare(span_of("b"), span_of("ab")) > 0);
	CHECK("a beginning is less",
	    span_compare(span_of("a"), span_of("ab")) < 0 &&
		span_compare(span_of("a"), span_of("")) > 0);
	CHECK("the same", span_compare(span_of("ab"), span_of("ab")) == 0 &&
			      span_compare(span_of(""), span_of("")) == 0);
	CHECK("number",
	    span_number(span_of("255"), 10, 255, &number) && number == 255);
	CHECK("over max", !span_number(span_of("256"), 10, 255, &number));
	CHECK("overflow", !span_number(span_of("99999999999999999999"), 10,
			      UINT64_MAX, &number));
	CHECK("no sign", !span_number(span_of("-1"), 10, 9, &number));
	char digits[SPAN_DIGITS_MAX];
	CHECK("digits", span_equal(span_digits(0, digits), span_of("0")));
	CHECK("all of them", span_equal(span_digits(UINT64_MAX, digits),
				 span_of("18446744073709551615")));
	CHECK("empty is no number", !span_number(span_of(""), 10, 9, &number));
	CHECK("hex", span_number(span_of("fF"), 16, 255, &number));
	CHECK("unchanged by failures", number == 255);
}

static void
test_buf(void)
{
	struct buf buf = buf_new(4);

	buf_add_string(&buf, "abc");
	buf_add_string(&buf, "de");
	CHECK("overflow sticks", buf.overflow && buf.len == 3);
	CHECK("no string after overflow", buf_string(&buf) == NULL);
	buf_clear(&buf);
	buf_printf(&buf, "%d", 1234);
	CHECK("printf", span_equal(buf_span(&buf), span_of("1234")));
	buf_drop(&buf, 2);
	CHECK("drop", span_equal(buf_span(&buf), span_of("34")));
	buf_free(&buf);
}

static void
test_record(void)
{
	struct buf buf = buf_new(100);
	struct span rest;
	struct span value;
	uint64_t number;
	char tag;

	record_add_string(&buf, 'F', "joe");
	record_add_number(&buf, 'N', UINT64_MAX);
	record_add(&buf, 'X', (struct span){ "a\0b", 3 });
	rest = buf_span(&buf);
	CHECK("first", record_next(&rest, &tag, &value) && tag == 'F' &&
			   span_equal(value, span_of("joe")));
	CHECK("number",
	    record_find_number(buf_span(&buf), 'N', UINT64_MAX, &number) &&
		number == UINT64_MAX);
	CHECK("cut at NUL", record_find(buf_span(&buf), 'X', &value) &&
				span_equal(value, span_of("a")));
	CHECK("absent", !record_find(buf_span(&buf), 'Q', &value));
	rest = (struct span){ "Fjoe", 4 };
	CHECK("unended", !record_next(&rest, &tag, &value) && rest.len == 4);
	buf_free(&buf);
}

static void
test_packet(void)
{
	static struct packet packet;
	int ends[2];
	int files[2];

	CHECK("pair", packet_pair(ends) && pipe(files) == 0);
	CHECK("send", packet_send(ends[0], span_of("hello"), files, 2));
	CHECK("receive",
	    packet_receive(ends[1], &packet) == 1 && packet.fd_count == 2 &&
		span_equal(packet_span(&packet), span_of("hello")));
	int taken = packet_take_fd(&packet, 1);
	packet_close_fds(&packet);
	CHECK("taken is open", fcntl(taken, F_GETFD) == FD_CLOEXEC);
	CHECK("too long",
	    !packet_send(ends[0], (struct span){ packet.bytes, PACKET_MAX + 1 },
		NULL, 0) &&
		errno == EMSGSIZE);
	close(ends[0]);
	CHECK("end", packet_receive(ends[1], &packet) == 0);
}

static void
add_octets(void *into, struct span bytes)
{
	buf_add(into, bytes);
}

static void
test_octets(void)
{
	static struct reader in;
	struct buf octets = buf_new(8);
	struct buf line = buf_new(8);
	int ends[2];

	CHECK("pipe", pipe2(ends, O_NONBLOCK) == 0);
	CHECK("write", write_all(ends[1], span_of("one\ntwo\nend")));
	close(ends[1]);
	reader_init(&in, ends[0], 1000);
	CHECK("none", read_octets(&in, 0, add_octets, &octets));
	CHECK("octets", read_octets(&in, 5, add_octets, &octets) &&
			    span_equal(buf_span(&octets), span_of("one\nt")));
	CHECK("what is behind them stays",
	    read_line(&in, &line) == IO_OK &&
		span_equal(buf_span(&line), span_of("wo\n")));
	buf_clear(&octets);
	CHECK("octets that are not there",
	    !read_octets(&in, 4, add_octets, &octets) &&
		span_equal(buf_span(&octets), span_of("end")));
	buf_free(&octets);
	buf_free(&line);
	close(ends[0]);
}

static void
test_io(void)
{
	static struct reader in;
	struct buf line = buf_new(8);
	int ends[2];

	CHECK("pipe", pipe2(ends, O_NONBLOCK) == 0);
	CHECK("write", write_all(ends[1], span_of("one\ntoo long a line\n2")));
	close(ends[1]);
	reader_init(&in, ends[0], 1000);
	CHECK("line", read_line(&in, &line) == IO_OK &&
			  span_equal(buf_span(&line), span_of("one\n")));
	CHECK("too long",
	    read_line(&in, &line) == IO_TOO_LONG && in.before_lf[2] == 'e');
	CHECK("end", read_line(&in, &line) == IO_EOF &&
			 span_equal(buf_span(&line), span_of("2")));
	CHECK("pipe", pipe2(ends, O_NONBLOCK) == 0);
	reader_init(&in, ends[0], 20);
	CHECK("deadline", read_line(&in, &line) == IO_TIMEOUT);
	CHECK("sticky", read_line(&in, &line) == IO_TIMEOUT);
	buf_free(&line);
}

/* Who was prompt is looked for at once; who is not any more, no longer. */
static void
test_prompt(void)
{
	static struct reader in;
	struct buf line = buf_new(8);
	int ends[2];

	CHECK("pipe", pipe2(ends, O_NONBLOCK) == 0);
	reader_init(&in, ends[0], 20);
	in.is_eager = true;
	/* Not at the first try, if something else had the processor. */
	for (int i = 0; i < 100 && !in.is_prompt; i++)
		if (!write_all(ends[1], span_of("a\n")) ||
		    read_line(&in, &line) != IO_OK)
			break;
	CHECK("prompt", in.is_prompt);
	CHECK("its deadline", read_line(&in, &line) == IO_TIMEOUT);
	CHECK("not prompt", !in.is_prompt);
	reader_init(&in, ends[0], 20);
	CHECK("nobody asked", write_all(ends[1], span_of("c\n")) &&
				  read_line(&in, &line) == IO_OK &&
				  !in.is_prompt);
	buf_free(&line);
	close(ends[0]);
	close(ends[1]);
}

/* A log that nobody reads: bounded time, and what was lost is counted. */
static void
test_full_log(void)
{
	static char text[1 << 20];
	int before = dup(STDERR_FILENO);
	int ends[2];

	CHECK("pipe", pipe2(ends, O_CLOEXEC) == 0);
	dup2(ends[1], STDERR_FILENO);
	int64_t start = clock_ms();
	for (int i = 0; i < 5000; i++)
		log_event("line %d of a log that nobody reads", i);
	int64_t took = clock_ms() - start;
	ssize_t got = read(ends[0], text, sizeof(text));
	CHECK("some lines are there", got > 1000);
	log_event("read again");
	got = read(ends[0], text, sizeof(text) - 1);
	text[got < 0 ? 0 : got] = '\0';
	dup2(before, STDERR_FILENO);
	CHECK("it held nobody up", took < 2000);
	CHECK("the lost lines are counted",
	    strstr(text, " lines dropped: the log was full\n") != NULL);
	CHECK("and it goes on", strstr(text, "read again\n") != NULL);
	close(before);
	close(ends[0]);
	close(ends[1]);
}

static void
count_begun(void *context)
{
	++*(int *)context;
}

/* Lines that are gathered: many in one write, none lost by an end. */
static void
test_gathered_log(void)
{
	char text[8192];
	int before = dup(STDERR_FILENO);
	int begun = 0;
	int ends[2];

	CHECK("pipe", pipe2(ends, O_NONBLOCK) == 0);
	dup2(ends[1], STDERR_FILENO);
	log_gather(count_begun, &begun);
	log_event("first");
	log_event("second");
	CHECK("they wait", read(ends[0], text, sizeof(text)) == -1);
	CHECK("the first is told", begun == 1);
	log_flush();
	ssize_t got = read(ends[0], text, sizeof(text) - 1);
	text[got < 0 ? 0 : got] = '\0';
	const char *first = strstr(text, ": first\n");
	CHECK("both come, in order",
	    first != NULL && strstr(first, ": second\n") != NULL);
	for (int i = 0; i < 60; i++)
		log_event("%s", "a line of a little more than seventy bytes, "
				"so that they need two writes");
	CHECK("told of those behind the write", begun == 3);
	CHECK("what one write takes has come",
	    read(ends[0], text, sizeof(text)) > 3900);
	pid_t child = fork();
	if (child == 0)
		die(EX_USAGE, "the end");
	CHECK("child", waitpid(child, NULL, 0) == child);
	got = read(ends[0], text, sizeof(text) - 1);
	text[got < 0 ? 0 : got] = '\0';
	CHECK("one that dies writes what waits",
	    strstr(text, "two writes\n") != NULL &&
		strstr(text, ": the end\n") != NULL);
	log_flush();
	log_gather(NULL, NULL);
	dup2(before, STDERR_FILENO);
	close(before);
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	test_prompt();
	test_full_log();
	test_gathered_log();
	test_span();
	test_buf();
	test_record();
	test_packet();
	test_octets();
	test_io();
	return test_result();
}
