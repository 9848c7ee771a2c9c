#ifndef STORE_MAILDIR_NAME_H
#define STORE_MAILDIR_NAME_H

/*
 * maildir_name - the names of messages' files, BASE or BASE:2,LETTERS:
 * maildir(5), with Dovecot's letters a to z for keywords 0 to 25.
 */

#include "base/buf.h"

/* With BASE_MAX bytes the flags of IMAP have room behind them in a file's name
 * of 255, and letters for keywords perhaps not. */
enum {
	MAILDIR_BASE_MAX = 246,
	MAILDIR_KEYWORDS = 26
};

#define MAILDIR_KEYWORDS_MASK 0x3ffffffULL

/* BASE of a file's name. */
struct span maildir_base(struct span name);

/* May it be one, here and in the lines of a list? */
bool maildir_is_base(struct span base);

/*
 * Read letters; *flags is what folder.h and uidlist.h say.  False if they are
 * not as maildir_add_letters writes them: another program did.
 */
bool maildir_read_letters(
    struct span letters, uint32_t *flags, uint64_t *keywords);
void maildir_add_letters(struct buf *into, uint32_t flags, uint64_t keywords);

/* The same with those of a whole name that only another program knows, in the
 * order of their bytes; false: there are none. */
bool maildir_merge_letters(
    struct buf *into, struct span name, uint32_t flags, uint64_t keywords);

/* The letters of a whole name; the same, false also if there are none. */
bool maildir_read_name(struct span name, uint32_t *flags, uint64_t *keywords);

/* A base name that nobody else makes; host as maildir_host cleaned it. */
void maildir_add_unique(struct buf *into, const char *host);

enum {
	MAILDIR_HOST_MAX = 64
};
/* This host's name as a part of base names; not for a jail. */
void maildir_host(char host[MAILDIR_HOST_MAX + 1]);

/* The seconds that a base begins with; fallback if they are none. */
int64_t maildir_seconds(struct span base, int64_t fallback);

#endif
