#ifndef STORE_FOLDER_SCAN_H
#define STORE_FOLDER_SCAN_H

/*
 * folder_scan - what folder_scan.c and folder_fresh.c share while the files of
 * a folder are looked at.
 */

#include "store/folder_state.h"

struct fresh {
	char *name;
	unsigned folder;
};

struct scan {
	struct folder *folder;
	unsigned parts;  /* that are looked at */
	uint32_t *table; /* index + 1 by the hash of the base; 0 none */
	size_t mask;
	struct fresh *fresh;
	size_t fresh_count;
	size_t fresh_room;
	uint64_t modseq; /* for what changed */
	struct buf lines;
	struct buf text;
	unsigned moved; /* parts that we changed */
	size_t count;   /* of items that there were before */
	struct buf old; /* of struct folder_item: as they were before */
	bool has_changes;
};

/* A name of an item's file: what it says of the flags. */
void scan_take_letters(struct scan *scan, struct folder_item *item,
    struct span name, unsigned part);

/* The files that the list does not have get their UIDs; false: errno. */
bool scan_take_fresh(struct scan *scan);

/* Mail in new/ is recent, and moved to cur/. */
void scan_take_recent(struct scan *scan);

#endif
