#ifndef STORE_ACCOUNT_SETTINGS_H
#define STORE_ACCOUNT_SETTINGS_H

/*
 * account_settings - what control/ says of all accounts: maxfolders, quota and
 * specialfolders; mailfolders(5).
 */

#include "base/buf.h"

struct special_folder {
	uint32_t use; /* one of FOLDER_SPECIAL_USE */
	char *name;
};

struct account_settings {
	uint64_t folders_max;
	uint64_t octets_max; /* 0: no limit */
	uint64_t messages_max;
	struct special_folder *specials;
	size_t special_count;
};

/* Nonsense ends the program, as in control.h. */
void account_settings_read(struct account_settings *settings);
/* One half of it each, so that mtactl check names faults in both. */
void account_settings_read_limits(struct account_settings *settings);
void account_settings_read_specials(struct account_settings *settings);
void account_settings_free(struct account_settings *settings);

/* The use that a word of specialfolders names, or 0; and back, or NULL. */
uint32_t special_use_of_word(struct span word);
const char *special_use_word(uint32_t use);

#endif
