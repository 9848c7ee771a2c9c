#ifndef SEND_SUBJECTS_H
#define SEND_SUBJECTS_H

/*
 * subjects - the domains whose policy sts was asked for, and what is under way
 * for them; at most SUBJECTS_MAX, of which the one that was not asked for
 * longest gives way.
 */

#include <event2/event.h>
#include <sys/types.h>

#include "net/sts.h"

enum {
	SUBJECTS_MAX = 4096,
	SUBJECT_CHAINS = 1024
};

enum subject_state {
	SUBJECT_IDLE,
	SUBJECT_TEXT,   /* resolve was asked for its record */
	SUBJECT_QUEUED, /* a child is to fetch its policy */
	SUBJECT_FETCHED /* a child fetches it */
};

/* One that waits for a subject. */
struct asker {
	struct asker *next;
	struct subject *subject; /* NULL: it waits for nothing */
	uint64_t number;         /* of its question */
};

struct subject {
	struct subject *next; /* in its chain */
	void *owner;          /* inquiry's */
	struct asker *askers;
	enum subject_state state;
	int64_t deadline_ms; /* of the state */
	bool is_needless;    /* nobody has to wait: what is kept still counts */
	bool is_unkept;      /* there is no file: it was looked for */
	uint32_t number;     /* of the question to resolve */
	int64_t asked_ms;
	int64_t known_until_ms;  /* the record, as it was found */
	int64_t failed_until_ms; /* a fetch; 0: it did not */
	char id[STS_ID_MAX + 1]; /* of the record; "": there is none */
	pid_t child;
	int fd;
	struct event *readable;
	char name[STS_DOMAIN_MAX + 1];
};

struct subjects {
	struct subject *all[SUBJECTS_MAX];
	struct subject *chains[SUBJECT_CHAINS];
	size_t count;
	uint64_t seed;
};

/* Nobody outside can know which names share a chain. */
void subjects_init(struct subjects *subjects);

/* The one of that name, made if there is none; NULL if all are busy. */
struct subject *subjects_find(struct subjects *subjects, const char *name);

void subject_add(struct subject *subject, struct asker *asker);

/* Out of its subject, which goes on; nothing if it waits for none. */
void asker_leave(struct asker *asker);

#endif
