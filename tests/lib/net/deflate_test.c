/* deflate_test - what goes through a compressed connection is what comes. */

#include "net/deflate.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"
#include "test.h"

enum {
	TIMEOUT_MS = 5000,
	LINES = 3000
};

struct side {
	struct reader in;
	struct writer out;
	struct deflate *deflate;
};

static void
begin(struct side *side, int fd)
{
	fd_set_nonblocking(fd);
	reader_init(&side->in, fd, TIMEOUT_MS);
	writer_init(&side->out, fd, TIMEOUT_MS);
	side->deflate = deflate_new();
	if (side->deflate == NULL)
		abort();
	deflate_begin(side->deflate, &side->in, &side->out);
}

/* So many lines, each sent in one go or all together. */
static bool
pass_lines(struct side *from, struct side *to, bool is_flushed)
{
	struct buf line = buf_new(256);
	struct buf sent = buf_new(256);
	bool is_good = true;

	for (unsigned i = 0; i < LINES; i++) {
		buf_clear(&sent);
		buf_printf(&sent, "%u %u line\n", i, i * 2654435761U);
		write_span(&from->out, buf_span(&sent));
		if (is_flushed) {
			writer_flush(&from->out);
			is_good &= read_line(&to->in, &line) == IO_OK &&
				   span_equal(buf_span(&line), buf_span(&sent));
		}
	}
	writer_flush(&from->out);
	for (unsigned i = 0; i < LINES && !is_flushed; i++) {
		buf_clear(&sent);
		buf_printf(&sent, "%u %u line\n", i, i * 2654435761U);
		is_good &= reader_is_ready(&to->in) || i == 0;
		is_good &= read_line(&to->in, &line) == IO_OK &&
			   span_equal(buf_span(&line), buf_span(&sent));
	}
	is_good &= !reader_is_ready(&to->in);
	buf_free(&line);
	buf_free(&sent);
	return is_good;
}

int
main(void)
{
	static struct side one;
	static struct side two;
	struct span bytes;
	int pair[2];

	program_name("deflate_test");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 1;
	begin(&one, pair[0]);
	begin(&two, pair[1]);
	CHECK("line by line", pass_lines(&one, &two, true));
	CHECK("and back", pass_lines(&two, &one, true));
	CHECK("all together", pass_lines(&one, &two, false));
	CHECK("again", pass_lines(&one, &two, false));
	CHECK("nothing is sent for nothing",
	    writer_flush(&one.out) == IO_OK &&
		recv(pair[1], &(char){ 0 }, 1, MSG_DONTWAIT) == -1);
	if (!write_all(pair[0], span_of("\xff\xff\xff\xff\xff")))
		return 1;
	CHECK("what is none", reader_peek(&two.in, &bytes) == IO_ERROR &&
				  two.in.error == EBADMSG);
	deflate_free(one.deflate);
	deflate_free(two.deflate);
	return test_result();
}
