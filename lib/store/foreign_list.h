#ifndef STORE_FOREIGN_LIST_H
#define STORE_FOREIGN_LIST_H

/*
 * foreign_list - which UIDs Dovecot or Courier gave the messages of a Maildir
 * folder: its dovecot-uidlist, else its courierimapuiddb.  Read, never written.
 * When both are gone, estafeta-uidlist still has what imapd took from them.
 */

#include "store/uidlist.h"

struct foreign_list {
	struct buf text; /* the lines point into it */
	struct uidlist_foreign *lines;
	size_t count;
	uint32_t uid_validity;
	uint32_t uid_next; /* 0 if it does not say */
};

/* False, and nothing to free, if the folder has no such file. */
bool foreign_list_read(struct foreign_list *list, int folder);

/* The same of estafeta-uidlist: the messages that have a P line there. */
bool foreign_list_read_own(struct foreign_list *list, int folder);
void foreign_list_free(struct foreign_list *list);

/* For qsort. */
int foreign_list_compare_uids(const void *left, const void *right);

/* Order by name, then find by the name up to the ':'; NULL if it is not there.
 */
void foreign_list_sort_names(struct foreign_list *list);
const struct uidlist_foreign *foreign_list_find(
    const struct foreign_list *list, struct span base);

#endif
