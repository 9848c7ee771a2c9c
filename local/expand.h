#ifndef LOCAL_EXPAND_H
#define LOCAL_EXPAND_H

/*
 * expand - from a recipient to what is to be done: aliases(5) followed.
 *
 * The result is a list of actions without doubles.  A list in a file
 * (:include:) is an action of its own, done first: its text is then handed to
 * expand_include, which adds to the same expansion.
 *
 * Limits  EXPAND_DEPTH_MAX aliases within each other, EXPAND_NAMES_MAX names.
 */

#include "base/buf.h"
#include "local/command.h"
#include "queue/lookup.h"

enum {
	EXPAND_DEPTH_MAX = 10,
	EXPAND_NAMES_MAX = 10000,
	EXPAND_TEXT_MAX = 1 << 20, /* of one :include: file */
	EXPAND_FORWARD_MAX = 11000 /* bytes of recipients in one forward */
};

struct action {
	struct action *next;
	enum command_kind kind;
	unsigned uid;
	unsigned gid;
	bool has_mail_group;
	bool is_private; /* an include: programs and files refused */
	bool has_owner;  /* a forward: owner is its sender */
	bool is_asked;   /* a Maildir: its script needs queue-inject */
	unsigned depth;  /* an include: how deep it stands */
	struct buf path; /* or command line */
	struct buf account;
	struct buf home;
	struct buf extension;
	struct buf owner;      /* sender of what is forwarded below it */
	struct buf recipients; /* a forward: records T */
};

struct expander {
	/* Ask what an address is; the answer's spans last until the next. */
	void (*lookup)(void *context, struct span address,
	    struct packet *packet, struct lookup_answer *answer);
	void *context;
	unsigned alias_uid;
	unsigned alias_gid;
	bool may_include_programs; /* control/includeprograms */
};

struct expansion {
	const struct expander *expander;
	struct action *actions;
	struct action **last;
	uint64_t *seen; /* hashes of names, open addressing; 0 is free */
	size_t seen_room;
	size_t seen_count;
	size_t include_count; /* not yet read */
	bool is_later;        /* something cannot be known at the moment */
	bool is_failed;       /* a name is unknown */
	struct buf text;      /* why */
};

/* Follow recipient; actions are the caller's to run and remove. */
void expand_start(struct expansion *expansion, const struct expander *expander,
    struct span recipient);

/* Add what the file of an include action says. */
void expand_include(struct expansion *expansion, const struct action *include,
    struct span text);

/* Take one include off the list, NULL if there is none; free it after. */
struct action *expand_take_include(struct expansion *expansion);

void expand_free(struct expansion *expansion);
void action_free(struct action *action);

#endif
