#ifndef STORE_MBOX_REWRITE_H
#define STORE_MBOX_REWRITE_H

/*
 * mbox_rewrite - messages are taken out of an mbox in place, for a user may not
 * make files in the spool folder: whole or not at all, whatever ends us.
 *
 * Journal  mboxrewrite(5): what is kept is first copied behind the end of the
 *          file and synced; an extended attribute of the file says what is
 *          under way.  The next one who locks the file ends it or takes it
 *          back, reader or deliverer.  At every moment each kept message is in
 *          the file once or twice, so that programs that know nothing of it
 *          lose nothing either.  Where a file can have no such attribute
 *          (EOPNOTSUPP), what was begun is only not lost, but twice there.
 * Lock     both are called under mbox_lock.h's, with a file open for reading
 *          and writing.
 */

#include "store/mbox_scan.h"

/*
 * Remove those messages of the list, which is the file's as it is now, for
 * which is_gone is true.  True when that is on stable storage; false with errno
 * set: some of it may have been done, or is left for mbox_recover.
 */
bool mbox_rewrite(int fd, const struct mbox_list *list, const bool *is_gone);

/*
 * End what a rewriting that broke off had begun, or take it back; costs one
 * system call if there was none.  False with errno set.
 */
bool mbox_recover(int fd);

#endif
