#ifndef IMAPD_THREADS_H
#define IMAPD_THREADS_H

/*
 * threads - messages as trees of replies: RFC 5256 section 3, and Dovecot's
 * THREAD=REFS (draft-ietf-morg-inthread): REFERENCES without the gathering of
 * subjects, the threads in the order of their latest messages.
 *
 * Limits   names.h: what is referred to beyond that is passed over, and a
 *          message whose own message-id found no room is nobody's parent.
 * Memory   60 bytes a message and a message-id; nothing recurses, whatever the
 *          depth.
 */

#include "imapd/forest.h"
#include "imapd/names.h"
#include "store/folder.h"

enum threads_kind {
	THREADS_ORDERED_SUBJECT,
	THREADS_REFERENCES,
	THREADS_REFS
};

/* A message, or a dummy: one that is referred to only.  0 is the root. */
struct threads_node {
	uint32_t parent;
	uint32_t first; /* child; by date */
	uint32_t next;  /* sibling */
	uint32_t row;   /* of the message; UINT32_MAX: a dummy */
};

struct threads_message {
	int64_t date_s;
	uint32_t subject; /* 0: empty */
	uint32_t rank;    /* by date, then by row */
	uint32_t node;
	bool is_reply;
};

struct threads {
	enum threads_kind kind;
	struct forest forest;
	struct names ids;
	struct names subjects;
	struct buf node_of_id; /* of uint32_t, by the id's number */
	struct buf nodes;      /* of struct threads_node */
	struct buf messages;   /* of struct threads_message */
};

struct threads threads_new(enum threads_kind kind);
void threads_free(struct threads *threads);

/* The next row's message, by rising number. */
void threads_add(
    struct threads *threads, const struct folder_thread_data *data);

/* There are no more: the trees are made. */
void threads_end(struct threads *threads);

/* "(1)(2 3)((4)(5 6))" onto text, each row by its number. */
void threads_put(
    const struct threads *threads, const uint32_t *numbers, struct buf *text);

/* ---- threads_trees.c, for threads.c ---- */

struct threads_node *threads_node(const struct threads *threads, uint32_t node);
struct threads_message *threads_message(
    const struct threads *threads, size_t row);
size_t threads_node_count(const struct threads *threads);
size_t threads_message_count(const struct threads *threads);
uint32_t threads_add_node(struct threads *threads, uint32_t row);

/* Steps 2 and 3: dummies go, but at the top where they have several children.
 */
void threads_prune(struct threads *threads);

/* Step 5: threads of one subject become one. */
void threads_gather(struct threads *threads);

/* Lists of children as the parents say, in order (steps 4 and 6). */
void threads_make_lists(struct threads *threads);

#endif
