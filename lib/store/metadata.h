#ifndef STORE_METADATA_H
#define STORE_METADATA_H

/*
 * metadata - annotations of an account and of its folders, RFC 5464: entries
 * "/private/..." and "/shared/...", which are one thing here, as an account
 * has one user.
 *
 * estafeta-metadata   beside the mail, mailfolders(5)
 * Limits   METADATA_VALUE_MAX octets a value, METADATA_ENTRIES_MAX entries of
 *          a folder, METADATA_FILE_MAX bytes of the file; what is added must
 *          have room in the account's quota.
 * Names    "" is the account itself; of entries ASCII case is ignored.
 * Use      /private/specialuse is not in the file: it is what the folder is
 *          for, special_use.h.
 */

#include "store/account.h"

enum {
	METADATA_ENTRY_MAX = 1000,
	METADATA_VALUE_MAX = 65536,
	METADATA_ENTRIES_MAX = 100,
	METADATA_FILE_MAX = 1 << 20,
	METADATA_TOLD_MAX = 8 << 20 /* with what the folders are for */
};

/*
 * Pure: is that an entry's name (RFC 5464 section 3.2), or the beginning of
 * some, as GETMETADATA may ask for? And may it have a value itself?
 */
bool metadata_is_entry(struct span entry);
bool metadata_can_be_set(struct span entry);

/* Is entry name itself, or so many levels below it at most? */
bool metadata_is_within(struct span entry, struct span name, uint32_t depth);

/*
 * Hand the entries of a folder to take, which returns false to stop.
 * ACCOUNT_NONEXISTENT: there is no such folder.
 */
enum account_status metadata_list(struct account *account, struct span folder,
    bool (*take)(void *context, struct span entry, struct span value),
    void *context);

/* Append one entry's value.  False: it has none, errno 0; or errno says why it
 * cannot be told. */
bool metadata_find(struct account *account, struct span folder,
    struct span entry, struct buf *value);

/* The same; the account's own value if the folder has none. */
bool metadata_find_or_accounts(struct account *account, struct span folder,
    struct span entry, struct buf *value);

struct metadata_change {
	struct span entry;
	struct span value; /* ptr NULL: it goes */
};

/*
 * All of them or none, durable.  ACCOUNT_LIMIT: too many entries, or too large
 * a value; ACCOUNT_INVALID: the folder cannot have that use (RFC 6154 section
 * 4), one at most, and INBOX and the account none.
 */
enum account_status metadata_set(struct account *account, struct span folder,
    const struct metadata_change *changes, size_t count);

/*
 * Hand out the entries that are not as told says, which is the file's text with
 * lines of what the folders are for, as it was and then is as it is now (its
 * max METADATA_TOLD_MAX); each once.
 */
void metadata_changes(struct account *account, struct buf *told,
    void (*take)(void *context, struct span folder, struct span entry),
    void *context);

/* ---- under the account's lock; false with errno set ---- */

/* The folder is no more. */
bool metadata_forget(struct account *account, struct span folder);

/* from and all below it is to's now; is_copy: from keeps its own (INBOX). */
bool metadata_rename(
    struct account *account, struct span from, struct span to, bool is_copy);

/* ---- the file's lines: pure ---- */

struct metadata_line {
	struct buf entry;
	struct buf value;
	struct buf folder;
};

/* The fields' memory is used again and again: metadata_line_free at the end. */
bool metadata_line_parse(struct metadata_line *line, struct span text);
void metadata_line_add(
    struct buf *into, struct span entry, struct span value, struct span folder);
struct metadata_line metadata_line_new(void);
void metadata_line_free(struct metadata_line *line);

#endif
