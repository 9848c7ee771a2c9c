#include "local/parser.h"

#include <errno.h>
#include <string.h>

#include "base/die.h"
#include "local/task.h"

enum {
	TEXT_MAX = 1024,
	FIXED_POLLS = 4
};

void
parser_init(
    struct parser *parser, int manager_fd, int spawner_fd, size_t busy_max)
{
	parser->manager_fd = manager_fd;
	parser->name = buf_new(TEXT_MAX);
	parser->purpose = buf_new(2 * (size_t)PACKET_MAX);
	parser->members = buf_new(PACKET_MAX);
	parser->reply = buf_new(PACKET_MAX);
	parser->expander.lookup = answers_ask;
	parser->expander.context = &parser->answers;
	pool_init(&parser->pool, spawner_fd, busy_max);
	parser->pool.fill = task_fill;
	parser->pool.done = task_done;
	parser->pool.context = parser;
}

/* False when the manager is gone. */
static bool
handle_manager(struct parser *parser)
{
	int got = packet_receive(parser->manager_fd, &parser->packet);

	if (got == 1)
		task_start(parser, &parser->packet);
	else if (got == -1 && errno == EBADMSG)
		log_event("the manager sent too much at once");
	return got == 1 || (got == -1 && errno == EBADMSG);
}

static void
say_goodbye(const struct parser *parser)
{
	const struct spawn_record record = { .op = SPAWN_BYE };

	packet_send(parser->pool.spawner_fd,
	    (struct span){ (const char *)&record, sizeof(record) }, NULL, 0);
}

/* By hand it may be missing, and only what is to be forwarded waits. */
static void
lose_injector(struct parser *parser)
{
	if (parser->inject_fd == NEIGHBOUR_INJECT)
		die(EX_TEMPFAIL, "queue-inject is gone");
	parser->inject_fd = -1;
}

int
parser_run(struct parser *parser)
{
	struct pollfd polls[DELIVERERS_MAX + FIXED_POLLS];

	for (;;) {
		pool_run(&parser->pool);
		int64_t timeout = pool_expire(&parser->pool);
		polls[0] = (struct pollfd){ .fd = parser->manager_fd,
			.events = POLLIN };
		polls[1] = (struct pollfd){ .fd = parser->pool.spawner_fd };
		/* Nothing is read from these two: they end, or they wait. */
		polls[2] = (struct pollfd){ .fd = parser->answers.control };
		polls[3] = (struct pollfd){ .fd = parser->inject_fd };
		size_t count =
		    pool_add_polls(&parser->pool, polls + FIXED_POLLS);
		int ready = poll(polls, count + FIXED_POLLS, (int)timeout);

		if (ready == -1 && errno != EINTR)
			temp_fail("cannot wait");
		if (ready <= 0)
			continue;
		if (polls[1].revents != 0)
			die(EX_SOFTWARE, "the spawner is gone");
		if (polls[2].revents != 0)
			die(EX_TEMPFAIL, "lookup is gone");
		if (polls[3].revents != 0)
			lose_injector(parser);
		for (size_t i = FIXED_POLLS; i < count + FIXED_POLLS; i++)
			if (polls[i].revents != 0)
				pool_handle(&parser->pool, polls[i].fd);
		if (polls[0].revents != 0 && !handle_manager(parser))
			break;
	}
	say_goodbye(parser);
	return EX_OK;
}
