#include "sieve/check.h"

enum {
	/* Some times what a script of the largest size needs; not what one
	 * could that is made for it. */
	ARENA_MAX = 16 << 20
};

/* False: there is no more room. */
static bool
read_script(struct sieve_script *script, struct span text,
    struct report *report, struct sieve_arena *scratch)
{
	struct checker checker = { .report = report, .arena = script->arena };
	struct parse_command *first;

	if (!parse_script(text, report, script->arena, scratch, &first))
		return false;
	script->first = check_commands(&checker, first);
	script->required = checker.required;
	return !checker.is_full;
}

static struct sieve_script *
new_script(void)
{
	struct sieve_arena *arena = sieve_arena_new(ARENA_MAX);
	struct sieve_script *script = sieve_arena_take(arena, sizeof(*script));

	/* An arena that nothing was taken from has room for it. */
	script->arena = arena;
	return script;
}

struct sieve_script *
sieve_compile(struct span text, struct buf *errors)
{
	if (text.len > SIEVE_SCRIPT_MAX) {
		buf_printf(errors, "the script has more than %d bytes\n",
		    SIEVE_SCRIPT_MAX);
		return NULL;
	}
	struct sieve_script *script = new_script();
	struct sieve_arena *scratch = sieve_arena_new(ARENA_MAX);
	struct report report = report_new();
	bool is_right = read_script(script, text, &report, scratch);

	report_add_to(&report, errors);
	if (!is_right)
		buf_add_string(errors, "the script is too large\n");
	is_right = is_right && report.count == 0;
	report_free(&report);
	sieve_arena_free(scratch);
	if (is_right)
		return script;
	sieve_free(script);
	return NULL;
}

void
sieve_free(struct sieve_script *script)
{
	if (script != NULL)
		sieve_arena_free(script->arena);
}
