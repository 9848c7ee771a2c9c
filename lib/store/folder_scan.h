#ifndef STORE_FOLDER_SCAN_H
#define STORE_FOLDER_SCAN_H

/*
 * folder_scan - what folder_scan.c, folder_fresh.c and folder_twin.c share
 * while the files of a folder are looked at.
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

/* ---- folder_twin.c ---- */

enum scan_twin {
	SCAN_IT,   /* it is the item's file */
	SCAN_TWIN, /* another message's, which has the name in scan->text now */
	SCAN_LINK  /* one more name of it, or what cannot be renamed: no news */
};

/*
 * A file that has the base of an item: the item's own, or another while it is
 * where we know it?  That gets a base of its own; nothing is ever removed.
 */
enum scan_twin scan_part_twins(struct scan *scan,
    const struct folder_item *item, const char *name, unsigned part);

/* ---- folder_scan.c, folder_fresh.c ---- */

/* A file that the list does not have. */
void scan_add_fresh(struct scan *scan, struct span name, unsigned part);

/* A name of an item's file: what it says of the flags. */
void scan_take_letters(struct scan *scan, struct folder_item *item,
    struct span name, unsigned part);

/* The files that the list does not have get their UIDs; false: errno. */
bool scan_take_fresh(struct scan *scan);

/* Mail in new/ is recent, and moved to cur/. */
void scan_take_recent(struct scan *scan);

#endif
