/*
 * include - scripts within scripts, RFC 6609; and which extensions one has.
 */

#include <stdlib.h>

#include "base/die.h"
#include "mail/utf8.h"
#include "sieve/run.h"

enum {
	BYTE_STEPS = 4, /* to compile it; its tree is larger than its text */
	NAME_MAX_BYTES = 512 /* RFC 5804 section 1.6: 128 characters at least */
};

/* ---- extensions ---- */

bool
sieve_has(const struct sieve_machine *machine, enum sieve_extension extension)
{
	return (machine->frame->enabled & EXTENSION_BIT(extension)) != 0;
}

bool
sieve_may_use(struct sieve_machine *machine, const struct sieve_node *node)
{
	uint64_t missing = node->needs & ~machine->frame->enabled;

	if (missing == 0)
		return true;
	return sieve_fail(machine, "%s needs %s, and no ihave was there",
	    grammar_word(node->word)->name, grammar_extension_name(missing));
}

/* ---- include ---- */

/*
 * A name that ManageSieve may have given, RFC 5804 section 1.6, and that is in
 * no folder but its own.
 */
static bool
is_name(struct span name)
{
	struct span rest = name;

	if (name.len == 0 || name.len > NAME_MAX_BYTES || name.ptr[0] == '.')
		return false;
	while (rest.len > 0) {
		uint32_t c = utf8_next(&rest);

		if (c == UTF8_NONE || c < ' ' || c == '/' || c == 0x2028 ||
		    c == 0x2029 || (c >= 0x7f && c < 0xa0))
			return false;
	}
	return true;
}

static struct sieve_included *
find_included(struct sieve_machine *machine, struct span name, bool is_global)
{
	struct sieve_included *included = machine->included;

	while (included != NULL && (included->is_global != is_global ||
				       !span_equal(included->name, name)))
		included = included->next;
	return included;
}

/* Is it one of those that run? */
static bool
is_open(const struct sieve_machine *machine, const struct sieve_script *script)
{
	const struct sieve_frame *frame = machine->frame;

	while (frame != NULL && frame->script != script)
		frame = frame->outer;
	return frame != NULL;
}

/* Its errors become this line's. */
static struct sieve_script *
compile(struct sieve_machine *machine, struct span name, struct span text)
{
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	struct sieve_script *script = sieve_compile(text, &errors);

	if (script == NULL) {
		struct span all = buf_span(&errors);
		struct span first = span_cut(&all, '\n');

		sieve_fail(machine, "\"%.*s\" is wrong, %.*s", (int)name.len,
		    name.ptr, (int)first.len, first.ptr);
	}
	buf_free(&errors);
	return script;
}

/* NULL: there is none, or it is wrong. */
static struct sieve_included *
load(struct sieve_machine *machine, const struct sieve_node *node,
    struct span name)
{
	const struct sieve_host *host = machine->run->host;
	bool is_global = (node->flags & FLAG_GLOBAL) != 0;
	struct buf text = buf_new(SIEVE_SCRIPT_MAX);
	struct sieve_included *included = NULL;
	struct sieve_script *script = NULL;

	if (host == NULL || host->script == NULL ||
	    !host->script(host->context, is_global, name, &text)) {
		if ((node->flags & FLAG_OPTIONAL) == 0)
			sieve_fail(machine, "there is no script \"%.*s\"",
			    (int)name.len, name.ptr);
	} else if (sieve_spend(machine, BYTE_STEPS * text.len)) {
		script = compile(machine, name, buf_span(&text));
	}
	buf_free(&text);
	if (script == NULL)
		return NULL;
	included = calloc(1, sizeof(*included));
	if (included == NULL)
		temp_fail("out of memory");
	*included = (struct sieve_included){ script, name, is_global,
		machine->included };
	machine->included = included;
	return included;
}

static void
run_included(struct sieve_machine *machine, const struct sieve_included *script)
{
	struct sieve_frame *outer = machine->frame;
	unsigned depth = 0;
	struct sieve_frame frame = { .script = script->script,
		.outer = outer,
		.name = script->name,
		.is_global = script->is_global,
		.enabled = script->script->required };

	for (const struct sieve_frame *at = outer; at != NULL; at = at->outer)
		depth++;
	if (depth > SIEVE_INCLUDES_MAX) {
		sieve_fail(machine, "too many scripts within each other");
		return;
	}
	frame.variables = calloc(1, sizeof(*frame.variables));
	if (frame.variables == NULL)
		temp_fail("out of memory");
	uint32_t line = machine->line;
	machine->frame = &frame;
	if (sieve_is_for_event(machine, script->script))
		sieve_run_block(machine, script->script->first);
	machine->frame = outer;
	machine->line = line;
	sieve_variables_free(frame.variables);
}

void
sieve_run_include(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span name = node->arguments[0].items[0];
	struct sieve_included *included =
	    find_included(machine, name, (node->flags & FLAG_GLOBAL) != 0);

	if (!is_name(name)) {
		sieve_fail(machine, "\"%.*s\" is no name of a script",
		    (int)name.len, name.ptr);
		return;
	}
	if (included != NULL && (node->flags & FLAG_ONCE) != 0)
		return;
	/* Also what is the first script by another name. */
	if (included != NULL && is_open(machine, included->script)) {
		sieve_fail(machine, "\"%.*s\" would include itself",
		    (int)name.len, name.ptr);
		return;
	}
	if (included == NULL)
		included = load(machine, node, name);
	sieve_trace(machine, node, "%.*s%s", (int)name.len, name.ptr,
	    included == NULL ? ", which is not there" : "");
	if (included != NULL)
		run_included(machine, included);
}

/* ---- global ---- */

static bool
is_own(const struct sieve_frame *frame, struct span name)
{
	const struct sieve_variables *own = frame->variables;

	for (size_t i = 0; i < own->count; i++)
		if (span_equal_nocase(own->items[i].name, name))
			return true;
	return false;
}

static bool
is_global(const struct sieve_frame *frame, struct span name)
{
	for (size_t i = 0; i < frame->global_count; i++)
		if (span_equal_nocase(frame->globals[i], name))
			return true;
	return false;
}

void
sieve_run_global(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct sieve_frame *frame = machine->frame;

	for (size_t i = 0; i < node->arguments[0].count; i++) {
		struct span name = node->arguments[0].items[i];

		/* RFC 6609 section 3.4.1. */
		if (is_own(frame, name)) {
			sieve_fail(machine,
			    "%.*s was set before it was made global",
			    (int)name.len, name.ptr);
			return;
		}
		if (is_global(frame, name))
			continue;
		if (frame->global_count == SIEVE_VARIABLES_MAX) {
			sieve_fail(machine, "too many variables");
			return;
		}
		frame->globals[frame->global_count++] = name;
	}
}
