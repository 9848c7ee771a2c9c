#include "sieve/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "mail/utf8.h"

enum {
	LINE_MAX_BYTES = 400,
	ASCII_A_STEP = 64, /* of text that is read once */
	OTHERS_A_STEP = 2
};

/* ---- what goes wrong ---- */

/* One line, whatever strings of the script it has in it. */
static void
add_line(struct buf *into, const char *line)
{
	struct span text = utf8_whole(span_of(line));

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		buf_add_char(into, c < ' ' || c == 0x7f ? '?' : text.ptr[i]);
	}
	buf_add_char(into, '\n');
}

bool
sieve_fail(struct sieve_machine *machine, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	const struct sieve_frame *frame = machine->frame;
	va_list arguments;

	if (machine->has_failed)
		return false;
	machine->has_failed = true;
	va_start(arguments, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): started */
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	buf_printf(machine->errors, "line %lu", (unsigned long)machine->line);
	if (frame != NULL && frame->outer != NULL) {
		buf_add_string(machine->errors, " of \"");
		buf_add(machine->errors, frame->name);
		buf_add_char(machine->errors, '"');
	}
	buf_add_string(machine->errors, ": ");
	add_line(machine->errors, line);
	return false;
}

bool
sieve_spend(struct sieve_machine *machine, uint64_t steps)
{
	if (steps < machine->steps) {
		machine->steps -= steps;
		return true;
	}
	machine->steps = 0;
	return sieve_fail(machine, "this takes too many steps of comparing");
}

bool
sieve_spend_text(struct sieve_machine *machine, struct span text)
{
	size_t beyond = 0;

	for (size_t i = 0; i < text.len; i++)
		beyond += (unsigned char)text.ptr[i] >> 7;
	return sieve_spend(
	    machine, text.len / ASCII_A_STEP + beyond / OTHERS_A_STEP);
}

/* ---- memory ---- */

/* A run that asks for more than its limit has failed and ends soon; until then
 * it has what it asked for. */
static void
count_memory(struct sieve_machine *machine, size_t *taken, size_t size)
{
	*taken += size;
	if (*taken > SIEVE_MEMORY_MAX)
		sieve_fail(machine, "this takes too much memory");
}

static void *
take(struct sieve_arena **arena, size_t size)
{
	if (*arena == NULL)
		*arena = sieve_arena_new(SIZE_MAX / 2);
	void *place = sieve_arena_take(*arena, size);
	if (place == NULL)
		temp_fail("out of memory");
	return place;
}

void *
sieve_scratch(struct sieve_machine *machine, size_t size)
{
	count_memory(machine, &machine->scratch_taken, size);
	return take(&machine->scratch, size);
}

struct span
sieve_scratch_copy(struct sieve_machine *machine, struct span text)
{
	char *place = sieve_scratch(machine, text.len);

	if (text.len > 0)
		memcpy(place, text.ptr, text.len);
	return (struct span){ place, text.len };
}

void *
sieve_keep_room(struct sieve_machine *machine, size_t size)
{
	count_memory(machine, &machine->taken, size);
	return take(&machine->arena, size);
}

struct span
sieve_keep_copy(struct sieve_machine *machine, struct span text)
{
	char *place;

	if (text.ptr == NULL)
		return text;
	place = sieve_keep_room(machine, text.len);
	if (text.len > 0)
		memcpy(place, text.ptr, text.len);
	return (struct span){ place, text.len };
}

struct span
sieve_keep_buf(struct sieve_machine *machine, const struct buf *buf)
{
	return sieve_keep_copy(
	    machine, buf->len == 0 ? (struct span){ "", 0 } : buf_span(buf));
}

void
sieve_drop_scratch(struct sieve_machine *machine)
{
	sieve_arena_free(machine->scratch);
	machine->scratch = NULL;
	machine->scratch_taken = 0;
}

/* ---- the trace ---- */

void
sieve_trace(struct sieve_machine *machine, const struct sieve_node *node,
    const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	struct buf *trace = machine->run->trace;
	va_list arguments;

	if (trace == NULL)
		return;
	va_start(arguments, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): started */
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	buf_printf(trace, "%4lu  %*s%s%s", (unsigned long)node->line,
	    (int)(2 * machine->depth), "", grammar_word(node->word)->name,
	    line[0] == '\0' ? "" : ": ");
	add_line(trace, line);
}

/* ---- blocks ---- */

static bool
is_over(const struct sieve_machine *machine)
{
	return machine->has_failed || machine->has_stopped ||
	       machine->frame->has_returned;
}

static void
run_stop(struct sieve_machine *machine, const struct sieve_node *node)
{
	sieve_trace(machine, node, "%s", "");
	machine->has_stopped = true;
}

/* In the first script it is a stop, RFC 6609 section 3.3: that one ends. */
static void
run_return(struct sieve_machine *machine, const struct sieve_node *node)
{
	sieve_trace(machine, node, "%s", "");
	machine->frame->has_returned = true;
}

static void
run_error(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span text = sieve_expand_one(machine, node->arguments[0]);

	sieve_fail(machine, "%.*s", (int)text.len, text.ptr);
}

static void (*const commands[])(
    struct sieve_machine *machine, const struct sieve_node *node) = {
	[WORD_STOP] = run_stop,
	[WORD_SET] = sieve_run_set,
	[WORD_INCLUDE] = sieve_run_include,
	[WORD_RETURN] = run_return,
	[WORD_GLOBAL] = sieve_run_global,
	[WORD_ERROR] = run_error,
	[WORD_KEEP] = sieve_run_action,
	[WORD_FILEINTO] = sieve_run_action,
	[WORD_REDIRECT] = sieve_run_action,
	[WORD_DISCARD] = sieve_run_action,
	[WORD_REJECT] = sieve_run_action,
	[WORD_EREJECT] = sieve_run_action,
	[WORD_SETFLAG] = sieve_run_flags,
	[WORD_ADDFLAG] = sieve_run_flags,
	[WORD_REMOVEFLAG] = sieve_run_flags,
	[WORD_VACATION] = sieve_run_action,
	[WORD_NOTIFY] = sieve_run_action,
	[WORD_ADDHEADER] = sieve_run_addheader,
	[WORD_DELETEHEADER] = sieve_run_deleteheader,
};

static void
run_command(struct sieve_machine *machine, const struct sieve_node *node)
{
	/* The rest, "require", was seen to before. */
	if (node->word >= sizeof(commands) / sizeof(*commands) ||
	    commands[node->word] == NULL || !sieve_may_use(machine, node))
		return;
	commands[node->word](machine, node);
	sieve_drop_scratch(machine);
}

static bool
is_branch(const struct sieve_node *node)
{
	return node->word == WORD_IF || node->word == WORD_ELSIF ||
	       node->word == WORD_ELSE;
}

/* Is the block of an if, elsif or else to be run? */
static bool
is_chosen(struct sieve_machine *machine, const struct sieve_node *node)
{
	bool is_chosen_here = node->tests == NULL;

	machine->depth++;
	if (node->tests != NULL)
		is_chosen_here = sieve_test(machine, node->tests);
	machine->depth--;
	return is_chosen_here && !machine->has_failed;
}

void
sieve_run_block(struct sieve_machine *machine, const struct sieve_node *first)
{
	bool was_chosen = false; /* one of the chain of this if */

	for (const struct sieve_node *node = first;
	     node != NULL && !is_over(machine); node = node->next) {
		machine->line = node->line;
		if (!sieve_spend(machine, 1))
			return;
		if (!is_branch(node)) {
			run_command(machine, node);
			continue;
		}
		if (node->word == WORD_IF)
			was_chosen = false;
		if (was_chosen || !is_chosen(machine, node))
			continue;
		was_chosen = true;
		sieve_trace(machine, node, "%s", "its block is run");
		machine->depth++;
		sieve_run_block(machine, node->block);
		machine->depth--;
	}
}

/* ---- the run ---- */

/* RFC 6785 section 3.11. */
bool
sieve_is_for_event(
    struct sieve_machine *machine, const struct sieve_script *script)
{
	static const char *const foreign[] = { "reject", "ereject",
		"vacation" };

	if (machine->run->event == SIEVE_DELIVERY)
		return true;
	machine->line = script->first == NULL ? 0 : script->first->line;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		if (sieve_requires(script, span_of(foreign[i])))
			return sieve_fail(machine,
			    "%s is for mail that is delivered", foreign[i]);
	return true;
}

static void
leave_result(struct sieve_machine *machine)
{
	struct sieve_result *result = machine->result;
	size_t count = machine->action_count;
	struct sieve_action *actions =
	    take(&machine->arena, count * sizeof(*actions));

	if (count > 0)
		memcpy(actions, machine->actions, count * sizeof(*actions));
	result->actions = actions;
	result->count = count;
	result->body = machine->body;
	result->own_header =
	    machine->is_edited
		? machine->own_header
		: sieve_keep_copy(machine, buf_span(&machine->header));
	result->is_kept = !machine->is_cancelled;
	for (size_t i = 0; i < count; i++)
		if (actions[i].kind == SIEVE_KEEP)
			result->is_kept = true;
	if (machine->has_flags)
		result->flags = sieve_keep_buf(machine, &machine->flags);
	/* RFC 6785 section 3.7: what is in a mailbox does not change. */
	if (machine->run->event == SIEVE_DELIVERY)
		result->header = sieve_header_now(machine);
}

static void
run_script(struct sieve_machine *machine, const struct sieve_script *script)
{
	struct sieve_frame frame = { .script = script,
		.enabled = script->required,
		.variables = calloc(1, sizeof(*frame.variables)) };

	if (frame.variables == NULL)
		temp_fail("out of memory");
	machine->frame = &frame;
	if (sieve_is_for_event(machine, script) && sieve_headers_read(machine))
		sieve_run_block(machine, script->first);
	if (!machine->has_failed)
		leave_result(machine);
	machine->frame = NULL;
	sieve_variables_free(frame.variables);
}

static void
free_machine(struct sieve_machine *machine)
{
	while (machine->included != NULL) {
		struct sieve_included *included = machine->included;

		machine->included = included->next;
		sieve_free(included->script);
		free(included);
	}
	sieve_drop_scratch(machine);
	for (size_t i = 0; i < SIEVE_CAPTURES_MAX; i++)
		buf_free(&machine->captures[i]);
	sieve_variables_free(machine->globals);
	sieve_body_free(machine);
	buf_free(&machine->header);
	buf_free(&machine->flags);
	free(machine);
}

static struct sieve_machine *
new_machine(const struct sieve_run *run, struct sieve_result *result,
    struct buf *errors)
{
	struct sieve_machine *machine = calloc(1, sizeof(*machine));

	if (machine == NULL ||
	    (machine->globals = calloc(1, sizeof(*machine->globals))) == NULL)
		temp_fail("out of memory");
	machine->run = run;
	machine->result = result;
	machine->errors = errors;
	machine->steps = SIEVE_STEPS_MAX;
	machine->header = buf_new(SIEVE_HEADER_MAX);
	machine->flags = buf_new(SIEVE_FLAGS_MAX);
	sieve_flags_add(
	    machine, &machine->flags, (struct sieve_list){ &run->flags, 1 });
	for (size_t i = 0; i < SIEVE_CAPTURES_MAX; i++)
		machine->captures[i] = buf_new(SIEVE_VALUE_MAX);
	return machine;
}

bool
sieve_execute(const struct sieve_script *script, const struct sieve_run *run,
    struct sieve_result *result, struct buf *errors)
{
	struct sieve_machine *machine = new_machine(run, result, errors);
	bool is_done;

	*result = (struct sieve_result){ .is_kept = true };
	run_script(machine, script);
	result->arena = machine->arena;
	is_done = !machine->has_failed;
	if (!is_done) {
		int trouble = result->trouble;

		sieve_result_free(result);
		result->is_kept = true;
		result->trouble = trouble;
	}
	free_machine(machine);
	return is_done;
}

void
sieve_result_free(struct sieve_result *result)
{
	sieve_arena_free(result->arena);
	*result = (struct sieve_result){ .count = 0 };
}
