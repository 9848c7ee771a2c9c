#include "store/uidlist.h"

#include <string.h>

#include "store/maildir_name.h"

enum {
	DIGITS_MAX = 19 /* what 64 bits hold whatever they are */
};

static const char first_words[] = "estafeta-uidlist 1 ";

/*
 * A number and the space behind it, if there is one.  A folder's list has some
 * hundred thousand of them: digits are looked at once.
 */
static inline bool
take_number(struct span *rest, uint64_t max, uint64_t *value)
{
	const char *at = rest->ptr;
	const char *end =
	    at + (rest->len < DIGITS_MAX ? rest->len : DIGITS_MAX);
	const char *start = at;
	uint64_t number = 0;

	while (at < end && *at >= '0' && *at <= '9')
		number = number * 10 + (uint64_t)(*at++ - '0');
	if (at == start || number > max)
		return false;
	rest->len -= (size_t)(at - start);
	if (rest->len > 0 && *at != ' ')
		return false;
	rest->ptr = rest->len > 0 ? at + 1 : at;
	rest->len -= rest->len > 0;
	*value = number;
	return true;
}

static inline bool
take_uid(struct span *rest, uint32_t *uid)
{
	uint64_t value;

	if (!take_number(rest, UINT32_MAX - 1, &value) || value == 0)
		return false;
	*uid = (uint32_t)value;
	return true;
}

bool
uidlist_parse_header(struct span line, struct uidlist_header *header)
{
	struct span words = span_of(first_words);

	if (!span_starts(line, words))
		return false;
	line = span_slice(line, words.len, line.len);
	if (!take_uid(&line, &header->uid_validity) ||
	    line.len != ACCOUNT_ID_LEN)
		return false;
	for (size_t i = 0; i < line.len; i++)
		if (strchr("0123456789abcdef", line.ptr[i]) == NULL ||
		    line.ptr[i] == '\0')
			return false;
	memcpy(header->id, line.ptr, ACCOUNT_ID_LEN);
	header->id[ACCOUNT_ID_LEN] = '\0';
	return true;
}

/* "FLAGS KEYWORDS": letters or "-", and hex. */
static bool
take_flags(struct span *rest, struct uidlist_line *out)
{
	uint64_t none = 0;

	out->flags = 0;
	out->keywords = 0;
	/* Most have neither. */
	if (rest->len > 4 && memcmp(rest->ptr, "- 0 ", 4) == 0) {
		rest->ptr += 4;
		rest->len -= 4;
		return true;
	}
	struct span letters = span_cut(rest, ' ');
	if (!span_equal(letters, span_of("-")) &&
	    (!maildir_read_letters(letters, &out->flags, &none) || none != 0))
		return false;
	return span_number(span_cut(rest, ' '), 16, UINT64_MAX, &out->keywords);
}

static bool
parse_message(struct span rest, struct uidlist_line *out)
{
	uint64_t saved;

	if (!take_uid(&rest, &out->uid) ||
	    !take_number(&rest, INT64_MAX, &out->modseq) ||
	    !take_number(&rest, INT64_MAX, &saved) || !take_flags(&rest, out))
		return false;
	out->save_date_s = (int64_t)saved;
	out->text = rest;
	return maildir_is_base(rest);
}

/* Lists of before \Recent was kept for what was appended have no such two. */
static bool
take_untold(struct span *rest, struct uidlist_state *state)
{
	state->untold_from = state->untold = 0;
	return span_equal(*rest, span_of(".")) ||
	       (take_number(rest, UINT32_MAX, &state->untold_from) &&
		   take_number(rest, UINT32_MAX, &state->untold));
}

static bool
parse_state(struct span rest, struct uidlist_state *state)
{
	return take_number(&rest, INT64_MAX, &state->cur_ns) &&
	       take_number(&rest, INT64_MAX, &state->new_ns) &&
	       take_number(&rest, INT64_MAX, &state->cur_looked_ns) &&
	       take_number(&rest, INT64_MAX, &state->new_looked_ns) &&
	       take_number(&rest, UINT32_MAX, &state->messages) &&
	       take_number(&rest, UINT32_MAX, &state->unseen) &&
	       take_number(&rest, UINT32_MAX, &state->deleted) &&
	       take_number(&rest, UINT32_MAX, &state->recent) &&
	       take_number(&rest, UINT32_MAX, &state->uid_next) &&
	       take_number(&rest, INT64_MAX, &state->modseq) &&
	       take_untold(&rest, state) && span_equal(rest, span_of("."));
}

static bool
parse_keyword(struct span rest, struct uidlist_line *out)
{
	uint64_t bit;

	if (!take_number(&rest, FOLDER_KEYWORDS_MAX - 1, &bit))
		return false;
	out->uid = (uint32_t)bit;
	out->text = rest;
	return rest.len > 0 && rest.len <= FOLDER_KEYWORD_MAX;
}

bool
uidlist_parse(struct span line, struct uidlist_line *out)
{
	struct span rest = span_slice(line, 2, line.len);

	if (line.len < 3 || line.ptr[1] != ' ' || line.len > UIDLIST_LINE_MAX)
		return false;
	out->kind = (enum uidlist_kind)line.ptr[0];
	out->text = (struct span){ "", 0 }; /* none of an earlier line's */
	switch (out->kind) {
	case UIDLIST_MESSAGE:
		return parse_message(rest, out);
	case UIDLIST_FLAGS:
		return take_uid(&rest, &out->uid) &&
		       take_number(&rest, INT64_MAX, &out->modseq) &&
		       take_flags(&rest, out);
	case UIDLIST_GONE:
		return take_uid(&rest, &out->uid) &&
		       take_uid(&rest, &out->last_uid) &&
		       out->last_uid >= out->uid &&
		       take_number(&rest, INT64_MAX, &out->modseq);
	case UIDLIST_NEXT:
		return take_uid(&rest, &out->uid) &&
		       take_number(&rest, INT64_MAX, &out->modseq);
	case UIDLIST_SINCE:
		return take_number(&rest, INT64_MAX, &out->modseq);
	case UIDLIST_KEYWORD:
		return parse_keyword(rest, out);
	case UIDLIST_UIDL:
		out->text =
		    span_slice(rest, span_index(rest, ' ') + 1, rest.len);
		return take_uid(&rest, &out->uid) && out->text.len > 0;
	case UIDLIST_STATE:
		return parse_state(rest, &out->state);
	}
	return false;
}

void
uidlist_add_header(struct buf *into, const struct uidlist_header *header)
{
	buf_printf(
	    into, "%s%u %s\n", first_words, header->uid_validity, header->id);
}

/* Not by printf: a first look at a mailbox writes a line for each message. */
static void
add_number(struct buf *into, uint64_t number)
{
	buf_add_number(into, number);
	buf_add_char(into, ' ');
}

static void
add_flags(struct buf *into, const struct uidlist_line *line)
{
	size_t start = into->len;

	maildir_add_letters(into, line->flags, 0);
	if (into->len == start)
		buf_add_char(into, '-');
	if (line->keywords == 0)
		buf_add_string(into, " 0");
	else
		buf_printf(into, " %llx", (unsigned long long)line->keywords);
}

static void
add_state(struct buf *into, const struct uidlist_state *state)
{
	const uint64_t numbers[] = { state->cur_ns, state->new_ns,
		state->cur_looked_ns, state->new_looked_ns, state->messages,
		state->unseen, state->deleted, state->recent, state->uid_next,
		state->modseq, state->untold_from, state->untold };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		add_number(into, numbers[i]);
	buf_add_char(into, '.');
}

void
uidlist_add(struct buf *into, const struct uidlist_line *line)
{
	buf_add_char(into, (char)line->kind);
	buf_add_char(into, ' ');
	switch (line->kind) {
	case UIDLIST_MESSAGE:
		add_number(into, line->uid);
		add_number(into, line->modseq);
		add_number(into, (uint64_t)line->save_date_s);
		add_flags(into, line);
		buf_add_char(into, ' ');
		break;
	case UIDLIST_FLAGS:
		add_number(into, line->uid);
		add_number(into, line->modseq);
		add_flags(into, line);
		break;
	case UIDLIST_GONE:
		add_number(into, line->uid);
		add_number(into, line->last_uid);
		buf_add_number(into, line->modseq);
		break;
	case UIDLIST_NEXT:
		add_number(into, line->uid);
		buf_add_number(into, line->modseq);
		break;
	case UIDLIST_SINCE:
		buf_add_number(into, line->modseq);
		break;
	case UIDLIST_KEYWORD:
	case UIDLIST_UIDL:
		add_number(into, line->uid);
		break;
	case UIDLIST_STATE:
		add_state(into, &line->state);
		break;
	}
	buf_add(into, line->text);
	buf_add_char(into, '\n');
}

/* ---- of others ---- */

bool
uidlist_parse_foreign_header(
    struct span line, uint32_t *uid_validity, uint32_t *uid_next)
{
	struct span version = span_cut(&line, ' ');

	*uid_validity = *uid_next = 0;
	if (span_equal(version, span_of("1")))
		return take_uid(&line, uid_validity) &&
		       take_uid(&line, uid_next);
	if (!span_equal(version, span_of("3")))
		return false;
	while (line.len > 0) {
		struct span word = span_cut(&line, ' ');
		struct span value = span_slice(word, 1, word.len);

		if (word.len > 0 && word.ptr[0] == 'V')
			take_uid(&value, uid_validity);
		else if (word.len > 0 && word.ptr[0] == 'N')
			take_uid(&value, uid_next);
	}
	return *uid_validity != 0;
}

/*
 * "UID NAME", or "UID Xvalue Yvalue :NAME".  A P without a value says that the
 * unique id is the name up to the ':'.
 */
bool
uidlist_parse_foreign(struct span line, struct uidlist_foreign *out)
{
	*out = (struct uidlist_foreign){ .uidl = { "", 0 } };
	if (!take_uid(&line, &out->uid))
		return false;
	size_t colon = span_index(line, ':');
	bool is_extended =
	    colon == 0 || (colon < line.len && line.ptr[colon - 1] == ' ');
	if (!is_extended) {
		out->name = line;
		return line.len > 0;
	}
	struct span words = span_slice(line, 0, colon);
	out->name = span_slice(line, colon + 1, line.len);
	while (words.len > 0) {
		struct span word = span_cut(&words, ' ');

		if (word.len == 1 && word.ptr[0] == 'P')
			out->uidl = maildir_base(out->name);
		else if (word.len > 1 && word.ptr[0] == 'P')
			out->uidl = span_slice(word, 1, word.len);
		else if (word.len > 1 && word.ptr[0] == 'G')
			out->guid = span_slice(word, 1, word.len);
	}
	return out->name.len > 0;
}

static bool
is_id(struct span text, size_t max)
{
	bool is_good = text.len > 0 && text.len <= max;

	for (size_t i = 0; is_good && i < text.len; i++)
		is_good = text.ptr[i] > ' ' && text.ptr[i] < 0x7f;
	return is_good;
}

void
uidlist_add_ids(struct buf *into, const struct uidlist_foreign *ids)
{
	if (is_id(ids->uidl, UIDLIST_UIDL_MAX))
		buf_add(into, ids->uidl);
	else
		buf_add_char(into, '-');
	if (!is_id(ids->guid, UIDLIST_GUID_MAX))
		return;
	buf_add_char(into, ' ');
	buf_add(into, ids->guid);
}

void
uidlist_parse_ids(struct span text, struct uidlist_foreign *out)
{
	out->uidl = span_cut(&text, ' ');
	out->guid = text;
	if (span_equal(out->uidl, span_of("-")))
		out->uidl = (struct span){ "", 0 };
}
