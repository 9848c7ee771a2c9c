#include <stdlib.h>

#include "base/die.h"
#include "imapd/program.h"

void
program_init(struct program *program, int64_t now_s)
{
	*program = (struct program){ .now_s = now_s, .count = 1 };
	program->keys = calloc(PROGRAM_KEYS_MAX, sizeof(*program->keys));
	if (program->keys == NULL)
		temp_fail("out of memory");
}

void
program_free(struct program *program)
{
	for (size_t i = 0; i < program->count; i++)
		set_free(&program->keys[i].set);
	set_free(&program->saved);
	for (size_t i = 0; i < program->filter_count; i++)
		buf_free(&program->filters[i]);
	free(program->scores);
	free(program->keys);
}

static bool parse_key(struct program *program, struct session *session,
    struct parse *parse, unsigned depth, size_t *at);

static struct key *
new_key(struct program *program, enum key_kind kind, size_t *at)
{
	if (program->count == PROGRAM_KEYS_MAX)
		return NULL;
	*at = program->count++;
	program->keys[*at].kind = kind;
	return &program->keys[*at];
}

/* Keys with a space between them, onto the list of keys[parent]. */
static bool
parse_list(struct program *program, struct session *session,
    struct parse *parse, unsigned depth, size_t parent)
{
	size_t last = 0;

	do {
		size_t at;

		if (!parse_key(program, session, parse, depth, &at))
			return false;
		if (last == 0)
			program->keys[parent].child = at;
		else
			program->keys[last].next = at;
		last = at;
	} while (parse_space(parse));
	return true;
}

static const struct {
	const char *name;
	uint32_t flag;
	bool is_not;
} flags[] = {
	{ "ANSWERED", MESSAGE_ANSWERED, false },
	{ "DELETED", MESSAGE_DELETED, false },
	{ "DRAFT", MESSAGE_DRAFT, false },
	{ "FLAGGED", MESSAGE_FLAGGED, false },
	{ "RECENT", MESSAGE_RECENT, false },
	{ "SEEN", MESSAGE_SEEN, false },
	{ "UNANSWERED", MESSAGE_ANSWERED, true },
	{ "UNDELETED", MESSAGE_DELETED, true },
	{ "UNDRAFT", MESSAGE_DRAFT, true },
	{ "UNFLAGGED", MESSAGE_FLAGGED, true },
	{ "OLD", MESSAGE_RECENT, true },
	{ "UNSEEN", MESSAGE_SEEN, true },
};

static const struct {
	const char *name;
	enum key_kind kind;
	const char *field;
} texts[] = {
	{ "BCC", KEY_FIELD, "Bcc" },
	{ "CC", KEY_FIELD, "Cc" },
	{ "FROM", KEY_FIELD, "From" },
	{ "SUBJECT", KEY_FIELD, "Subject" },
	{ "TO", KEY_FIELD, "To" },
	{ "BODY", KEY_BODY, NULL },
	{ "TEXT", KEY_TEXT, NULL },
	{ "EMAILID", KEY_EMAIL_ID, NULL },
	{ "THREADID", KEY_THREAD_ID, NULL },
	{ "KEYWORD", KEY_KEYWORD, NULL },
	{ "UNKEYWORD", KEY_KEYWORD, NULL },
};

static const struct {
	const char *name;
	enum key_date date;
	int sign; /* before, on, since */
} dates[] = {
	{ "BEFORE", DATE_INTERNAL, -1 },
	{ "ON", DATE_INTERNAL, 0 },
	{ "SINCE", DATE_INTERNAL, 1 },
	{ "SENTBEFORE", DATE_SENT, -1 },
	{ "SENTON", DATE_SENT, 0 },
	{ "SENTSINCE", DATE_SENT, 1 },
	{ "SAVEDBEFORE", DATE_SAVED, -1 },
	{ "SAVEDON", DATE_SAVED, 0 },
	{ "SAVEDSINCE", DATE_SAVED, 1 },
};

static const struct {
	const char *name;
	enum key_kind kind;
	int sign; /* of WITHIN, RFC 5032, and of RFC 9738 */
} numbers[] = {
	{ "LARGER", KEY_LARGER, 0 },
	{ "SMALLER", KEY_SMALLER, 0 },
	{ "OLDER", KEY_SECOND, -1 },
	{ "YOUNGER", KEY_SECOND, 1 },
	{ "UIDBEFORE", KEY_UIDS, -1 },
	{ "UIDAFTER", KEY_UIDS, 1 },
};

/* keys[*at] is negated: *at is the KEY_NOT then. */
static bool
negate(struct program *program, size_t *at)
{
	size_t child = *at;
	struct key *key = new_key(program, KEY_NOT, at);

	if (key == NULL)
		return false;
	key->child = child;
	return true;
}

static bool
parse_text_key(
    struct program *program, struct parse *parse, size_t which, size_t *at)
{
	struct key *key = new_key(program, texts[which].kind, at);

	if (key == NULL || !parse_space(parse) ||
	    !parse_astring(parse, &key->text))
		return false;
	if (texts[which].field != NULL)
		key->field = span_of(texts[which].field);
	key->is_fuzzy = program->is_fuzzy;
	return texts[which].name[0] != 'U' || negate(program, at);
}

static bool
parse_date_key(
    struct program *program, struct parse *parse, size_t which, size_t *at)
{
	struct key *key = new_key(program, KEY_DAY, at);
	int64_t day;

	if (key == NULL || !parse_space(parse) || !parse_date(parse, &day))
		return false;
	key->date = dates[which].date;
	key->first = dates[which].sign < 0 ? INT64_MIN : day;
	key->end = dates[which].sign > 0   ? INT64_MAX
		   : dates[which].sign < 0 ? day
					   : day + 1;
	return true;
}

/* RFC 9738 section 3.3: UIDs below key->number, or above; there may be none. */
static bool
take_uids_beyond(struct key *key, int sign)
{
	uint32_t uid = (uint32_t)key->number;

	key->set = (struct set){ .ranges = buf_new(sizeof(struct set_range)) };
	if (sign < 0 && uid > 1)
		set_add(&key->set, 1, uid - 1);
	else if (sign > 0 && uid < UINT32_MAX)
		set_add(&key->set, uid + 1, UINT32_MAX);
	return uid > 0;
}

static bool
parse_number_key(
    struct program *program, struct parse *parse, size_t which, size_t *at)
{
	struct key *key = new_key(program, numbers[which].kind, at);
	bool is_short = numbers[which].kind == KEY_SECOND ||
			numbers[which].kind == KEY_UIDS;

	if (key == NULL || !parse_space(parse) ||
	    !parse_number(
		parse, is_short ? UINT32_MAX : INT64_MAX, &key->number))
		return false;
	if (key->kind == KEY_UIDS)
		return take_uids_beyond(key, numbers[which].sign);
	int64_t then = program->now_s - (int64_t)key->number;
	key->first = numbers[which].sign < 0 ? INT64_MIN : then;
	key->end = numbers[which].sign < 0 ? then + 1 : INT64_MAX;
	return numbers[which].sign == 0 || key->number > 0;
}

/* MODSEQ ["/flags/..." all] N: RFC 7162 section 3.1.5; one a message here. */
static bool
parse_modseq(struct program *program, struct parse *parse, size_t *at)
{
	struct key *key = new_key(program, KEY_MODSEQ, at);
	struct span entry;

	if (key == NULL || !parse_space(parse))
		return false;
	if (parse_peek(parse) == '"' &&
	    (!parse_string(parse, &entry) || !parse_space(parse) ||
		!parse_atom(parse, &entry) || !parse_space(parse)))
		return false;
	program->has_modseq = true;
	return parse_number(parse, INT64_MAX, &key->number);
}

static bool
parse_table_key(struct program *program, struct parse *parse, size_t *at)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (parse_keyword(parse, flags[i].name)) {
			struct key *key = new_key(program, KEY_FLAG, at);

			if (key == NULL)
				return false;
			key->flag = flags[i].flag;
			return !flags[i].is_not || negate(program, at);
		}
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (parse_keyword(parse, texts[i].name))
			return parse_text_key(program, parse, i, at);
	for (size_t i = 0; i < sizeof(dates) / sizeof(*dates); i++)
		if (parse_keyword(parse, dates[i].name))
			return parse_date_key(program, parse, i, at);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (parse_keyword(parse, numbers[i].name))
			return parse_number_key(program, parse, i, at);
	return parse_keyword(parse, "MODSEQ") &&
	       parse_modseq(program, parse, at);
}

static bool
parse_operator(struct program *program, struct session *session,
    struct parse *parse, unsigned depth, size_t *at)
{
	bool is_or = parse_keyword(parse, "OR");
	bool was_fuzzy = program->is_fuzzy;
	struct key *key = new_key(program, is_or ? KEY_OR : KEY_NOT, at);
	size_t first;
	size_t second;

	if (key == NULL || (!is_or && !parse_keyword(parse, "NOT")) ||
	    !parse_space(parse))
		return false;
	/* What is not there is not there at all. */
	program->is_fuzzy = was_fuzzy && is_or;
	bool is_good = parse_key(program, session, parse, depth, &first);
	program->is_fuzzy = was_fuzzy;
	if (!is_good)
		return false;
	key->child = first;
	if (!is_or)
		return true;
	if (!parse_space(parse) ||
	    !parse_key(program, session, parse, depth, &second))
		return false;
	program->keys[first].next = second;
	return true;
}

static bool
parse_set_key(struct program *program, struct session *session,
    struct parse *parse, size_t *at)
{
	bool is_uid = parse_keyword(parse, "UID");
	struct key *key = new_key(program, is_uid ? KEY_UIDS : KEY_SET, at);

	if (key == NULL || (is_uid && !parse_space(parse)) ||
	    !set_parse(&key->set, parse))
		return false;
	if (!key->set.is_saved) {
		program->has_number |= !is_uid;
		return true;
	}
	key->kind = KEY_UIDS;
	if (!program->saved.is_saved)
		program->saved = session_saved(session);
	return true;
}

/* NEW is RECENT and not SEEN. */
static bool
parse_new(struct program *program, size_t *at)
{
	size_t recent;
	size_t seen;
	struct key *all = new_key(program, KEY_ALL, at);
	struct key *first = new_key(program, KEY_FLAG, &recent);
	struct key *second = new_key(program, KEY_FLAG, &seen);

	if (all == NULL || first == NULL || second == NULL)
		return false;
	first->flag = MESSAGE_RECENT;
	second->flag = MESSAGE_SEEN;
	all->child = recent;
	if (!negate(program, &seen))
		return false;
	first->next = seen;
	return true;
}

static bool
parse_header(struct program *program, struct parse *parse, size_t *at)
{
	struct key *key = new_key(program, KEY_FIELD, at);

	if (key == NULL)
		return false;
	key->is_fuzzy = program->is_fuzzy;
	return parse_space(parse) && parse_astring(parse, &key->field) &&
	       parse_space(parse) && parse_astring(parse, &key->text);
}

/* RFC 5466 section 3.1: its keys, as if they stood there in parentheses. */
static bool
parse_filter(struct program *program, struct session *session,
    struct parse *parse, unsigned depth, size_t *at)
{
	struct parse value;
	struct span name;

	if (new_key(program, KEY_ALL, at) == NULL || !parse_space(parse) ||
	    !parse_atom(parse, &name) || span_index(name, '/') < name.len)
		return false;
	if (!program_open_filter(program, session, name, &value))
		return false;
	program->passes++;
	bool is_good = parse_list(program, session, &value, depth, *at) &&
		       parse_is_end(&value);
	program->passes--;
	if (!is_good && program->fault == FILTER_GOOD) {
		program->fault = FILTER_NO_SEARCH;
		program->faulty = name;
	}
	return is_good;
}

/* RFC 6203 section 3: what has no text in it is matched as without FUZZY. */
static bool
parse_fuzzy(struct program *program, struct session *session,
    struct parse *parse, unsigned depth, size_t *at)
{
	bool was_fuzzy = program->is_fuzzy;

	program->is_fuzzy = program->has_fuzzy = true;
	bool is_good =
	    parse_space(parse) && parse_key(program, session, parse, depth, at);
	program->is_fuzzy = was_fuzzy;
	return is_good;
}

static bool
is_operator(struct parse parse)
{
	return parse_keyword(&parse, "OR") || parse_keyword(&parse, "NOT");
}

static bool
parse_key(struct program *program, struct session *session, struct parse *parse,
    unsigned depth, size_t *at)
{
	char c = parse_peek(parse);

	if (depth == PARSE_DEPTH_MAX)
		return false;
	if (parse_char(parse, '('))
		return new_key(program, KEY_ALL, at) != NULL &&
		       parse_list(program, session, parse, depth + 1, *at) &&
		       parse_char(parse, ')');
	/* RFC 8514 section 4.3: here each has one. */
	if (parse_keyword(parse, "ALL") ||
	    parse_keyword(parse, "SAVEDATESUPPORTED"))
		return new_key(program, KEY_ALL, at) != NULL;
	if (parse_keyword(parse, "NEW"))
		return parse_new(program, at);
	if (parse_keyword(parse, "HEADER"))
		return parse_header(program, parse, at);
	if (parse_keyword(parse, "FUZZY"))
		return parse_fuzzy(program, session, parse, depth + 1, at);
	if (parse_keyword(parse, "FILTER"))
		return parse_filter(program, session, parse, depth + 1, at);
	if (is_operator(*parse))
		return parse_operator(program, session, parse, depth + 1, at);
	if ((c >= '0' && c <= '9') || c == '*' || c == '$' ||
	    span_starts_nocase(parse_rest(parse), span_of("UID ")))
		return parse_set_key(program, session, parse, at);
	return parse_table_key(program, parse, at);
}

bool
program_parse(
    struct program *program, struct session *session, struct parse *parse)
{
	bool is_good =
	    parse_list(program, session, parse, 0, 0) && parse_is_end(parse);

	/* RFC 7162 section 3.2.10.2: not even if UID stands before it. */
	if (program->has_number)
		session->may_expunge = false;
	return is_good && (!program->has_number ||
			      (session->enabled & ENABLED_UIDONLY) == 0);
}
