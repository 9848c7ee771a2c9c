#include "filter/scan.h"

#include <jansson.h>
#include <sys/random.h>

void
scan_prepare(void)
{
	size_t seed;

	/* 0 would be taken for "none": a file would be read for it. */
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed) || seed == 0)
		seed = 1;
	json_object_seed(seed);
}

struct scan
scan_new(void)
{
	return (struct scan){ .message = buf_new(FILTER_REPLY_MAX),
		.subject = buf_new(FILTER_VALUE_MAX) };
}

void
scan_free(struct scan *scan)
{
	buf_free(&scan->message);
	buf_free(&scan->subject);
}

struct taker {
	void (*take)(void *context, const struct filter_answer *edit);
	void *context;
};

static struct span
text_of(const json_t *string)
{
	return (struct span){ json_string_value(string),
		json_string_length(string) };
}

static bool
parse_action(const json_t *value, enum scan_action *action)
{
	static const struct {
		const char *name;
		enum scan_action action;
	} actions[] = {
		{ "no action", SCAN_PASS },
		{ "accept", SCAN_PASS },
		{ "add header", SCAN_ADD_HEADER },
		{ "rewrite subject", SCAN_REWRITE_SUBJECT },
		{ "greylist", SCAN_GREYLIST },
		{ "soft reject", SCAN_SOFT_REJECT },
		{ "reject", SCAN_REJECT },
		{ "quarantine", SCAN_QUARANTINE },
		{ "discard", SCAN_DISCARD },
	};

	if (!json_is_string(value))
		return false;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (span_equal_nocase(
			text_of(value), span_of(actions[i].name))) {
			*action = actions[i].action;
			return true;
		}
	}
	return false;
}

/* ---- header fields ---- */

static void
delete_field(const struct taker *taker, struct span name, json_t *number)
{
	json_int_t index =
	    json_is_integer(number) ? json_integer_value(number) : 0;
	const struct filter_answer edit = { .edit = FILTER_DELETE,
		.name = name,
		.index =
		    index > 0 && index < UINT32_MAX ? (uint64_t)index : 0 };

	if (filter_is_field(name, (struct span){ "", 0 }))
		taker->take(taker->context, &edit);
}

/* A value may have CRLF; it has no space in front. */
static void
add_field(const struct taker *taker, struct span name, struct span value,
    json_int_t order)
{
	struct buf text = buf_new(FILTER_VALUE_MAX);

	buf_add_char(&text, ' ');
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] != '\r')
			buf_add_char(&text, value.ptr[i]);
	const struct filter_answer edit = {
		.edit = order < 0 ? FILTER_ADD : FILTER_INSERT,
		.name = name,
		.value = buf_span(&text),
		.index = order > 0 && order < UINT32_MAX ? (uint64_t)order : 1
	};
	if (!text.overflow && filter_is_field(name, edit.value))
		taker->take(taker->context, &edit);
	buf_free(&text);
}

/* "value", or { "value": "...", "order": number }. */
static void
add_one(const struct taker *taker, struct span name, const json_t *value)
{
	const json_t *order = json_object_get(value, "order");

	if (json_is_object(value))
		value = json_object_get(value, "value");
	if (json_is_string(value))
		add_field(taker, name, text_of(value),
		    json_is_integer(order) ? json_integer_value(order) : 1);
}

static void
add_fields(const struct taker *taker, struct span name, json_t *value)
{
	if (!json_is_array(value)) {
		add_one(taker, name, value);
		return;
	}
	for (size_t i = 0; i < json_array_size(value); i++)
		add_one(taker, name, json_array_get(value, i));
}

/* Give each member of an object to handle. */
static void
for_each(const struct taker *taker, json_t *object,
    void (*handle)(const struct taker *taker, struct span name, json_t *value))
{
	void *member = json_object_iter(object);

	for (; member != NULL; member = json_object_iter_next(object, member))
		handle(taker, span_of(json_object_iter_key(member)),
		    json_object_iter_value(member));
}

static void
take_milter(const struct taker *taker, const json_t *milter)
{
	for_each(
	    taker, json_object_get(milter, "remove_headers"), delete_field);
	for_each(taker, json_object_get(milter, "add_headers"), add_fields);
}

/* ---- the answer ---- */

static double
number_of(const json_t *answer, const char *name)
{
	return json_number_value(json_object_get(answer, name));
}

static void
take_text(struct buf *into, const json_t *value)
{
	struct span text =
	    json_is_string(value) ? text_of(value) : (struct span){ "", 0 };

	if (text.len > into->max)
		text.len = into->max;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != '\r' && text.ptr[i] != '\n' &&
		    text.ptr[i] != '\0')
			buf_add_char(into, text.ptr[i]);
}

bool
scan_parse(struct span bytes, struct scan *scan,
    void (*take)(void *context, const struct filter_answer *edit),
    void *context)
{
	const struct taker taker = { take, context };
	json_error_t error;
	json_t *answer = json_loadb(bytes.ptr, bytes.len, 0, &error);
	bool is_answer =
	    json_is_object(answer) &&
	    parse_action(json_object_get(answer, "action"), &scan->action);

	if (is_answer) {
		json_t *messages = json_object_get(answer, "messages");

		take_text(
		    &scan->message, json_object_get(messages, "smtp_message"));
		take_text(&scan->subject, json_object_get(answer, "subject"));
		scan->score = number_of(answer, "score");
		scan->required = number_of(answer, "required_score");
		take_milter(&taker, json_object_get(answer, "milter"));
		add_fields(&taker, span_of("DKIM-Signature"),
		    json_object_get(answer, "dkim-signature"));
	}
	json_decref(answer);
	return is_answer;
}
