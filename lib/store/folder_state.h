#ifndef STORE_FOLDER_STATE_H
#define STORE_FOLDER_STATE_H

/*
 * folder_state - what the modules behind folder.h share: the view, the list on
 * disk and the names of the files.
 *
 * folder_list.c    reads estafeta-uidlist; folder_list_write.c writes it
 * folder_view.c    keeps what the list said, parsed
 * folder_scan.c    looks at the files; folder_twin.c at two of one base
 * folder_recent.c  which messages no session was told of
 * folder.c         the view, refresh, counts
 * folder_file.c    one message's file
 * folder_flags.c, folder_copy.c, folder_append.c   changes
 * folder_target.c  the folder that the last ones went to
 * folder_body.c    contents; folder_cache.c what the index has of them
 * folder_convert.c the same in another form
 */

#include "store/account_state.h"
#include "store/folder.h"
#include "store/uidlist.h"

struct folder_item {
	struct folder_message message; /* without MAILDIR_PASSED */
	uint32_t name;                 /* where its base begins in names */
	uint16_t name_len;
	uint16_t exact_len; /* not 0: of the whole name, which is not ours */
	bool is_passed;
	bool is_in_new;
	bool is_marked; /* seen by the scan, or in the list that is read */
};

/* Of messages that estafeta-view has and that nobody wanted to see yet. */
struct folder_waiting {
	int view; /* where they are to be read; -1: they are there */
	size_t names_len;
	uint64_t check;
	uint32_t unseen;
	uint32_t deleted;
	uint32_t first_unseen;
};

struct folder_cache;
struct folder_ahead;

struct folder {
	struct account *account;
	struct buf name;
	bool is_read_only;
	bool leaves_recent; /* to the next session */
	int root;
	int cur;
	int new;
	int lock; /* -1: not held */
	int lock_depth;

	/* The list. */
	int list;
	uint64_t list_offset; /* up to where it was read */
	uint64_t list_inode;
	uint64_t list_lines;
	uint64_t list_viewed; /* lines that estafeta-view has */
	bool is_list_due;     /* made, and to be written with the first scan */
	int validity;         /* of it, being written; or -1 */
	bool has_unreadable;  /* that was logged */
	bool has_open_line;   /* what follows does not begin a line */
	bool is_mid_change;   /* lines may follow that are of the same MODSEQ */
	bool is_replaced;     /* by one with another UIDVALIDITY: all is over */
	struct uidlist_header header;
	uint32_t uid_next;
	uint64_t modseq;
	uint64_t vanished_since; /* what went after it is in the list */
	uint64_t gone_modseq; /* the lowest of what is_expunged; 0: nothing */
	struct uidlist_state state;

	struct folder_item *items;
	size_t count;
	size_t room;
	bool is_as_viewed; /* estafeta-view told all, and nothing changed */
	bool is_untidy;    /* cur/ was read, and tmp/ was not */
	bool may_wait;
	struct folder_waiting waiting;
	struct buf names;
	struct span keywords[FOLDER_KEYWORDS_MAX]; /* malloc'd */
	uint64_t keywords_known;                   /* bits that have a name */
	uint64_t keywords_seen;                    /* in lines of the list */

	struct folder_cache *cache;
	struct folder_ahead *ahead;
	void (*tick)(void *context); /* folder_on_progress, or NULL */
	void *tick_context;
};

/* ---- folder.c ---- */

/* One message more is done. */
void folder_tick(const struct folder *folder);

/* Room for so many messages, whose names have so many bytes. */
void folder_expect(struct folder *folder, size_t count, size_t names_len);

/* What room was too much is given back. */
void folder_fit(struct folder *folder);

/* The item with that UID, NULL if there is none. */
struct folder_item *folder_item(struct folder *folder, uint32_t uid);
struct folder_item *folder_add_item(
    struct folder *folder, uint32_t uid, struct span base);
void folder_set_base(
    struct folder *folder, struct folder_item *item, struct span base);
/* Another name than its base and flags make. */
void folder_set_exact(
    struct folder *folder, struct folder_item *item, struct span name);
void folder_set_keyword(struct folder *folder, size_t bit, struct span keyword);

/* The base, and append the whole name; "new/" or "cur/" is not in it. */
struct span folder_base(
    const struct folder *folder, const struct folder_item *item);
void folder_add_file_name(struct buf *into, const struct folder *folder,
    const struct folder_item *item);

/* It is gone since that MODSEQ. */
void folder_mark_gone(
    struct folder *folder, struct folder_item *item, uint64_t modseq);

/* Append its line of the uid list, UIDLIST_MESSAGE or UIDLIST_FLAGS; and those
 * of all keywords. */
void folder_add_line(const struct folder *folder,
    const struct folder_item *item, enum uidlist_kind kind, struct buf *into);
void folder_add_keyword_lines(const struct folder *folder, struct buf *into);

/* Locks nest. */
enum account_status folder_lock(struct folder *folder);
void folder_unlock(struct folder *folder);

/*
 * Under the lock: what the list and the files say now.  parts are looked at
 * whatever their times say.
 */
enum account_status folder_update(struct folder *folder, unsigned parts);

/* Under the lock: what the list says; for who only adds to it. */
enum account_status folder_read(struct folder *folder);

/* ---- folder_file.c ---- */

/* May it take what is \Recent from other sessions? */
bool folder_takes_recent(const struct folder *folder);

/* How many bytes an item's file has; 0 if it is not where we think. */
uint64_t folder_item_bytes(
    const struct folder *folder, const struct folder_item *item);

/* The same, only where we think that it is. */
int folder_try_open(struct folder *folder, size_t i);

/*
 * Message i could not be opened or read, and errno says why.  Not a matter of
 * what may be changed: account_error is for that.  The first is logged.
 */
enum account_status folder_file_error(struct folder *folder, size_t i);

/* ---- folder_ahead.c ---- */

/* Message i's file, if it was opened ahead; else -1.  Others are begun. */
int folder_ahead_take(struct folder *folder, size_t i);
void folder_ahead_free(struct folder *folder);

/* ---- folder_target.c ---- */

/*
 * A folder that messages are to come into, as folder_open(..., true) gives it;
 * kept for the next time by folder_target_done.
 */
enum account_status folder_target(
    struct folder **folder, struct account *account, struct span name);
void folder_target_done(struct folder *folder);

/* The locks of two, which may be one folder opened twice: what is written goes
 * to the source's list first. */
enum account_status folder_lock_both(
    struct folder *source, struct folder *target);
void folder_unlock_both(struct folder *source, struct folder *target);

/* ---- folder_flags.c ---- */

/* folder_expunge under the lock, of a folder however it was opened. */
enum account_status folder_expunge_locked(
    struct folder *folder, const size_t *indexes, size_t count);

/* ---- folder_list.c ---- */

extern const char folder_list_name[];

/*
 * Read what is new in the list; false with errno set.  ENOENT: there is none,
 * EBADMSG: it is no list, ESTALE: it is of another UIDVALIDITY, and nothing of
 * it was taken.
 */
bool folder_list_read(struct folder *folder);

/* From the beginning to where it has a line's end, of the file that is open. */
bool folder_list_read_to(struct folder *folder, uint64_t end);

/* Forget what was read of it. */
void folder_list_close(struct folder *folder);

/* ---- folder_make.c, folder_list_write.c ---- */

/*
 * Make a list, of what another server left or of nothing; under the lock.  With
 * is_list_due it is in memory alone: one write and its syncs are enough for it
 * and what the scan that follows finds.
 */
bool folder_list_make(struct folder *folder);

/* Append lines, and fdatasync if is_durable; under the lock. */
bool folder_list_append(
    struct folder *folder, struct span lines, bool is_durable);

/*
 * Write it anew if most of it is history; under the lock.  It is as good as it
 * was if the disk has no room for that.
 */
void folder_list_compact(struct folder *folder);
bool folder_list_rewrite(struct folder *folder);

/* The keywords' names of dovecot-keywords; and write them there. */
void folder_read_keywords(struct folder *folder);
bool folder_write_keywords(struct folder *folder);

/* ---- folder_times.c ---- */

enum folder_part {
	FOLDER_CUR = 1 << 0,
	FOLDER_NEW = 1 << 1
};

uint64_t folder_now_ns(void);

/* The times of change of cur/ and new/ as they are now. */
bool folder_times(const struct folder *folder, struct uidlist_state *state);

/*
 * The parts that must be looked at.  is_opening: that may come later where
 * only our own changes are known.
 */
unsigned folder_parts_changed(const struct folder *folder, bool is_opening);

/*
 * We changed cur/, which was known before, and perhaps new/, where more may
 * have come that must be looked at.  False with errno set.
 */
bool folder_note_change(struct folder *folder, bool in_new);

/* Append the state's line, with the counts of now. */
void folder_add_state(struct folder *folder, struct buf *lines);

/* ---- folder_recent.c ---- */

/* Is there what no session was told of?  May this one say that it was? */
bool folder_has_untold(const struct folder *folder);
bool folder_must_take(const struct folder *folder);

/*
 * Under the lock: it is \Recent in this session from now on, and in no other
 * that asks later.  True: the list must say so; folder_note_told does that.
 */
bool folder_take_untold(struct folder *folder);
void folder_note_told(struct folder *folder);

/* Who may not change the folder sees it \Recent, and takes it from nobody. */
void folder_look_at_untold(struct folder *folder);

/* ---- folder_tidy.c ---- */

/*
 * What no client need wait for: a view is saved if one is due, and after cur/
 * was read what lies in tmp/ since days goes.
 */
void folder_tidy(struct folder *folder);

/* ---- folder_view.c ---- */

/*
 * What a cache says of the list that was just opened, if it says anything; with
 * may_wait without the items, if no line follows.
 */
struct stat;
void folder_view_load(struct folder *folder, const struct stat *list);

/* Write it, if that is worth while; just opened, nothing expunged. */
void folder_view_save(struct folder *folder);

/* The same before the folder is closed; what is this session's is dropped. */
void folder_view_leave(struct folder *folder);

/* ---- folder_fresh.c ---- */

/* The name of an item whose flags changed, in cur/: letters that only another
 * program knows stay in it. */
void folder_name_anew(struct folder *folder, struct folder_item *item);

/* ---- folder_scan.c ---- */

/* Read some of cur/ and new/; under the lock.  If it fails, or the list cannot
 * be written, what we know is what we knew: the next one may have more luck. */
enum account_status folder_scan(struct folder *folder, unsigned parts);

void folder_cache_free(struct folder *folder);

#endif
