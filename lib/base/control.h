#ifndef BASE_CONTROL_H
#define BASE_CONTROL_H

/*
 * control - the settings in /var/mta/control, one value or one list a file.
 *
 * Grammar  '#' starts a comment at the start of a line or after a space;
 *          blank lines count for nothing; spaces at both ends are dropped.
 *          A missing file, or one with no value, means the default.
 * Limits   CONTROL_MAX bytes a file.
 * Errors   a file that cannot be read or makes no sense ends the program with
 *          EX_TEMPFAIL after a line that names file, line and mend: mail is
 *          deferred, never bounced, by a typing error.
 */

#include <sys/stat.h>

#include "base/buf.h"

enum {
	CONTROL_MAX = 4 << 20,
	CONTROL_WATCHED_MAX = 16,
	CONTROL_WORD_MAX = 320,
	CONTROL_HOST_MAX = 255 /* RFC 5321 section 4.5.3.1.2 */
};

struct control_list {
	struct buf text;    /* owns what the items point into */
	struct span *items; /* in the order of the file */
	unsigned *lines;    /* line number of each */
	size_t count;
};

/* The first value of a file, else fallback; owned by the caller (buf). */
struct buf control_value(const char *name, const char *fallback);

/* A file that holds one name, path or address, which goes into log lines and
 * greetings: no spaces, no control characters, at most CONTROL_WORD_MAX bytes.
 */
struct buf control_word(const char *name, const char *fallback);

/* A host's name, or an address literal: also ASCII, as far as RFC 5321 goes. */
struct buf control_host(const char *name, const char *fallback);

/* A URL with https and a host, of RFC 3986's characters; empty if there is
 * none. */
struct buf control_https_url(const char *name);

/* A whole path; empty if there is none. */
struct buf control_path(const char *name);

/* A number from min to max (strict: "10k" is an error). */
uint64_t control_number(
    const char *name, uint64_t fallback, uint64_t min, uint64_t max);

/* All values of a file; no file is an empty list. */
struct control_list control_list(const char *name);

/* A list whose every value is a word as control_word has it. */
struct control_list control_words(const char *name);
void control_list_free(struct control_list *list);

/* Is value in the list, ASCII case ignored? */
bool control_list_has(const struct control_list *list, struct span value);

/*
 * As control_list_has for a domain name: an item ".example.org" covers every
 * name below example.org, as in qmail's rcpthosts.
 */
bool control_list_has_domain(
    const struct control_list *list, struct span domain);

/* control/me, else the host's name: how this host calls itself. */
struct buf control_me(void);

/* Files of control/ that a program reads again when they change. */
struct control_watch {
	const char *const *names; /* the caller's */
	size_t count;             /* at most CONTROL_WATCHED_MAX */
	struct stat files[CONTROL_WATCHED_MAX];
	struct stat folder; /* once it had been still; else all zero */
};

/* Remember how the files are now; call it before they are read. */
void control_watch_start(
    struct control_watch *watch, const char *const *names, size_t count);

/* The name of a file that is another now, NULL if none is. */
const char *control_watch_changed(struct control_watch *watch);

/* Say what is wrong with an item of a list, and end as above. */
_Noreturn void control_complain(
    const char *name, unsigned line, const char *mend);

/* The same about the first value of a file. */
_Noreturn void control_complain_value(const char *name, const char *mend);

#endif
