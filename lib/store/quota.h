#ifndef STORE_QUOTA_H
#define STORE_QUOTA_H

/*
 * quota - what an account holds and may hold: Maildir++'s maildirsize, which
 * is kept if control/quota sets a limit, or if some program made it.
 */

#include "store/account.h"

/* May that much more come? */
enum account_status quota_check(
    struct account *account, uint64_t octets, uint64_t messages);

/* That much came, or went; without maildirsize nothing is done. */
void quota_add(struct account *account, int64_t octets, int64_t messages);

/* Must what goes be counted? */
bool quota_is_kept(const struct account *account);

/* The bytes of all files of an open folder. */
uint64_t quota_folder_octets(int folder);

/* Pure: the sums of a maildirsize's lines; false if it is none. */
bool quota_parse(struct span text, int64_t *octets, int64_t *messages);

#endif
