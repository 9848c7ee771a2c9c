/*
 * variables - strings with variables in them, and set: RFC 5229.
 */

#include <stdlib.h>
#include <string.h>

#include "mail/percent.h"
#include "mail/utf8.h"
#include "sieve/run.h"
#include "sieve/variable.h"

enum {
	MODIFIED_MAX = 3 * SIEVE_STRING_MAX /* with each byte as %XX */
};

void
sieve_variables_free(struct sieve_variables *variables)
{
	for (size_t i = 0; i < variables->count; i++)
		buf_free(&variables->items[i].value);
	free(variables);
}

/* ---- names ---- */

static const char global_space[] = "global";

/* Whose variable it is; *name loses its namespace, which is "global". */
static struct sieve_variables *
variables_of(const struct sieve_machine *machine, struct span *name)
{
	const struct sieve_frame *frame = machine->frame;
	size_t dot = span_last_index(*name, '.');

	if (dot < name->len) {
		*name = span_slice(*name, dot + 1, name->len);
		return machine->globals;
	}
	for (size_t i = 0; i < frame->global_count; i++)
		if (span_equal_nocase(frame->globals[i], *name))
			return machine->globals;
	return frame->variables;
}

static struct sieve_variable *
find(struct sieve_variables *variables, struct span name)
{
	for (size_t i = 0; i < variables->count; i++)
		if (span_equal_nocase(variables->items[i].name, name))
			return &variables->items[i];
	return NULL;
}

/* An unknown one is empty. */
static struct span
value_in(struct sieve_variables *variables, struct span name)
{
	const struct sieve_variable *variable = find(variables, name);

	return variable == NULL ? (struct span){ "", 0 }
				: buf_span(&variable->value);
}

struct span
sieve_variable_get(const struct sieve_machine *machine, struct span name)
{
	struct sieve_variables *variables = variables_of(machine, &name);

	return value_in(variables, name);
}

/* As much of it as a variable holds, with no character cut. */
static struct span
cut_value(struct span value)
{
	if (value.len <= SIEVE_VALUE_MAX)
		return value;
	return utf8_whole(span_slice(value, 0, SIEVE_VALUE_MAX));
}

void
sieve_variable_set(
    struct sieve_machine *machine, struct span name, struct span value)
{
	struct sieve_variables *variables = variables_of(machine, &name);
	struct sieve_variable *variable = find(variables, name);

	if (variable == NULL) {
		if (variables->count == SIEVE_VARIABLES_MAX) {
			sieve_fail(machine, "too many variables");
			return;
		}
		variable = &variables->items[variables->count++];
		*variable =
		    (struct sieve_variable){ name, buf_new(SIEVE_VALUE_MAX) };
	}
	buf_clear(&variable->value);
	buf_add(&variable->value, cut_value(value));
}

/* ---- references ---- */

static struct span
value_of(struct sieve_machine *machine, const struct variable *variable)
{
	struct span name = variable->name;

	if (variable->is_match)
		return variable->match < machine->capture_count
			   ? buf_span(&machine->captures[variable->match])
			   : (struct span){ "", 0 };
	if (variable->space.len == 0)
		return sieve_variable_get(machine, name);
	/* RFC 5229 section 3: a namespace that nothing brings is an error. */
	if (!sieve_has(machine, EXTENSION_INCLUDE) ||
	    !span_equal_nocase(variable->space, span_of(global_space))) {
		sieve_fail(machine, "nothing has the variable %.*s.%.*s",
		    (int)variable->space.len, variable->space.ptr,
		    (int)name.len, name.ptr);
		return (struct span){ "", 0 };
	}
	return value_in(machine->globals, name);
}

static void
add_expanded(struct sieve_machine *machine, struct buf *into, struct span text)
{
	struct variable variable;
	struct span before = { "", 0 };

	while (
	    !machine->has_failed && variable_next(&text, &before, &variable)) {
		buf_add(into, before);
		buf_add(into, value_of(machine, &variable));
	}
	buf_add(into, before);
}

struct span
sieve_expand(struct sieve_machine *machine, struct span text)
{
	struct buf expanded;
	struct span kept;

	if (!sieve_has(machine, EXTENSION_VARIABLES) || !variable_is_in(text) ||
	    !sieve_spend(machine, text.len / 16 + 1))
		return text;
	expanded = buf_new(SIEVE_STRING_MAX);
	add_expanded(machine, &expanded, text);
	if (expanded.overflow)
		sieve_fail(machine, "a string with its variables is too long");
	kept = sieve_scratch_copy(machine, buf_span(&expanded));
	buf_free(&expanded);
	return kept;
}

struct sieve_list
sieve_expand_list(struct sieve_machine *machine, struct sieve_list list)
{
	struct span *items;

	if (!sieve_has(machine, EXTENSION_VARIABLES) || list.items == NULL)
		return list;
	items = sieve_scratch(machine, list.count * sizeof(*items));
	for (size_t i = 0; i < list.count; i++)
		items[i] = sieve_expand(machine, list.items[i]);
	return (struct sieve_list){ items, list.count };
}

struct span
sieve_expand_one(struct sieve_machine *machine, struct sieve_list list)
{
	if (list.items == NULL || list.count == 0)
		return (struct span){ NULL, 0 };
	return sieve_expand(machine, list.items[0]);
}

/* ---- set ---- */

static void
change_case(struct buf *value, size_t count, bool is_upper)
{
	for (size_t i = 0; i < count && i < value->len; i++) {
		char c = value->data[i];

		if (!ascii_is_letter(c))
			continue;
		c = ascii_lower(c);
		value->data[i] = is_upper ? (char)(c - 'a' + 'A') : c;
	}
}

/* A backslash before each byte that is one of special. */
static void
quote(struct buf *value, const char *special)
{
	struct buf quoted = buf_new(value->max);

	for (size_t i = 0; i < value->len; i++) {
		char c = value->data[i];

		if (c != '\0' && strchr(special, c) != NULL)
			buf_add_char(&quoted, '\\');
		buf_add_char(&quoted, c);
	}
	buf_free(value);
	*value = quoted;
}

/* RFC 5435 section 6. */
static void
encode_url(struct buf *value)
{
	struct buf encoded = buf_new(value->max);

	percent_add_encoded(&encoded, buf_span(value));
	buf_free(value);
	*value = encoded;
}

static void
count_characters(struct buf *value)
{
	struct span rest = buf_span(value);
	uint64_t count = 0;

	for (; rest.len > 0; count++)
		utf8_next(&rest);
	buf_clear(value);
	buf_add_number(value, count);
}

/* In the order that their precedence gives, RFC 5229 section 4.1. */
static void
modify(struct buf *value, uint32_t flags)
{
	if (flags & (FLAG_LOWER | FLAG_UPPER))
		change_case(value, SIZE_MAX, (flags & FLAG_UPPER) != 0);
	if (flags & (FLAG_LOWERFIRST | FLAG_UPPERFIRST))
		change_case(value, 1, (flags & FLAG_UPPERFIRST) != 0);
	if (flags & FLAG_QUOTEWILDCARD)
		quote(value, "*?\\");
	if (flags & FLAG_QUOTEREGEX)
		quote(value, "^$.[]|()*+?{}\\");
	if (flags & FLAG_ENCODEURL)
		encode_url(value);
	if (flags & FLAG_LENGTH)
		count_characters(value);
}

void
sieve_run_set(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span name = node->arguments[0].items[0];
	struct span text = sieve_expand_one(machine, node->arguments[1]);
	struct buf value = buf_new(MODIFIED_MAX);

	buf_add(&value, text);
	if (sieve_spend(machine, value.len / 16))
		modify(&value, node->flags);
	if (!machine->has_failed)
		sieve_variable_set(machine, name, buf_span(&value));
	sieve_trace(machine, node, "%.*s is \"%.*s\"", (int)name.len, name.ptr,
	    (int)(value.len < 200 ? value.len : 200),
	    value.len == 0 ? "" : value.data);
	buf_free(&value);
}
