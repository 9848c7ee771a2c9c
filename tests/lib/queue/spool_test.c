/*
 * spool_test - names for the manager's FIFO, also for a full one: each is told
 * whole, or is still to be told.
 */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "queue/spool.h"
#include "test.h"

enum {
	NAMES = 8000,
	TURNS = 100
};

static struct buf
make_names(void)
{
	struct buf names = buf_new(1 << 20);

	for (int i = 0; i < NAMES; i++)
		buf_printf(&names, "%d-%.*s\n", i, i % 40,
		    "0123456789012345678901234567890123456789");
	return names;
}

/* All that is in it. */
static void
drain(int fd, struct buf *into)
{
	char bytes[65536];
	ssize_t got;

	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		buf_add(into, (struct span){ bytes, (size_t)got });
}

int
main(void)
{
	struct buf names = make_names();
	struct buf read_names = buf_new(1 << 20);
	struct span rest = buf_span(&names);
	int ends[2];

	CHECK("pipe", pipe2(ends, O_NONBLOCK) == 0);
	const struct spool spool = { .trigger = ends[1] };

	CHECK("more than it holds", rest.len > (size_t)2 * 65536);
	bool is_whole = true;
	bool was_full = false;
	for (int i = 0; i < TURNS && rest.len > 0; i++) {
		size_t told = spool_notify(&spool, rest);

		was_full |= told < rest.len;
		drain(ends[0], &read_names);
		rest = span_slice(rest, told, rest.len);
		is_whole &= read_names.len + rest.len == names.len &&
			    read_names.data[read_names.len - 1] == '\n';
	}
	CHECK("full at least once", was_full);
	CHECK("told is what it took, in whole lines", is_whole);
	CHECK("each of them",
	    span_equal(buf_span(&read_names), buf_span(&names)));

	buf_clear(&names);
	spool_add_retry(&names, span_of("example.org"));
	CHECK("a domain",
	    span_equal(buf_span(&names), span_of("@example.org\n")));
	CHECK("no line", spool_notify(&spool, span_of("without an end")) == 0);
	buf_free(&names);
	buf_free(&read_names);
	return test_result();
}
