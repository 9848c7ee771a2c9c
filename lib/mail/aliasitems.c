#include "mail/aliasitems.h"

#include <string.h>

#include "mail/addr.h"

static const char include_prefix[] = ":include:";

/* Index after the quote that closes the one at start, 0 if none does. */
static size_t
closing_quote(struct span text, size_t start)
{
	for (size_t i = start + 1; i < text.len; i++) {
		if (text.ptr[i] == '\\')
			i++;
		else if (text.ptr[i] == '"')
			return i + 1;
	}
	return 0;
}

/* Cut through the next comma that is in no quotes; *is_open if one lacks. */
static struct span
cut_item(struct span *rest, bool *is_open)
{
	struct span text = *rest;
	size_t end = 0;

	*is_open = false;
	while (end < text.len && text.ptr[end] != ',') {
		/* A quote within a command is the shell's, and is kept. */
		size_t next =
		    text.ptr[end] == '"' ? closing_quote(text, end) : 0;

		if (text.ptr[end] == '"' && next == 0)
			*is_open = true;
		end = next > 0 ? next : end + 1;
	}
	*rest = span_slice(text, end + 1, text.len);
	return span_trim(span_slice(text, 0, end));
}

static void
add_unquoted(struct buf *into, struct span quoted)
{
	for (size_t i = 1; i + 1 < quoted.len; i++) {
		if (quoted.ptr[i] == '\\' && i + 2 < quoted.len &&
		    strchr("\"\\", quoted.ptr[i + 1]) != NULL)
			i++;
		buf_add_char(into, quoted.ptr[i]);
	}
}

/*
 * The item without its quotes, in *text: those of "|command" and |"command",
 * "name", "/path"; those of "local part"@domain belong to the address.
 */
static enum alias_item_status
unquote(struct span raw, struct buf *text)
{
	size_t start = raw.ptr[0] == '|' ? 1 : 0;
	struct span rest = span_trim(span_slice(raw, start, raw.len));

	buf_clear(text);
	if (rest.len == 0 || rest.ptr[0] != '"') {
		buf_add(text, raw);
		return ALIAS_ITEM_OK;
	}
	size_t end = closing_quote(rest, 0);
	if (start == 0 && end < rest.len && rest.ptr[end] == '@') {
		buf_add(text, raw);
		return ALIAS_ITEM_OK;
	}
	if (end < rest.len)
		return ALIAS_ITEM_AFTER_QUOTE;
	buf_add(text, span_slice(raw, 0, start));
	add_unquoted(text, rest);
	return ALIAS_ITEM_OK;
}

static bool
has_control_byte(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return true;
	return false;
}

/* Could it be a local part?  Blanks only if it was quoted. */
static bool
is_name(struct span text, bool is_quoted)
{
	if (text.len > ADDR_LOCAL_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (strchr("<>()[],;:\"\\", text.ptr[i]) != NULL ||
		    (text.ptr[i] == ' ' && !is_quoted))
			return false;
	return true;
}

static enum alias_item_status
classify_name(struct alias_item *item)
{
	struct addr addr;

	if (item->text.len == 0)
		return ALIAS_ITEM_EMPTY;
	if (item->kind == ALIAS_NAME &&
	    span_index(item->text, '@') < item->text.len) {
		item->kind = ALIAS_ADDRESS;
		return addr_parse_mailbox(item->text, &addr) == ADDR_OK
			   ? ALIAS_ITEM_OK
			   : ALIAS_ITEM_BAD_ADDRESS;
	}
	return is_name(item->text, item->raw.ptr[0] == '"')
		   ? ALIAS_ITEM_OK
		   : ALIAS_ITEM_BAD_NAME;
}

static void
drop_start(struct span *text, size_t len)
{
	*text = span_trim(span_slice(*text, len, text->len));
}

static enum alias_item_status
classify(struct alias_item *item)
{
	struct span include = span_of(include_prefix);

	if (item->text.len == 0)
		return ALIAS_ITEM_EMPTY;
	switch (item->text.ptr[0]) {
	case '|':
		item->kind = ALIAS_PROGRAM;
		drop_start(&item->text, 1);
		return item->text.len > 0 ? ALIAS_ITEM_OK : ALIAS_ITEM_EMPTY;
	case '/':
		item->kind = ALIAS_FILE;
		return ALIAS_ITEM_OK;
	case '\\':
		item->kind = ALIAS_FINAL_NAME;
		drop_start(&item->text, 1);
		return classify_name(item);
	default:
		break;
	}
	if (!span_starts_nocase(item->text, include)) {
		item->kind = ALIAS_NAME;
		return classify_name(item);
	}
	item->kind = ALIAS_INCLUDE;
	drop_start(&item->text, include.len);
	return item->text.len > 0 && item->text.ptr[0] == '/'
		   ? ALIAS_ITEM_OK
		   : ALIAS_ITEM_BAD_PATH;
}

enum alias_item_status
alias_item_next(struct span *rest, struct buf *text, struct alias_item *item)
{
	bool is_open;

	do {
		if (span_trim(*rest).len == 0) {
			*rest = span_slice(*rest, rest->len, 0);
			return ALIAS_ITEM_END;
		}
		item->raw = cut_item(rest, &is_open);
	} while (item->raw.len == 0);
	if (is_open)
		return ALIAS_ITEM_OPEN_QUOTE;
	if (has_control_byte(item->raw))
		return ALIAS_ITEM_CONTROL_BYTE;
	enum alias_item_status status = unquote(item->raw, text);
	if (status != ALIAS_ITEM_OK)
		return status;
	item->text = buf_span(text);
	return text->overflow ? ALIAS_ITEM_BAD_NAME : classify(item);
}

const char *
alias_item_status_text(enum alias_item_status status)
{
	switch (status) {
	case ALIAS_ITEM_OK:
	case ALIAS_ITEM_END:
		return "nothing is wrong";
	case ALIAS_ITEM_OPEN_QUOTE:
		return "a quote is not closed: add the second \"";
	case ALIAS_ITEM_AFTER_QUOTE:
		return "text after a closing quote: put a comma between two "
		       "items, and quotes around the whole item";
	case ALIAS_ITEM_CONTROL_BYTE:
		return "a control byte: remove it with a text editor";
	case ALIAS_ITEM_BAD_ADDRESS:
		return "not an address: write it as name@example.org";
	case ALIAS_ITEM_BAD_NAME:
		return "not a name: separate names with commas, and write "
		       "addresses without <>";
	case ALIAS_ITEM_BAD_PATH:
		return ":include: needs an absolute path: write "
		       ":include:/path";
	case ALIAS_ITEM_EMPTY:
		return "an item is empty: write what stands after | or \\, or "
		       "remove it";
	}
	return "broken item";
}
