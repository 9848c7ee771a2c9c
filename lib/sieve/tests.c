/*
 * tests - which test is which, those that hold others, and those of a line or
 * two.
 */

#include "mail/header.h"
#include "sieve/match.h"
#include "sieve/notify.h"

enum {
	DUPLICATE_SECONDS = 7 * 24 * 60 * 60, /* RFC 7352 section 3.3 */
	DUPLICATE_SECONDS_MAX = 90 * 24 * 60 * 60,
	KEY_MAX = 2 * SIEVE_STRING_MAX + 64
};

static const char default_header[] = "Message-ID";

/* ---- of other tests; each is asked only if it matters ---- */

static bool
test_allof(struct sieve_machine *machine, const struct sieve_node *node)
{
	for (const struct sieve_node *test = node->tests; test != NULL;
	     test = test->next)
		if (!sieve_test(machine, test))
			return false;
	return true;
}

static bool
test_anyof(struct sieve_machine *machine, const struct sieve_node *node)
{
	for (const struct sieve_node *test = node->tests; test != NULL;
	     test = test->next)
		if (sieve_test(machine, test))
			return true;
	return false;
}

static bool
test_not(struct sieve_machine *machine, const struct sieve_node *node)
{
	return !sieve_test(machine, node->tests) && !machine->has_failed;
}

static bool
test_true(struct sieve_machine *machine, const struct sieve_node *node)
{
	(void)machine;
	(void)node;
	return true;
}

static bool
test_false(struct sieve_machine *machine, const struct sieve_node *node)
{
	(void)machine;
	(void)node;
	return false;
}

/* In the place of one that is not known, and that no ihave guards. */
static bool
test_error(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span text = node->arguments[0].items[0];

	return sieve_fail(machine, "%.*s", (int)text.len, text.ptr);
}

/* RFC 5463 section 4: all of them, and the script then has them. */
static bool
test_ihave(struct sieve_machine *machine, const struct sieve_node *node)
{
	uint64_t enabled = 0;

	for (size_t i = 0; i < node->arguments[0].count; i++) {
		struct span name = node->arguments[0].items[i];
		uint64_t bits = grammar_ihave(name);

		/* What is required is there, whatever it is. */
		if (bits == 0 && !sieve_requires(machine->frame->script, name))
			return false;
		enabled |= bits;
	}
	machine->frame->enabled |= enabled;
	return true;
}

/* RFC 5229 section 5: spaces count, an empty string is none for :count. */
static bool
test_string(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct sieve_list source =
	    sieve_expand_list(machine, node->arguments[0]);
	struct match match;

	match_begin(&match, machine, node, node->arguments[1]);
	for (size_t i = 0; i < source.count && !match.holds; i++)
		if (match.type != MATCH_COUNT || source.items[i].len > 0)
			match_value(&match, source.items[i]);
	return match_end(&match);
}

/* ---- size ---- */

static bool
count_bytes(void *context, struct span piece)
{
	uint64_t *size = context;

	*size += piece.len;
	return true;
}

/* In octets, as they come over the wire: RFC 5228 section 5.9. */
static bool
test_size(struct sieve_machine *machine, const struct sieve_node *node)
{
	bool is_over = (node->flags & FLAG_OVER) != 0;
	uint64_t length = machine->run->length;
	uint64_t size = length;

	/* Line ends add at most as much again: often it need not be read. */
	if (length <= node->number && node->number <= 2 * length) {
		if (!machine->has_size)
			sieve_message_read(
			    machine, 0, length, count_bytes, &machine->size);
		machine->has_size = true;
		size = machine->size;
	}
	return !machine->has_failed &&
	       (is_over ? size > node->number : size < node->number);
}

/* ---- duplicate, RFC 7352 ---- */

/* The text that tells the message; ptr NULL: it has none. */
static struct span
unique_id(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span header =
	    sieve_expand_one(machine, node->options[OPTION_HEADER]);
	struct span given =
	    sieve_expand_one(machine, node->options[OPTION_UNIQUEID]);
	struct span value;

	if (given.ptr != NULL)
		return given;
	if (header.ptr == NULL)
		header = span_of(default_header);
	if (!sieve_field_find(machine, header, 1, false, &value))
		return (struct span){ NULL, 0 };
	return sieve_field_text(machine, value);
}

/* A handle and what follows it cannot be taken for others. */
static struct span
duplicate_key(struct sieve_machine *machine, const struct sieve_node *node,
    struct span id)
{
	struct span handle =
	    sieve_expand_one(machine, node->options[OPTION_HANDLE]);
	struct buf key = buf_new(KEY_MAX);
	struct span kept;

	buf_add_string(&key, "duplicate ");
	buf_add_number(&key, handle.len);
	buf_add_char(&key, ':');
	buf_add(&key, handle);
	buf_add_char(&key, ' ');
	buf_add(&key, id);
	kept = sieve_scratch_copy(machine, buf_span(&key));
	buf_free(&key);
	return kept;
}

static void
remember(struct sieve_machine *machine, struct span key, int64_t seconds)
{
	struct sieve_action *action;

	for (size_t i = 0; i < machine->action_count; i++)
		if (machine->actions[i].kind == SIEVE_REMEMBER &&
		    span_equal(machine->actions[i].handle, key))
			return;
	action = sieve_action_add(machine, SIEVE_REMEMBER);
	if (action == NULL)
		return;
	action->handle = sieve_keep_copy(machine, key);
	action->seconds = seconds;
}

static bool
test_duplicate(struct sieve_machine *machine, const struct sieve_node *node)
{
	const struct sieve_host *host = machine->run->host;
	struct span id = unique_id(machine, node);
	int64_t seconds = node->seconds < 0 ? DUPLICATE_SECONDS : node->seconds;
	bool is_known;

	if (id.ptr == NULL || machine->has_failed || seconds == 0)
		return false;
	if (seconds > DUPLICATE_SECONDS_MAX)
		seconds = DUPLICATE_SECONDS_MAX;
	struct span key = duplicate_key(machine, node, id);
	is_known = host != NULL && host->is_remembered != NULL &&
		   host->is_remembered(host->context, key);
	/* With :last it is the last one that counts, else the first. */
	if (!is_known || (node->flags & FLAG_LAST) != 0)
		remember(machine, key, seconds);
	return is_known && !machine->has_failed;
}

/* ---- enotify ---- */

/* All of them, RFC 5435 section 4. */
static bool
test_valid_notify_method(
    struct sieve_machine *machine, const struct sieve_node *node)
{
	struct sieve_list methods =
	    sieve_expand_list(machine, node->arguments[0]);

	for (size_t i = 0; i < methods.count; i++)
		if (!sieve_notify_is_method(methods.items[i]))
			return false;
	return true;
}

/* RFC 5436 section 2.2: nobody knows who reads mail now. */
static bool
test_notify_method_capability(
    struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span method = sieve_expand_one(machine, node->arguments[0]);
	struct span capability = sieve_expand_one(machine, node->arguments[1]);
	struct match match;

	if (!sieve_notify_is_method(method) ||
	    !span_equal_nocase(capability, span_of("online")))
		return false;
	match_begin(&match, machine, node, node->arguments[2]);
	match_value(&match, span_of("maybe"));
	return match_end(&match);
}

/* ---- by their words ---- */

static sieve_tester *const tests[] = {
	[WORD_ADDRESS] = sieve_test_address,
	[WORD_ALLOF] = test_allof,
	[WORD_ANYOF] = test_anyof,
	[WORD_BODY] = sieve_test_body,
	[WORD_CURRENTDATE] = sieve_test_currentdate,
	[WORD_DATE] = sieve_test_date,
	[WORD_DUPLICATE] = test_duplicate,
	[WORD_ENVELOPE] = sieve_test_envelope,
	[WORD_ENVIRONMENT] = sieve_test_environment,
	[WORD_ERROR] = test_error,
	[WORD_EXISTS] = sieve_test_exists,
	[WORD_FALSE] = test_false,
	[WORD_HASFLAG] = sieve_test_hasflag,
	[WORD_HEADER] = sieve_test_header,
	[WORD_IHAVE] = test_ihave,
	[WORD_MAILBOXEXISTS] = sieve_test_mailboxexists,
	[WORD_METADATA] = sieve_test_metadata,
	[WORD_METADATAEXISTS] = sieve_test_metadataexists,
	[WORD_NOT] = test_not,
	[WORD_NOTIFY_METHOD_CAPABILITY] = test_notify_method_capability,
	[WORD_SERVERMETADATA] = sieve_test_servermetadata,
	[WORD_SERVERMETADATAEXISTS] = sieve_test_servermetadataexists,
	[WORD_SIZE] = test_size,
	[WORD_SPAMTEST] = sieve_test_spamtest,
	[WORD_STRING] = test_string,
	[WORD_TRUE] = test_true,
	[WORD_VALID_NOTIFY_METHOD] = test_valid_notify_method,
	[WORD_VIRUSTEST] = sieve_test_virustest,
};

bool
sieve_test(struct sieve_machine *machine, const struct sieve_node *node)
{
	bool holds = false;

	machine->line = node->line;
	machine->depth++;
	if (sieve_spend(machine, 1) && sieve_may_use(machine, node))
		holds = tests[node->word](machine, node);
	machine->depth--;
	/* A test that holds others has nothing there. */
	sieve_drop_scratch(machine);
	holds = holds && !machine->has_failed;
	sieve_trace(machine, node, "%s",
	    machine->has_failed ? "failed"
	    : holds             ? "true"
				: "false");
	return holds;
}
