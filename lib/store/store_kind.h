#ifndef STORE_STORE_KIND_H
#define STORE_STORE_KIND_H

/*
 * store_kind - what a kind of mailbox implements behind store.h.
 */

#include "base/buf.h"
#include "store/crlf.h"
#include "store/store.h"

enum {
	STORE_HASH_LEN = 32 /* hex digits */
};

#define STORE_OCTETS_UNKNOWN UINT64_MAX

struct store_message {
	char *uidl;
	char *foreign_uidl; /* another server's, to be tried; may be NULL */
	uint64_t octets;
	bool is_deleted;
	bool is_seen;
};

struct store {
	const struct store_kind *kind;
	char *path;
	struct store_message *messages; /* filled by open */
	size_t count;
	int lock;         /* the file that is locked, not owned; -1: none */
	size_t ahead_of;  /* the message in ahead; SIZE_MAX: none */
	struct buf ahead; /* as it is handed out */
	const struct uidl_formats *formats; /* while it is opened, or NULL */
	void *state;                        /* the kind's own */
};

struct store_kind {
	const char *prefix;
	/* On failure close is called as well. */
	enum store_status (*open)(struct store *store, int64_t timeout_ms);
	bool (*read)(struct store *store, size_t i, struct crlf *out);
	/*
	 * Optional: a size that is known without reading, and one that was
	 * counted, to be known the next time.
	 */
	bool (*recall)(struct store *store, size_t i, uint64_t *octets);
	void (*learn)(struct store *store, size_t i, uint64_t octets);
	/* Called if a message is marked, as deleted or seen. */
	bool (*commit)(struct store *store);
	void (*close)(struct store *store);
};

extern const struct store_kind store_maildir;
extern const struct store_kind store_mbox;

/* Memory or the end of the program (EX_TEMPFAIL). */
void *store_allocate(void *old, size_t count, size_t size);
char *store_copy(struct span text);

/*
 * The lock of a session on its mailbox, by flock(2): who has just said goodbye
 * lets go in a moment, others have it for long, so that a second is waited at
 * most.  False: errno is EWOULDBLOCK, or says what is wrong.
 */
bool store_take_lock(int fd, int64_t timeout_ms);

/* A message at the end of the list; uidl is taken over. */
void store_add(struct store *store, char *uidl, uint64_t octets);

/* What another server knew of the last message that was added. */
void store_add_facts(struct store *store, const struct uidl_facts *facts);

/* Each message gets its unique id; for store_open. */
void store_settle_uidls(struct store *store);

/* Half of the SHA-256 of what is added, as STORE_HASH_LEN hex digits. */
struct store_hash;
struct store_hash *store_hash_new(void);
void store_hash_add(struct store_hash *hash, struct span bytes);
void store_hash_end(struct store_hash *hash, char hex[STORE_HASH_LEN + 1]);
void store_hash_free(struct store_hash *hash);

#endif
