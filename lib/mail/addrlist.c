#include "mail/addrlist.h"

/* Copy a quoted string, quotes included, from the one at *at. */
static void
take_quoted(struct span text, size_t *at, struct buf *into)
{
	buf_add_char(into, text.ptr[(*at)++]);
	while (*at < text.len) {
		char c = text.ptr[(*at)++];

		buf_add_char(into, c);
		if (c == '"')
			return;
		if (c == '\\' && *at < text.len)
			buf_add_char(into, text.ptr[(*at)++]);
	}
}

/* Step over a comment; they nest.  Its text goes into into, or NULL. */
static void
take_comment(struct span text, size_t *at, struct buf *into)
{
	size_t depth = 0;

	while (*at < text.len) {
		char c = text.ptr[(*at)++];

		if (c == '\\' && *at < text.len)
			c = text.ptr[(*at)++];
		else if (c == '(' && depth++ == 0)
			continue;
		else if (c == ')' && --depth == 0)
			return;
		if (into != NULL)
			buf_add_char(into, c);
	}
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/*
 * One mailbox, up to its comma: what stands in angle brackets is the address;
 * without those, all of it is, spaces taken out.
 */
static void
take_mailbox(struct span text, size_t *at, struct buf *address)
{
	bool has_angle = false;
	bool is_inside = false;

	while (*at < text.len) {
		char c = text.ptr[*at];

		if (c == '"') {
			take_quoted(text, at, address);
			continue;
		}
		if (c == '(') {
			take_comment(text, at, NULL);
			continue;
		}
		(*at)++;
		if (c == ',' || c == ';')
			return;
		if (c == '<') {
			buf_clear(address);
			has_angle = is_inside = true;
		} else if (c == '>') {
			is_inside = false;
		} else if (c == ':' && !is_inside) {
			buf_clear(address); /* the name of a group */
		} else if (!is_space(c) && (!has_angle || is_inside)) {
			buf_add_char(address, c);
		}
	}
}

bool
addrlist_next(struct span *rest, struct buf *address)
{
	size_t at = 0;

	do {
		buf_clear(address);
		take_mailbox(*rest, &at, address);
	} while (address->len == 0 && at < rest->len);
	*rest = span_slice(*rest, at, rest->len);
	return address->len > 0;
}

/* ---- with their names ---- */

/* Where one mailbox is being put together. */
struct mailbox {
	struct buf *phrase;
	struct buf comment;
	struct buf plain; /* all but space and comments, quotes kept */
	struct buf angle;
	bool has_angle;
	bool has_space; /* since the last word of the phrase */
};

static void
add_phrase(struct mailbox *mailbox, struct span text)
{
	if (mailbox->has_space && mailbox->phrase->len > 0)
		buf_add_char(mailbox->phrase, ' ');
	mailbox->has_space = false;
	buf_add(mailbox->phrase, text);
}

/* A quoted string as it stands, without its quotes. */
static void
add_unquoted(struct buf *into, struct span quoted)
{
	for (size_t i = 0; i < quoted.len; i++) {
		if (quoted.ptr[i] == '"')
			continue;
		if (quoted.ptr[i] == '\\' && i + 1 < quoted.len)
			i++;
		if (quoted.ptr[i] != '\r' && quoted.ptr[i] != '\n')
			buf_add_char(into, quoted.ptr[i]);
	}
}

static void
take_angle(struct span text, size_t *at, struct mailbox *mailbox)
{
	(*at)++;
	mailbox->has_angle = true;
	buf_clear(&mailbox->angle);
	while (*at < text.len && text.ptr[*at] != '>') {
		char c = text.ptr[*at];

		if (c == '"') {
			take_quoted(text, at, &mailbox->angle);
		} else if (c == '(') {
			take_comment(text, at, NULL);
		} else {
			if (!is_space(c))
				buf_add_char(&mailbox->angle, c);
			(*at)++;
		}
	}
	(*at)++;
}

static void
take_quoted_word(struct span text, size_t *at, struct mailbox *mailbox)
{
	size_t before = mailbox->plain.len;

	take_quoted(text, at, &mailbox->plain);
	struct span quoted =
	    span_slice(buf_span(&mailbox->plain), before, mailbox->plain.len);
	add_phrase(mailbox, (struct span){ "", 0 });
	add_unquoted(mailbox->phrase, quoted);
}

/* Up to what ends it, which is returned: ',' ';' ':' or 0 at the end. */
static char
take_parts(struct addrlist *list, struct mailbox *mailbox)
{
	struct span text = list->rest;
	size_t at = 0;
	char end = '\0';

	while (end == '\0' && at < text.len) {
		char c = text.ptr[at];

		if (c == '"') {
			take_quoted_word(text, &at, mailbox);
		} else if (c == '(') {
			buf_clear(&mailbox->comment);
			take_comment(text, &at, &mailbox->comment);
		} else if (c == '<') {
			take_angle(text, &at, mailbox);
		} else {
			at++;
			if (c == ',' || (c == ';' && list->is_in_group) ||
			    (c == ':' && !list->is_in_group &&
				!mailbox->has_angle)) {
				end = c;
			} else if (is_space(c)) {
				mailbox->has_space = true;
			} else {
				add_phrase(mailbox, (struct span){ &c, 1 });
				buf_add_char(&mailbox->plain, c);
			}
		}
	}
	list->rest = span_slice(text, at, text.len);
	return end;
}

/* "@a,@b:local@domain", quotes as written. */
static void
split_address(struct addrlist_item *item, struct span address)
{
	if (address.len > 0 && address.ptr[0] == '@') {
		size_t colon = span_index(address, ':');

		if (colon < address.len) {
			buf_add(&item->route, span_slice(address, 0, colon));
			address = span_slice(address, colon + 1, address.len);
		}
	}
	size_t at_sign = span_last_index(address, '@');
	if (span_index(span_slice(address, at_sign, address.len), '"') <
	    address.len - at_sign)
		at_sign = address.len;
	add_unquoted(&item->local, span_slice(address, 0, at_sign));
	buf_add(&item->domain, span_slice(address, at_sign + 1, address.len));
}

/* False: there was nothing between two commas. */
static bool
finish_mailbox(struct addrlist_item *item, const struct mailbox *mailbox)
{
	struct span plain = buf_span(&mailbox->plain);

	item->kind = ADDRLIST_MAILBOX;
	if (mailbox->has_angle) {
		split_address(item, buf_span(&mailbox->angle));
		if (item->name.len == 0)
			buf_add(&item->name, buf_span(&mailbox->comment));
		return true;
	}
	if (span_index(plain, '@') < plain.len) {
		split_address(item, plain);
		buf_clear(&item->name);
	} else {
		buf_add(&item->local, buf_span(&item->name));
		buf_clear(&item->name);
	}
	buf_add(&item->name, buf_span(&mailbox->comment));
	return item->local.len > 0 || item->domain.len > 0 ||
	       item->name.len > 0;
}

static void
clear_item(struct addrlist_item *item, size_t max)
{
	struct buf *const all[] = { &item->name, &item->route, &item->local,
		&item->domain };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		buf_clear(all[i]);
		all[i]->max = max;
	}
}

static bool
take_item(struct addrlist *list, struct addrlist_item *item)
{
	size_t max = 2 * list->rest.len;
	struct mailbox mailbox = { .phrase = &item->name,
		.comment = buf_new(max),
		.plain = buf_new(max),
		.angle = buf_new(max) };
	bool is_there = true;

	clear_item(item, max);
	char end = take_parts(list, &mailbox);
	if (end == ':') {
		item->kind = ADDRLIST_GROUP;
		list->is_in_group = true;
	} else {
		is_there = finish_mailbox(item, &mailbox);
		list->owes_end = end == ';';
	}
	buf_free(&mailbox.comment);
	buf_free(&mailbox.plain);
	buf_free(&mailbox.angle);
	return is_there;
}

bool
addrlist_next_item(struct addrlist *list, struct addrlist_item *item)
{
	while (list->rest.len > 0 && !list->owes_end)
		if (take_item(list, item))
			return true;
	if (!list->is_in_group)
		return false;
	/* A group that nothing ends is ended by the field. */
	clear_item(item, 0);
	item->kind = ADDRLIST_GROUP_END;
	list->is_in_group = list->owes_end = false;
	return true;
}

void
addrlist_item_free(struct addrlist_item *item)
{
	buf_free(&item->name);
	buf_free(&item->route);
	buf_free(&item->local);
	buf_free(&item->domain);
}
