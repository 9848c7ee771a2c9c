#ifndef STORE_FOLDER_H
#define STORE_FOLDER_H

/*
 * folder - one open folder of an account: a view of its messages that changes
 * only when it is refreshed, so that sequence numbers hold (RFC 9051 section
 * 7.5.1), and what IMAP asks about them.
 *
 * Truth     the files, their names' flags, and the small uid list beside them;
 *           an index caches everything else and may be lost at any time.
 * Others    deliveries, other sessions and other programs may add, rename and
 *           remove files at any moment: a message that is gone is reported as
 *           ACCOUNT_NONEXISTENT and expunged at the next refresh.
 * Durable   what returns ACCOUNT_OK is on stable storage: flags, appends,
 *           copies, moves, expunges.
 * Lines     octets are counted and handed out with CRLF line ends, whatever the
 *           file has; nothing is added to a last line without one.  A NUL goes
 *           out as 0x80 but in SECTION_DECODED (RFC 9051 section 4.3).
 * Memory    spans that are handed out last until the next call on the folder.
 *           What is cached for messages is read and made in batches that grow
 *           while the same question is asked for one message after another in
 *           rising order; folder_rest gives all of it back.
 */

#include "store/account.h"

enum message_flag {
	MESSAGE_SEEN = 1 << 0,
	MESSAGE_ANSWERED = 1 << 1,
	MESSAGE_FLAGGED = 1 << 2,
	MESSAGE_DELETED = 1 << 3,
	MESSAGE_DRAFT = 1 << 4,
	MESSAGE_RECENT = 1 << 5 /* IMAP4rev1; this session saw it first */
};

enum {
	FOLDER_KEYWORDS_MAX = 64, /* in one folder */
	FOLDER_KEYWORD_MAX = 100, /* bytes of one */
	FOLDER_EMAIL_ID_MAX = 40
};

#define FOLDER_OCTETS_UNKNOWN UINT64_MAX

struct folder_message {
	uint32_t uid;
	uint32_t flags;
	uint64_t keywords; /* bit i: keyword i of the folder */
	uint64_t modseq;
	uint64_t octets; /* RFC822.SIZE or FOLDER_OCTETS_UNKNOWN */
	int64_t save_date_s;
	bool is_expunged; /* still in the view, but gone */
	bool is_changed;  /* flags or keywords, by others than this folder's */
			  /* caller, since folder_forget_changes */
};

struct folder;

/* *folder is changed on ACCOUNT_OK only. */
enum account_status folder_open(struct folder **folder, struct account *account,
    struct span name, bool is_read_only);

/* The same to change something, for no session: what is \Recent stays so. */
enum account_status folder_open_aside(
    struct folder **folder, struct account *account, struct span name);

/*
 * The same, but where a cache tells how many messages there are they may stay
 * unread until folder_load.  Before that only folder_count, folder_counts,
 * folder_first_unseen, folder_keyword, folder_on_progress, folder_rest and
 * folder_close may be called.  If folder_load does not return ACCOUNT_OK, only
 * the last may be called after it.
 */
enum account_status folder_open_unread(struct folder **folder,
    struct account *account, struct span name, bool is_read_only);
enum account_status folder_load(struct folder *folder);

void folder_close(struct folder *folder);

/*
 * Before a wait: the index is closed, what was cached is freed, and what the
 * client need not have waited for is done.
 */
void folder_rest(struct folder *folder);

/*
 * tick is called for each message that a long call (folder_match, folder_copy)
 * is done with; it must not wait, and must not call the folder.
 */
void folder_on_progress(
    struct folder *folder, void (*tick)(void *context), void *context);

/* Of the view and the folder as last refreshed. */
void folder_counts(const struct folder *folder, struct folder_counts *counts);

/*
 * STATUS SIZE (RFC 8438) and DELETED-STORAGE (RFC 9208): sums of RFC822.SIZE.
 * A message that cannot be read counts as if each of its bytes were a line.
 */
enum account_status folder_sum_octets(
    struct folder *folder, uint64_t *octets, uint64_t *deleted_octets);
size_t folder_count(const struct folder *folder);

/* The number of the first message that is not \\Seen; 0 if all are. */
uint32_t folder_first_unseen(const struct folder *folder);

/* Message i of the view (sequence number i + 1), by rising UID. */
const struct folder_message *folder_message(
    const struct folder *folder, size_t i);

/* The first i whose UID is at least uid; folder_count if there is none. */
size_t folder_find(const struct folder *folder, uint32_t uid);

/* Keyword i, or an empty span.  In UTF-8, as first written. */
struct span folder_keyword(const struct folder *folder, size_t i);

/*
 * The bit of a keyword (ASCII case ignored), made if may_add; 0 if there is
 * none, or no room for one more.
 */
uint64_t folder_keyword_bit(
    struct folder *folder, struct span keyword, bool may_add);

/* The same of many, made; false: one cannot be, or there is no room for all,
 * which makes none. */
bool folder_keyword_bits(struct folder *folder, const struct span *keywords,
    size_t count, uint64_t *bits);

/*
 * See what changed: new messages are added at the end of the view, gone ones
 * are marked is_expunged, changed ones is_changed.
 */
enum account_status folder_refresh(struct folder *folder);

/*
 * Did others number its messages anew, with another UIDVALIDITY?  Then the view
 * stays as it is, no call takes news or changes anything any more, and the
 * folder is to be opened again.
 */
bool folder_is_replaced(const struct folder *folder);

/* Is it gone, whatever has its name now?  No call finds or changes anything. */
bool folder_is_deleted(const struct folder *folder);

/*
 * The lowest MODSEQ of the expunged ones that are in the view; 0: there is
 * none.  It may be lower than that, never higher.
 */
uint64_t folder_gone_modseq(const struct folder *folder);

/*
 * Take the expunged ones out of the view, from the last to the first; take
 * gets each one's index at that moment and its UID.  It may be NULL.
 */
void folder_drop_expunged(struct folder *folder,
    void (*take)(void *context, size_t i, uint32_t uid), void *context);
void folder_forget_changes(struct folder *folder);

/*
 * UIDs that were expunged after modseq (RFC 7162 section 3.2.5), ranges in
 * rising order; false if that is not known any more: then all that are missing
 * between 1 and UIDNEXT are handed out.
 */
bool folder_vanished(struct folder *folder, uint64_t modseq,
    void (*take)(void *context, uint32_t first, uint32_t last), void *context);

/* ---- changes: indexes are of the view, in rising order ---- */

enum flag_change {
	FLAGS_ADD,
	FLAGS_REMOVE,
	FLAGS_REPLACE
};

/*
 * STORE.  A message whose modseq is above unchanged_since (RFC 7162 section
 * 3.1.3; UINT64_MAX: no matter) is left as it is and handed to refused, which
 * may be NULL.  ACCOUNT_IN_USE: another program renames a message's file again
 * and again; ACCOUNT_LIMIT: its name has no room for a keyword's letter; the
 * others are changed.
 */
enum account_status folder_change_flags(struct folder *folder,
    const size_t *indexes, size_t count, enum flag_change change,
    uint32_t flags, uint64_t keywords, uint64_t unchanged_since,
    void (*refused)(void *context, size_t i), void *context);

/*
 * Something of the folder changed that is no message: a new HIGHESTMODSEQ
 * (RFC 7162 section 3.2).  A folder that holds no messages has none.
 */
enum account_status folder_raise_modseq(
    struct account *account, struct span name);

/* Expunge these, whatever their flags; they stay in the view, marked. */
enum account_status folder_expunge(
    struct folder *folder, const size_t *indexes, size_t count);

/* What COPYUID says (RFC 4315 section 3): target_uids[k] of indexes[k]. */
struct folder_copied {
	uint32_t uid_validity;
	uint32_t *uids; /* count of them; the caller's to free */
};

/*
 * COPY and MOVE (RFC 6851), all or nothing; a copy is a hard link.  target is
 * not created.  ACCOUNT_LIMIT: it has no room for a keyword.
 */
enum account_status folder_copy(struct folder *folder, const size_t *indexes,
    size_t count, struct span target, bool is_move,
    struct folder_copied *copied);

/* The same, but the copies are without what the user may not set there, from
 * the moment that they can be seen (RFC 4314 section 4). */
struct folder_copying {
	struct span target;
	bool is_move;
	uint32_t lost_flags; /* of message_flag */
	bool has_no_keywords;
};
enum account_status folder_copy_without(struct folder *folder,
    const size_t *indexes, size_t count, const struct folder_copying *copying,
    struct folder_copied *copied);

/*
 * APPEND, MULTIAPPEND (RFC 3502), REPLACE (RFC 8508): several messages that
 * appear together or not at all.  ACCOUNT_LIMIT: the folder has no room for a
 * keyword, or it is too long.
 */
struct folder_append;
enum account_status folder_append_begin(
    struct folder_append **append, struct account *account, struct span name);
/* The next message; date_s INT64_MIN: now. */
enum account_status folder_append_message(struct folder_append *append,
    uint32_t flags, const struct span *keywords, size_t keyword_count,
    int64_t date_s);
/* Of so many octets: may they come?  To be asked before they do. */
enum account_status folder_append_room(
    struct folder_append *append, uint64_t octets);
enum account_status folder_append_bytes(
    struct folder_append *append, struct span bytes);
/*
 * The commit expunges message i of a folder too, which stays open until the
 * append is freed (REPLACE): all or nothing, and its octets count for nothing.
 * A disk that fails in between may leave both, or report an error though the
 * new one came; it never leaves neither.
 */
void folder_append_replaces(
    struct folder_append *append, struct folder *folder, size_t i);
/*
 * copied->uids: one for each message.  ACCOUNT_NONEXISTENT: what was to be
 * replaced is gone.
 */
enum account_status folder_append_commit(
    struct folder_append *append, struct folder_copied *copied);
void folder_append_free(struct folder_append *append); /* no commit: undone */

/* ---- contents ---- */

/*
 * The message's file as it is, wherever others moved it, open to be read: the
 * caller's.  -1 with errno set, ENOENT: it is gone.
 */
int folder_open_message(struct folder *folder, size_t i);

/* RFC822.SIZE, counted if it must be. */
enum account_status folder_octets(
    struct folder *folder, size_t i, uint64_t *octets);

/* INTERNALDATE: the file's time of change.  Of a message that is gone: error.
 */
enum account_status folder_internal_date(
    struct folder *folder, size_t i, int64_t *date_s);

/*
 * ENVELOPE (RFC 9051 section 7.5.2), BODY and BODYSTRUCTURE as FETCH sends
 * them, from the index or made now.  is_utf8: UTF8=ACCEPT is on (RFC 6855).
 */
enum account_status folder_envelope(
    struct folder *folder, size_t i, bool is_utf8, struct span *text);
enum account_status folder_structure(struct folder *folder, size_t i,
    bool is_extended, bool is_utf8, struct span *text);

/* PREVIEW, RFC 8970: at most 200 characters, UTF-8; EMAILID and THREADID. */
enum account_status folder_preview(
    struct folder *folder, size_t i, struct span *text);
enum account_status folder_object_ids(struct folder *folder, size_t i,
    char email_id[FOLDER_EMAIL_ID_MAX + 1],
    char thread_id[FOLDER_EMAIL_ID_MAX + 1]);

/* What BODY[...] names, RFC 9051 section 6.4.5.1. */
enum section_kind {
	SECTION_WHOLE,  /* BODY[], BODY[1.2] */
	SECTION_HEADER, /* of the message, or of a message/rfc822 part */
	SECTION_FIELDS,
	SECTION_FIELDS_NOT,
	SECTION_TEXT,
	SECTION_MIME
};

enum section_form {
	SECTION_AS_SENT,
	SECTION_DECODED /* BINARY[...], RFC 3516 */
};

struct section {
	enum section_kind kind;
	enum section_form form;
	const uint32_t *part; /* 1.2 is { 1, 2 }; none: the message */
	size_t part_count;
	const struct span *fields;
	size_t field_count;
};

/*
 * A section to read: its file stays open, so it can be read to its end though
 * the message is expunged or renamed meanwhile.  *octets: the size of all of
 * it.  ACCOUNT_NO_PART if the message has no such part, ACCOUNT_INVALID if it
 * cannot be decoded ([UNKNOWN-CTE]); *opened is changed on ACCOUNT_OK only.
 */
struct folder_section;
enum account_status folder_section_open(struct folder *folder, size_t i,
    const struct section *section, struct folder_section **opened,
    uint64_t *octets);
void folder_section_close(struct folder_section *section);

/*
 * Hand octets [offset, offset + length) of a section to take, which returns
 * false to stop (then ACCOUNT_ERROR); all of it is found without reading what
 * lies behind it.
 */
enum account_status folder_section_read(const struct folder_section *section,
    uint64_t offset, uint64_t length,
    bool (*take)(void *context, struct span piece), void *context);

/* ---- conversions, RFC 5259 ---- */

/*
 * The type of a section (SECTION_WHOLE) in lower case, onto type; of the
 * message it is message/rfc822.  parameters gets those of a leaf as they stand
 * in its Content-Type.  ACCOUNT_NO_PART as above.
 */
enum account_status folder_part_type(struct folder *folder, size_t i,
    const struct section *section, struct buf *type, struct buf *parameters);

/*
 * Append the section as how says, which is one of that type, in the writer's
 * character set, whose name is charset.  ACCOUNT_LIMIT: it has more than max
 * octets, or becomes more than out->max.  ACCOUNT_INVALID: it cannot be
 * decoded, or its character set is not known.  On ACCOUNT_OK the writer says
 * whether something was lost.
 */
struct conversion;
struct charset_writer;
struct folder_conversion {
	const struct conversion *how;
	struct charset_writer *writer;
	struct span charset;
	uint64_t max;
};
enum account_status folder_convert(struct folder *folder, size_t i,
    const struct section *section, const struct folder_conversion *conversion,
    struct buf *out);

/*
 * Append BODYSTRUCTURE of the part whose number the section has, whatever else
 * the section names (BODYPARTSTRUCTURE, RFC 5259 section 9).
 */
enum account_status folder_part_structure(struct folder *folder, size_t i,
    const struct section *section, bool is_utf8, struct buf *into);

/* ---- searching and sorting ---- */

enum folder_text {
	FOLDER_TEXT_FIELD, /* a header field */
	FOLDER_TEXT_BODY,  /* decoded text of the body */
	FOLDER_TEXT_ALL    /* header and body */
};

/*
 * Substring search, decoded and case-folded (RFC 9051 section 6.4.4, RFC 5255
 * i;unicode-casemap): of the messages whose bit is set in wanted (bit i of
 * word i / 64), leave only those that match.  field is used by TEXT_FIELD, an
 * empty needle then asks whether the field is there.  ACCOUNT_UNREADABLE: some
 * cannot be read, and do not match; the others are as they should be.
 */
enum account_status folder_match(struct folder *folder, enum folder_text text,
    struct span field, struct span needle, uint64_t *wanted);

/* RFC 5256 section 2.1 and 3; RFC 5957 for DISPLAY. */
enum sort_key {
	SORT_SUBJECT, /* base subject, case-folded */
	SORT_FROM,    /* mailbox of the first address */
	SORT_TO,
	SORT_CC,
	SORT_DISPLAY_FROM,
	SORT_DISPLAY_TO
};

struct folder_thread_data {
	int64_t sent_date_s; /* the Date field; else the internal date */
	int32_t sent_zone_s; /* that it was written in, east of UTC */
	bool has_sent_date;
	bool is_reply;            /* the subject had a Re:, or the like */
	struct span base_subject; /* case-folded */
	struct span message_id;   /* normalised, without <>; may be empty */
	struct span references;   /* message-ids, each ended by a LF, */
				  /* oldest first, with In-Reply-To */
};

enum account_status folder_sort_key(
    struct folder *folder, size_t i, enum sort_key key, struct span *text);
enum account_status folder_thread_data(
    struct folder *folder, size_t i, struct folder_thread_data *data);

#endif
