/*
 * guest_test - how long another user's process is waited for, whatever it says.
 */

#include "imapd/guest.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

enum {
	LINE_MS = 50, /* of which the whole is a multiple */
	WHOLE_MS = LINE_MS * GUEST_WAITS,
	EACH_MS = 20
};

/* What a process says: text once, then again and again for count times. */
struct saying {
	int fd;
	const char *text;
	const char *again;
	size_t count;
	const char *last;
};

static bool
say(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) != -1;
}

static void *
run(void *context)
{
	const struct saying *saying = context;
	bool is_heard = say(saying->fd, saying->text);

	for (size_t i = 0; i < saying->count && is_heard; i++) {
		usleep(EACH_MS * 1000);
		is_heard = say(saying->fd, saying->again);
	}
	if (is_heard)
		say(saying->fd, saying->last);
	return NULL;
}

static struct guest *
begin(struct session *session, int fd)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	session->guests = calloc(1, sizeof(*session->guests));
	if (guest == NULL || session->guests == NULL)
		exit(1);
	session->guests->silent = buf_new(100);
	session->guests->items[0] = guest;
	fd_set_nonblocking(fd);
	reader_init(&guest->in, fd, LINE_MS);
	writer_init(&guest->out, fd, LINE_MS);
	guest->in.peer = &guest->out;
	guest->owner = buf_new(10);
	buf_add_string(&guest->owner, "ann");
	guest->notices = buf_new(10);
	return guest;
}

struct answer {
	enum guest_result result;
	int64_t took_ms;
	bool is_silent; /* it is not asked again */
};

static struct answer
answer_of(struct saying saying, guest_taker *take)
{
	static struct writer out;
	struct session session = { .out = &out, .verb = "NOOP" };
	struct buf final = buf_new(GUEST_LINE_MAX);
	pthread_t thread;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == -1)
		exit(1);
	saying.fd = ends[1];
	writer_init(&out, -1, LINE_MS);
	struct guest *guest = begin(&session, ends[0]);
	int64_t began_ms = clock_ms();
	if (pthread_create(&thread, NULL, run, &saying) != 0)
		exit(1);
	struct answer answer = { .result = guest_answer(&session, guest,
				     span_of("guest"), take, NULL, &final) };
	answer.took_ms = clock_ms() - began_ms;
	answer.is_silent = guest_is_silent(&session, span_of("ann"));
	guests_free(&session);
	pthread_join(thread, NULL);
	close(ends[1]);
	buf_free(&final);
	return answer;
}

static void
take_at_once(void *context, struct span piece, bool is_line)
{
	(void)context;
	(void)piece;
	(void)is_line;
}

static void
take_slowly(void *context, struct span piece, bool is_line)
{
	take_at_once(context, piece, is_line);
	usleep(4 * LINE_MS * 1000);
}

static bool
is_given_up(const struct answer *answer)
{
	return answer->result == GUEST_GONE && answer->is_silent &&
	       answer->took_ms >= WHOLE_MS && answer->took_ms < 2 * WHOLE_MS;
}

int
main(void)
{
	struct answer answer = answer_of((struct saying){ .text = "* OK a\r\n",
					     .again = "* OK b\r\n",
					     .count = 3,
					     .last = "guest OK done\r\n" },
	    take_at_once);
	CHECK("an answer",
	    answer.result == GUEST_OK && answer.took_ms < WHOLE_MS / 2);
	answer = answer_of((struct saying){ .text = "* OK a\r\n",
			       .again = "* OK b\r\n",
			       .count = 5 * GUEST_WAITS,
			       .last = "guest OK done\r\n" },
	    take_at_once);
	CHECK("lines without an end", is_given_up(&answer));
	answer = answer_of((struct saying){ .text = "* OK {1000}\r\n",
			       .again = "x",
			       .count = 5 * GUEST_WAITS,
			       .last = "" },
	    take_at_once);
	CHECK("a literal that takes as long", is_given_up(&answer));
	answer = answer_of((struct saying){ .text = "* OK a\r\n",
			       .again = "* OK b\r\n",
			       .count = GUEST_WAITS / 2,
			       .last = "guest OK done\r\n" },
	    take_slowly);
	CHECK("the client's time is not the process's",
	    answer.result == GUEST_OK && answer.took_ms > WHOLE_MS);
	return test_result();
}
