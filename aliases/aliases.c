#include "aliases/aliases.h"

#include <string.h>

#include "mail/addr.h"
#include "mail/aliasitems.h"

enum {
	LOGICAL_MAX = 1 << 20
};

void
aliases_open(struct aliases_reader *reader, struct span text)
{
	*reader = (struct aliases_reader){ .rest = text,
		.line = 1,
		.logical = buf_new(LOGICAL_MAX),
		.name = buf_new(LOGICAL_MAX),
		.target = buf_new(ALIASES_TARGET_MAX),
		.item = buf_new(ALIASES_TARGET_MAX) };
}

void
aliases_close(struct aliases_reader *reader)
{
	buf_free(&reader->logical);
	buf_free(&reader->name);
	buf_free(&reader->target);
	buf_free(&reader->item);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_nothing(struct span line)
{
	return span_trim(line).len == 0 || line.ptr[0] == '#';
}

static struct span
cut_line(struct aliases_reader *reader)
{
	reader->line++;
	return span_cut(&reader->rest, '\n');
}

/* Gather one entry in reader->logical; false at the end of the text. */
static bool
read_logical(struct aliases_reader *reader, unsigned *line)
{
	buf_clear(&reader->logical);
	while (reader->rest.len > 0) {
		struct span peek = reader->rest;
		struct span next = span_cut(&peek, '\n');

		if (is_nothing(next)) {
			cut_line(reader);
			continue;
		}
		if (reader->logical.len > 0 && !is_blank(next.ptr[0]))
			return true;
		if (reader->logical.len == 0)
			*line = reader->line;
		else
			buf_add_char(&reader->logical, ' ');
		buf_add(&reader->logical, span_trim(cut_line(reader)));
		if (is_blank(next.ptr[0]) && *line == reader->line - 1)
			return true; /* continues nothing: an entry by itself */
	}
	return reader->logical.len > 0;
}

/* The index of the colon that ends the name; text.len if there is none. */
static size_t
find_colon(struct span text)
{
	bool is_quoted = false;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"')
			is_quoted = !is_quoted;
		else if (text.ptr[i] == ':' && !is_quoted)
			return i;
	}
	return text.len;
}

static const char *
read_name(struct aliases_reader *reader, struct span raw)
{
	bool is_quoted =
	    raw.len >= 2 && raw.ptr[0] == '"' && raw.ptr[raw.len - 1] == '"';
	struct span name = is_quoted ? span_slice(raw, 1, raw.len - 2) : raw;

	buf_clear(&reader->name);
	if (name.len == 0)
		return "no name before the colon: write one";
	if (name.len > ADDR_LOCAL_MAX)
		return "the name is over 64 bytes: make it shorter";
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (c == '@')
			return "an alias is a name of this host, without @: "
			       "for other domains make an account with "
			       "mtactl user add";
		if ((unsigned char)c < ' ' || c == 0x7f || c == '"' ||
		    c == '\\' || (!is_quoted && strchr(" <>()[],;:|/", c)))
			return "not a name before the colon: quote it if it "
			       "holds blanks or signs";
		buf_add_char(&reader->name, ascii_lower(c));
	}
	return NULL;
}

static const char *
read_target(struct aliases_reader *reader, struct span rest)
{
	struct alias_item item;
	enum alias_item_status status;

	buf_clear(&reader->target);
	while ((status = alias_item_next(&rest, &reader->item, &item)) ==
	       ALIAS_ITEM_OK) {
		if (reader->target.len > 0)
			buf_add_string(&reader->target, ", ");
		buf_add(&reader->target, item.raw);
	}
	if (status != ALIAS_ITEM_END)
		return alias_item_status_text(status);
	if (reader->target.overflow)
		return "over 12000 bytes for one alias: put its members into "
		       "a file and write :include:/path";
	if (reader->target.len == 0)
		return "nothing after the colon: name at least one recipient";
	return NULL;
}

enum aliases_status
aliases_next(struct aliases_reader *reader, struct aliases_entry *entry,
    const char **mend)
{
	if (!read_logical(reader, &entry->line))
		return ALIASES_END;
	struct span text = buf_span(&reader->logical);
	size_t colon = find_colon(text);

	if (reader->logical.overflow)
		*mend = "over 1 MiB for one alias: use :include:/path";
	else if (colon == text.len)
		*mend = "no colon: write name: recipient, recipient ... (or "
			"begin the line with a blank to continue the last)";
	else
		*mend =
		    read_name(reader, span_trim(span_slice(text, 0, colon)));
	if (*mend == NULL)
		*mend =
		    read_target(reader, span_slice(text, colon + 1, text.len));
	if (*mend != NULL)
		return ALIASES_ERROR;
	entry->name = buf_span(&reader->name);
	entry->target = buf_span(&reader->target);
	return ALIASES_OK;
}
