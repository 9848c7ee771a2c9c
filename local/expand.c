#include "local/expand.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/die.h"
#include "mail/addr.h"
#include "mail/aliasitems.h"

enum {
	ITEM_MAX = 12000,
	WHY_MAX = 400
};

/* Where in the tree of aliases we stand. */
struct place {
	const struct place *above;
	struct span name; /* the alias being followed */
	struct span owner;
	bool has_owner;
	bool is_private; /* inside an :include: file */
	unsigned depth;
};

static void follow(struct expansion *expansion, const struct place *place,
    struct span address, bool is_final);

/* ---- the result ---- */

static void
explain(struct expansion *expansion, const char *what, struct span about)
{
	if (expansion->text.len > 0)
		buf_add_string(&expansion->text, "; ");
	buf_add_string(&expansion->text, what);
	buf_add_string(&expansion->text, " ");
	buf_add(&expansion->text, span_slice(about, 0, 100));
}

static void
later(struct expansion *expansion, const char *what, struct span about)
{
	expansion->is_later = true;
	explain(expansion, what, about);
}

static struct action *
action_new(enum command_kind kind)
{
	struct action *action = calloc(1, sizeof(*action));

	if (action == NULL)
		temp_fail("out of memory");
	action->kind = kind;
	action->path = buf_new(PACKET_MAX);
	action->account = buf_new(PACKET_MAX);
	action->home = buf_new(PACKET_MAX);
	action->extension = buf_new(PACKET_MAX);
	action->owner = buf_new(PACKET_MAX);
	action->recipients = buf_new(PACKET_MAX);
	return action;
}

void
action_free(struct action *action)
{
	buf_free(&action->path);
	buf_free(&action->account);
	buf_free(&action->home);
	buf_free(&action->extension);
	buf_free(&action->owner);
	buf_free(&action->recipients);
	free(action);
}

static bool
is_same_action(const struct action *a, const struct action *b)
{
	return a->kind == b->kind && a->uid == b->uid &&
	       span_equal(buf_span(&a->path), buf_span(&b->path)) &&
	       span_equal(buf_span(&a->account), buf_span(&b->account));
}

/* Add an action, or drop it if the list has it. */
static void
add_action(struct expansion *expansion, struct action *action)
{
	struct action *other = expansion->actions;

	for (; other != NULL; other = other->next) {
		if (action->kind != COMMAND_FORWARD &&
		    is_same_action(other, action)) {
			action_free(action);
			return;
		}
	}
	*expansion->last = action;
	expansion->last = &action->next;
	if (action->kind == COMMAND_INCLUDE)
		expansion->include_count++;
}

static void
add_alias_action(struct expansion *expansion, const struct place *place,
    enum command_kind kind, struct span path)
{
	struct action *action = action_new(kind);

	action->uid = expansion->expander->alias_uid;
	action->gid = expansion->expander->alias_gid;
	action->depth = place->depth;
	action->has_owner = place->has_owner;
	buf_add(&action->owner, place->owner);
	buf_add(&action->path, path);
	buf_add_string(&action->account, "mta-alias");
	buf_add_string(&action->home, "/");
	add_action(expansion, action);
}

/* One forward takes as many members with the same sender as fit a command. */
static void
add_forward(
    struct expansion *expansion, const struct place *place, struct span address)
{
	struct action *action = expansion->actions;

	for (; action != NULL; action = action->next)
		if (action->kind == COMMAND_FORWARD &&
		    action->has_owner == place->has_owner &&
		    span_equal(buf_span(&action->owner), place->owner) &&
		    action->recipients.len + address.len < EXPAND_FORWARD_MAX)
			break;
	if (action == NULL) {
		action = action_new(COMMAND_FORWARD);
		action->uid = expansion->expander->alias_uid;
		action->gid = expansion->expander->alias_gid;
		action->has_owner = place->has_owner;
		buf_add(&action->owner, place->owner);
		add_action(expansion, action);
	}
	record_add(&action->recipients, 'T', address);
}

static bool
cut_prefix(struct span *text, const char *prefix)
{
	struct span start = span_of(prefix);

	if (!span_starts(*text, start))
		return false;
	*text = span_slice(*text, start.len, text->len);
	return true;
}

static void
add_mailbox(struct expansion *expansion, const struct lookup_answer *answer)
{
	struct span path = answer->mailbox;
	bool is_maildir = cut_prefix(&path, "maildir:");

	if (!is_maildir && !cut_prefix(&path, "mbox:")) {
		later(expansion, "no known kind of mailbox:", answer->mailbox);
		return;
	}
	struct action *action =
	    action_new(is_maildir ? COMMAND_MAILDIR : COMMAND_MBOX);
	action->uid = (unsigned)answer->uid;
	action->gid = (unsigned)answer->gid;
	action->has_mail_group =
	    !is_maildir && (span_starts(path, span_of("/var/spool/mail/")) ||
			       span_starts(path, span_of("/var/mail/")));
	buf_add(&action->path, path);
	buf_add(&action->account, answer->account);
	buf_add(&action->home, answer->home);
	buf_add(&action->extension, answer->extension);
	add_action(expansion, action);
}

/* ---- names seen ---- */

static size_t
seen_slot(const struct expansion *expansion, uint64_t hash)
{
	size_t slot = hash & (expansion->seen_room - 1);

	while (expansion->seen[slot] != 0 && expansion->seen[slot] != hash)
		slot = (slot + 1) & (expansion->seen_room - 1);
	return slot;
}

static void
grow_seen(struct expansion *expansion)
{
	struct expansion old = *expansion;

	expansion->seen_room = old.seen_room == 0 ? 32 : old.seen_room * 4;
	expansion->seen =
	    calloc(expansion->seen_room, sizeof(*expansion->seen));
	if (expansion->seen == NULL)
		temp_fail("out of memory");
	for (size_t i = 0; i < old.seen_room; i++)
		if (old.seen[i] != 0)
			expansion->seen[seen_slot(expansion, old.seen[i])] =
			    old.seen[i];
	free(old.seen);
}

/* Is it new?  Case is folded: two names that differ by it are one. */
static bool
see(struct expansion *expansion, struct span name, bool is_final)
{
	struct buf folded = buf_new(ITEM_MAX);

	buf_add_char(&folded, is_final ? '\\' : ' ');
	for (size_t i = 0; i < name.len; i++)
		buf_add_char(&folded, ascii_lower(name.ptr[i]));
	uint64_t hash = XXH3_64bits(folded.data, folded.len) | 1;
	buf_free(&folded);
	if (expansion->seen_count * 2 >= expansion->seen_room)
		grow_seen(expansion);
	size_t slot = seen_slot(expansion, hash);
	if (expansion->seen[slot] == hash)
		return false;
	expansion->seen[slot] = hash;
	expansion->seen_count++;
	return true;
}

static bool
is_being_followed(const struct place *place, struct span name)
{
	for (; place != NULL; place = place->above)
		if (span_equal_nocase(place->name, name))
			return true;
	return false;
}

/* ---- following ---- */

static void
follow_item(struct expansion *expansion, const struct place *place,
    const struct alias_item *item)
{
	bool may_run =
	    !place->is_private || expansion->expander->may_include_programs;
	struct span text = item->text;

	switch (item->kind) {
	case ALIAS_ADDRESS:
	case ALIAS_NAME:
		follow(expansion, place, text, false);
		return;
	case ALIAS_FINAL_NAME:
		follow(expansion, place, text, true);
		return;
	case ALIAS_INCLUDE:
		if (see(expansion, text, false))
			add_alias_action(
			    expansion, place, COMMAND_INCLUDE, text);
		return;
	case ALIAS_PROGRAM:
	case ALIAS_FILE:
		break;
	}
	if (!may_run) {
		later(expansion,
		    "an :include: file may not name files and programs "
		    "(control/includeprograms):",
		    item->raw);
	} else if (item->kind == ALIAS_PROGRAM) {
		add_alias_action(expansion, place, COMMAND_PROGRAM, text);
	} else if (text.len > 1 && text.ptr[text.len - 1] == '/') {
		text.len--;
		add_alias_action(expansion, place, COMMAND_MAILDIR, text);
	} else {
		add_alias_action(expansion, place, COMMAND_FILE, text);
	}
}

static void
follow_items(
    struct expansion *expansion, const struct place *place, struct span items)
{
	struct buf text = buf_new(ITEM_MAX);
	struct alias_item item;
	enum alias_item_status status;

	while ((status = alias_item_next(&items, &text, &item)) !=
	       ALIAS_ITEM_END) {
		if (status == ALIAS_ITEM_OK)
			follow_item(expansion, place, &item);
		else
			later(expansion, alias_item_status_text(status),
			    item.raw);
	}
	buf_free(&text);
}

/* A name as lookup reads it: quoted if it is no Dot-string. */
static void
add_address(struct buf *into, struct span name, bool is_final)
{
	bool is_quoted = name.len > 0 && name.ptr[0] != '"' &&
			 span_index(name, '@') == name.len &&
			 span_index(name, ' ') < name.len;

	if (is_final)
		buf_add_char(into, '\\');
	if (is_quoted)
		buf_add_char(into, '"');
	buf_add(into, name);
	if (is_quoted)
		buf_add_char(into, '"');
}

static void
follow_alias(struct expansion *expansion, const struct place *above,
    struct span name, const struct lookup_answer *answer)
{
	const struct place place = { .above = above,
		.name = name,
		.owner = answer->owner.len > 0 ? answer->owner : above->owner,
		.has_owner = answer->owner.len > 0 || above->has_owner,
		.is_private = false,
		.depth = above->depth + 1 };

	if (place.depth > EXPAND_DEPTH_MAX)
		later(expansion, "aliases within aliases, too deep at", name);
	else
		follow_items(expansion, &place, answer->target);
}

static void
follow_answer(struct expansion *expansion, const struct place *place,
    struct span name, const struct lookup_answer *answer)
{
	switch (answer->kind) {
	case LOOKUP_MAILBOX:
		add_mailbox(expansion, answer);
		return;
	case LOOKUP_ALIAS:
		follow_alias(expansion, place, name, answer);
		return;
	case LOOKUP_REMOTE:
	case LOOKUP_RELAY:
		add_forward(expansion, place, name);
		return;
	case LOOKUP_UNKNOWN:
		expansion->is_failed = true;
		explain(expansion, "no such user:", name);
		return;
	case LOOKUP_LATER:
		later(expansion, "", answer->text);
		return;
	}
}

static void
follow(struct expansion *expansion, const struct place *place, struct span name,
    bool is_final)
{
	struct lookup_answer answer;
	struct packet *packet;
	struct buf address = buf_new(ITEM_MAX);

	/* An alias that names itself means the user of that name, if any. */
	bool is_circle = !is_final && is_being_followed(place, name);
	is_final = is_final || is_circle;
	if (!see(expansion, name, is_final)) {
		buf_free(&address);
		return;
	}
	if (expansion->seen_count > EXPAND_NAMES_MAX) {
		later(expansion, "too many names at", name);
		buf_free(&address);
		return;
	}
	packet = malloc(sizeof(*packet));
	if (packet == NULL)
		temp_fail("out of memory");
	add_address(&address, name, is_final);
	expansion->expander->lookup(
	    expansion->expander->context, buf_span(&address), packet, &answer);
	if (!is_circle || answer.kind != LOOKUP_UNKNOWN)
		follow_answer(expansion, place, name, &answer);
	free(packet);
	buf_free(&address);
}

/* ---- outside ---- */

void
expand_start(struct expansion *expansion, const struct expander *expander,
    struct span recipient)
{
	const struct place top = { .depth = 0 };

	*expansion = (struct expansion){ .expander = expander,
		.text = buf_new(WHY_MAX) };
	expansion->last = &expansion->actions;
	follow(expansion, &top, recipient, false);
}

static bool
is_comment(struct span line)
{
	struct span text = span_trim(line);

	return text.len == 0 || text.ptr[0] == '#';
}

void
expand_include(
    struct expansion *expansion, const struct action *include, struct span text)
{
	const struct place place = { .owner = buf_span(&include->owner),
		.has_owner = include->has_owner,
		.is_private = true,
		.depth = include->depth + 1 };

	if (place.depth > EXPAND_DEPTH_MAX) {
		later(expansion, "lists within lists, too deep at",
		    buf_span(&include->path));
		return;
	}
	while (text.len > 0) {
		struct span line = span_cut(&text, '\n');

		if (!is_comment(line))
			follow_items(expansion, &place, line);
	}
}

struct action *
expand_take_include(struct expansion *expansion)
{
	struct action **link = &expansion->actions;

	while (*link != NULL && (*link)->kind != COMMAND_INCLUDE)
		link = &(*link)->next;
	struct action *found = *link;
	if (found == NULL)
		return NULL;
	*link = found->next;
	if (expansion->last == &found->next)
		expansion->last = link;
	found->next = NULL;
	return found;
}

void
expand_free(struct expansion *expansion)
{
	struct action *next;

	for (; expansion->actions != NULL; expansion->actions = next) {
		next = expansion->actions->next;
		action_free(expansion->actions);
	}
	free(expansion->seen);
	buf_free(&expansion->text);
	expansion->seen = NULL;
}
