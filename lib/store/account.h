#ifndef STORE_ACCOUNT_H
#define STORE_ACCOUNT_H

/*
 * account - a user's tree of folders, as IMAP sees it: INBOX is the Maildir
 * itself, the others are Maildir++ folders in it.
 *
 * Names   UTF-8 (RFC 9051 section 5.1), levels parted by '/'; "INBOX" in any
 *         case is the first folder.  On disk ".LEVEL.LEVEL", each level in
 *         modified UTF-7 (RFC 3501 section 5.1.3) as Dovecot and Courier write
 *         it; a '.' within a level is written "&AC4-".
 * Limits  ACCOUNT_NAME_MAX bytes a name, ACCOUNT_DEPTH_MAX levels,
 *         control/maxfolders folders.
 * Jail    all is opened below the root's descriptor, no symbolic link is
 *         followed, and no name can lead out of it.
 */

#include "base/buf.h"

enum {
	ACCOUNT_NAME_MAX = 1000,
	ACCOUNT_DEPTH_MAX = 32,
	ACCOUNT_ID_LEN = 32 /* of a MAILBOXID, RFC 8474 */
};

enum account_status {
	ACCOUNT_OK,
	ACCOUNT_NONEXISTENT,  /* RFC 5530: [NONEXISTENT] or [TRYCREATE] */
	ACCOUNT_NO_PART,      /* the message is there, but has no such part */
	ACCOUNT_EXISTS,       /* [ALREADYEXISTS] */
	ACCOUNT_INVALID,      /* [CANNOT]: a name that no folder can have */
	ACCOUNT_HAS_CHILDREN, /* [HASCHILDREN]: nothing left to delete */
	ACCOUNT_IN_USE,       /* [INUSE]: try again */
	ACCOUNT_OVER_QUOTA,   /* [OVERQUOTA] */
	ACCOUNT_LIMIT,        /* [LIMIT]: too many folders, too large */
	ACCOUNT_CONFLICT,     /* RFC 7162: the UIDVALIDITY is another */
	ACCOUNT_READ_ONLY,    /* [NOPERM] */
	ACCOUNT_UNREADABLE,   /* [CONTACTADMIN]: a message's file is there */
	ACCOUNT_ERROR         /* [SERVERBUG] or [UNAVAILABLE]; errno says why */
};

/* RFC 9051 section 7.3.1, RFC 6154 section 2, RFC 8457. */
enum folder_attribute {
	FOLDER_NOSELECT = 1 << 0, /* exists as a parent of others only */
	FOLDER_NONEXISTENT = 1 << 1,
	FOLDER_HAS_CHILDREN = 1 << 2,
	FOLDER_SUBSCRIBED = 1 << 3,
	FOLDER_MARKED = 1 << 4,    /* has mail in new/ */
	FOLDER_NO_ACCESS = 1 << 5, /* RFC 5465; not of the store */
	FOLDER_ALL = 1 << 8,
	FOLDER_ARCHIVE = 1 << 9,
	FOLDER_DRAFTS = 1 << 10,
	FOLDER_FLAGGED_USE = 1 << 11,
	FOLDER_JUNK = 1 << 12,
	FOLDER_SENT = 1 << 13,
	FOLDER_TRASH = 1 << 14,
	FOLDER_IMPORTANT = 1 << 15,
	FOLDER_SPECIAL_USE = 0xff00
};

struct account_folder {
	struct span name;
	uint32_t attributes;
};

struct folder_counts {
	uint32_t messages;
	uint32_t recent;
	uint32_t unseen;
	uint32_t deleted;
	uint32_t uid_next;
	uint32_t uid_validity;
	uint64_t highest_modseq;
	char id[ACCOUNT_ID_LEN + 1];
};

struct account;

/*
 * Open "maildir:/PATH" (made if it is not there, with control/specialfolders
 * as its first folders); everything is freed by account_close.  Call it before
 * the jail closes: it reads control/.
 */
enum account_status account_open(struct account **account, const char *name);
void account_close(struct account *account);

/* The Maildir's descriptor, which stays the account's. */
int account_root(const struct account *account);

/* A file without a name in the Maildir, to write and read; -1 with errno set.
 */
int account_scratch(const struct account *account);

/* Before a wait: what was kept for the next APPEND or COPY is freed. */
void account_rest(struct account *account);

/*
 * Hand each folder to take, in the order of its name: those that exist, their
 * parents that do not (NOSELECT), and subscribed names of none (NONEXISTENT).
 * False if take returned false, or with errno set.
 */
bool account_list(struct account *account,
    bool (*take)(void *context, const struct account_folder *folder),
    void *context);

/* The same, but nothing that changes the folders is half done. */
bool account_list_whole(struct account *account,
    bool (*take)(void *context, const struct account_folder *folder),
    void *context);

/*
 * Append the folder's name in the Maildir: "." is INBOX, the others are ".A.B".
 * False if no folder can have that name.
 */
bool account_add_path(struct buf *into, struct span name);

/* special_use: one of FOLDER_SPECIAL_USE or 0 (RFC 6154 section 3). */
enum account_status account_create(
    struct account *account, struct span name, uint32_t special_use);

/*
 * INBOX cannot be deleted.  A folder with children goes, and its name stays as
 * NOSELECT.
 */
enum account_status account_delete(struct account *account, struct span name);

/* With all below it; INBOX: its messages move, RFC 9051 section 6.3.6. */
enum account_status account_rename(
    struct account *account, struct span from, struct span to);

/* A name may be subscribed that does not exist. */
enum account_status account_subscribe(
    struct account *account, struct span name, bool is_on);

/* Is there such a folder? */
enum account_status account_has(
    const struct account *account, struct span name);

/* STATUS: what is known without opening; new mail is counted. */
enum account_status account_counts(
    struct account *account, struct span name, struct folder_counts *counts);

/*
 * Quota of the account, RFC 9208: Maildir++'s maildirsize, with the limits of
 * control/quota (octets, messages; 0: none).
 */
struct account_quota {
	uint64_t octets;
	uint64_t octets_max;
	uint64_t messages;
	uint64_t messages_max;
};
enum account_status account_quota(
    struct account *account, struct account_quota *quota);

/*
 * For IDLE and NOTIFY: a descriptor (inotify) that is readable when a folder
 * that is watched may have changed; account_watched reads it and hands out the
 * names.  -1 with errno set.
 */
int account_watch(struct account *account, struct span name, bool is_on);
/* The same for the folders' names, subscriptions and annotations: handed out
 * as "". */
int account_watch_tree(struct account *account, bool is_on);
/* The same for the rights to a folder (folderacl(5)), once the tree is watched,
 * which has those to INBOX. */
int account_watch_rights(struct account *account, struct span name, bool is_on);
bool account_watched(struct account *account,
    void (*take)(void *context, struct span name), void *context);
/* Nothing is watched any more; the descriptor is closed. */
void account_unwatch(struct account *account);

#endif
