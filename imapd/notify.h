#ifndef IMAPD_NOTIFY_H
#define IMAPD_NOTIFY_H

/*
 * notify - what NOTIFY was asked to tell of, RFC 5465: the folders as they were
 * told last, and what is watched for it.
 *
 * When     between commands and in IDLE, as soon as inotify(7) says it; what
 *          no name in cur/ or new/ shows (keywords) once a minute.
 * Limits   NOTIFY_FOLDERS_MAX folders a session; one more, or a watch that the
 *          kernel refuses, is NOTIFICATIONOVERFLOW.
 * Echo     what the session itself does is told like all else, but without
 * FETCH of the messages that it brought into the selected folder.
 */

#include "imapd/notify_parse.h"

enum {
	NOTIFY_FOLDERS_MAX = 1000
};

struct notify_folder {
	char *name;
	uint32_t attributes;
	unsigned events;
	struct folder_counts counts; /* as told */
	bool is_due;                 /* it may have changed */
	bool is_there;               /* on disk, whatever a guest sees of it */
	bool is_hidden;              /* a guest is not to know of it */
	bool is_passed;      /* in a comparison: nothing is to be told */
	bool has_child_news; /* one came or went right below it */
};

struct notify_tree {
	struct notify_folder *folders; /* in the order of account_list */
	size_t count;
	bool is_overflow;
};

struct notify {
	struct notify_request request;
	struct notify_tree tree;
	struct buf metadata; /* estafeta-metadata as it was told */
	struct buf own;      /* of uint32_t: UIDs that the client made */
	bool is_tree_due;
	int64_t looked_ms; /* at all folders */
	int watch;         /* inotify, or -1 */
};

/* Until the client says something; false at the end of time. */
bool notify_wait(struct session *session, bool is_idle);

/* Of the selected folder; all that is told without NOTIFY. */
unsigned notify_selected(const struct session *session);

/* FETCH of new messages there, if it was asked for. */
void notify_put_new(struct session *session, size_t first);

/* The client itself brought these into a folder: section 5.2. */
void notify_note_own(struct session *session, struct span name,
    const struct folder_copied *copied, size_t count);

/* The selected folder is about to be one of the others. */
void notify_unselect(struct session *session);
void notify_free(struct session *session);

/* ---- notify_metadata.c ---- */

/* From now on; nothing is told yet. */
void notify_metadata_begin(struct session *session, struct notify *notify);

/* Tell which annotations are others. */
void notify_metadata_tell(struct session *session, struct notify *notify);

/* ---- notify_tree.c ---- */

/*
 * The folders of which something is to be told, as they are now, with the
 * counts of those that old has; false with errno set, or is_overflow.
 */
bool notify_tree_read(struct session *session,
    const struct notify_request *request, const struct notify_tree *old,
    struct notify_tree *tree);
void notify_tree_free(struct notify_tree *tree);

/* The same folders, seen and asked for alike? */
bool notify_tree_equal(
    const struct notify_tree *a, const struct notify_tree *b);

/* To a guest: what of that he knows, but may not read (RFC 5465 section 3.1).
 */
void notify_tree_put_no_access(
    struct session *session, const struct notify_tree *tree);

/* Tell what is different in names and subscriptions; one that came had no
 * messages. */
void notify_tree_compare(
    struct session *session, struct notify_tree *old, struct notify_tree *new);

#endif
