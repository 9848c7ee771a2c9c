#ifndef STORE_ACL_H
#define STORE_ACL_H

/*
 * acl - who may do what with a folder, RFC 4314: the file estafeta-acl in the
 * folder itself, folderacl(5).
 *
 * Owner    has all rights always, and is not in the file; without a file nobody
 *          else has any.
 * Damage   a file that is not as folderacl(5) says is ACCOUNT_ERROR with
 * EBADMSG: nobody but the owner has a right then, and it is not written over.
 * Limits   ACL_ENTRIES_MAX entries a folder, ACL_IDENTIFIER_MAX bytes each.
 */

#include "store/account.h"

enum acl_right {
	ACL_LOOKUP = 1 << 0,          /* l */
	ACL_READ = 1 << 1,            /* r */
	ACL_SEEN = 1 << 2,            /* s */
	ACL_WRITE = 1 << 3,           /* w */
	ACL_INSERT = 1 << 4,          /* i */
	ACL_POST = 1 << 5,            /* p */
	ACL_CREATE = 1 << 6,          /* k */
	ACL_DELETE_FOLDER = 1 << 7,   /* x */
	ACL_DELETE_MESSAGES = 1 << 8, /* t */
	ACL_EXPUNGE = 1 << 9,         /* e */
	ACL_ADMINISTER = 1 << 10,     /* a */
	ACL_ALL = (1 << 11) - 1
};

enum {
	ACL_ENTRIES_MAX = 100,
	ACL_IDENTIFIER_MAX = 320,
	ACL_FILE_MAX = 65536
};

struct acl_entry {
	struct span identifier; /* mail/identifier.h */
	bool is_negative;       /* these rights are taken away */
	uint32_t rights;
};

/* ---- the text: pure ---- */

/* Is text a file of folderacl(5)? *lines is what is behind its first line. */
bool acl_parse(struct span text, struct span *lines);

/* Take the next entry off lines that acl_parse gave; false at their end. */
bool acl_next(struct span *lines, struct acl_entry *entry);

/* What user, who is not the owner, may do; groups as in mail/identifier.h. */
uint32_t acl_rights_of(struct span lines, struct span user, struct span groups);

/*
 * "lrs", where c is k and x, and d is e and t (RFC 4314 section 2.1.1); false
 * if a letter is none.
 */
bool acl_parse_rights(struct span text, uint32_t *rights);
void acl_add_rights(struct buf *into, uint32_t rights);

/*
 * Append the identifier as it is compared: ASCII as it is, others prepared
 * (SASLprep, RFC 4314 section 3).  False if it can be none.
 */
bool acl_prepare(struct span identifier, struct buf *into);

/* ---- the files ---- */

/* Append the lines; none if there is no file. */
enum account_status acl_read(
    struct account *account, struct span folder, struct buf *lines);

enum acl_change {
	ACL_REPLACE, /* no rights: the entry goes */
	ACL_ADD,
	ACL_REMOVE
};

/* SETACL and DELETEACL, durable.  The identifier was prepared. */
enum account_status acl_set(struct account *account, struct span folder,
    const struct acl_entry *entry, enum acl_change change);

/* The nearest folder above this one that exists; empty if there is none. */
struct span acl_parent(struct account *account, struct span folder);

/* A new folder gets what that one has, RFC 4314 section 4. */
enum account_status acl_inherit(struct account *account, struct span folder);

/*
 * Append each identifier that some folder grants a right, once, each ended by
 * LF.  A damaged file grants none.
 */
enum account_status acl_grantees(struct account *account, struct buf *names);

#endif
