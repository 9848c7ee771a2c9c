#include <stdlib.h>
#include <time.h>

#include "base/die.h"
#include "imapd/handlers.h"
#include "imapd/output.h"
#include "imapd/program.h"
#include "imapd/search.h"
#include "imapd/threads.h"

/* THREAD, RFC 5256 section 3 (BASE.6.4.THREAD). */

static bool
parse_kind(struct parse *parse, enum threads_kind *kind)
{
	static const char *const names[] = { [THREADS_ORDERED_SUBJECT] =
						 "ORDEREDSUBJECT",
		[THREADS_REFERENCES] = "REFERENCES",
		[THREADS_REFS] = "REFS" };
	unsigned i = 0;

	while (i < sizeof(names) / sizeof(*names) &&
	       !parse_keyword(parse, names[i]))
		i++;
	*kind = (enum threads_kind)i;
	return i < sizeof(names) / sizeof(*names);
}

static void
put_threads(struct session *session, enum threads_kind kind,
    const struct picks *picks, bool *has_unreadable)
{
	struct threads threads = threads_new(kind);
	size_t count = picks_count(picks);
	uint32_t *numbers = calloc(count + 1, sizeof(*numbers));
	struct buf text = buf_new(SIZE_MAX / 2);

	if (numbers == NULL)
		temp_fail("out of memory");
	for (size_t k = 0; k < count; k++) {
		size_t i = picks_items(picks)[k];
		struct folder_thread_data data = { 0 };

		progress_tick(session);
		enum account_status status =
		    folder_thread_data(session->folder, i, &data);
		*has_unreadable |= status == ACCOUNT_UNREADABLE;
		/* One that is gone by now answers nobody. */
		if (status != ACCOUNT_OK)
			data = (struct folder_thread_data){ 0 };
		threads_add(&threads, &data);
		numbers[k] = session->is_uid
				 ? folder_message(session->folder, i)->uid
				 : (uint32_t)i + 1;
	}
	threads_end(&threads);
	threads_put(&threads, numbers, &text);
	put(session, text.len > 0 ? "* THREAD " : "* THREAD");
	put_span(session, buf_span(&text));
	put(session, "\r\n");
	buf_free(&text);
	free(numbers);
	threads_free(&threads);
}

static void
run_thread(
    struct session *session, enum threads_kind kind, struct program *program)
{
	struct picks picks;

	if (program->has_modseq)
		session_enable_condstore(session);
	size_t messages = folder_count(session->folder);
	session->progress.goal = program_goal(program, messages) + messages;
	enum account_status status =
	    program_run(program, session, session->folder, &picks);
	if (status == ACCOUNT_INVALID) {
		session_bad(session, "BAD no message has that number");
	} else if (status != ACCOUNT_OK) {
		session_fail(session, status);
	} else {
		put_threads(session, kind, &picks, &program->has_unreadable);
		program_warn(program, session);
		session_finish(session, "OK done");
	}
	picks_free(&picks);
}

void
handle_thread(struct session *session, struct parse *parse)
{
	struct program program;
	enum threads_kind kind;
	const char *failure = NULL;

	program_init(&program, (int64_t)time(NULL));
	bool is_good = parse_space(parse) && parse_kind(parse, &kind) &&
		       parse_space(parse) &&
		       search_parse_charset(parse, &failure) &&
		       program_parse(&program, session, parse);
	if (failure != NULL || !is_good)
		program_refuse(&program, session, failure,
		    "BAD THREAD ALGORITHM CHARSET KEY ...");
	else
		run_thread(session, kind, &program);
	program_free(&program);
}
