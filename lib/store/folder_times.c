#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "store/folder_state.h"

/*
 * Whether the files must be looked at: cur/ and new/ have the times that the
 * list noted, or they have not; and what there is, as the list notes it.
 */

/*
 * A file system may give two changes that are this close the same time: what
 * was looked at sooner after a change is not known for sure.
 */
#define GRAIN_NS 1100000000LLU

uint64_t
folder_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t
changed_ns(const struct stat *status)
{
	return (uint64_t)status->st_mtim.tv_sec * 1000000000 +
	       (uint64_t)status->st_mtim.tv_nsec;
}

bool
folder_times(const struct folder *folder, struct uidlist_state *state)
{
	struct stat cur;
	struct stat new;

	if (fstat(folder->cur, &cur) == -1 || fstat(folder->new, &new) == -1)
		return false;
	state->cur_ns = changed_ns(&cur);
	state->new_ns = changed_ns(&new);
	return true;
}

static bool
is_settled(uint64_t looked_ns, uint64_t changed_at_ns)
{
	return looked_ns > changed_at_ns + GRAIN_NS;
}

unsigned
folder_parts_changed(const struct folder *folder, bool is_opening)
{
	const struct uidlist_state *known = &folder->state;
	struct uidlist_state now;
	unsigned parts = 0;
	uint64_t now_ns = folder_now_ns();

	if (!folder_times(folder, &now))
		return FOLDER_CUR | FOLDER_NEW;
	if (known->new_ns != now.new_ns ||
	    !is_settled(known->new_looked_ns, now.new_ns))
		parts |= FOLDER_NEW;
	if (known->cur_ns != now.cur_ns)
		parts |= FOLDER_CUR;
	/*
	 * Our own change was the last, as far as its time tells: that can wait
	 * until it tells for sure, and need not hold up who opens the folder.
	 */
	if (!is_settled(known->cur_looked_ns, now.cur_ns) && !is_opening &&
	    now_ns > now.cur_ns + GRAIN_NS)
		parts |= FOLDER_CUR;
	return parts;
}

bool
folder_note_change(struct folder *folder, bool in_new)
{
	struct uidlist_state now;

	if (!folder_times(folder, &now))
		return false;
	folder->state.cur_ns = now.cur_ns;
	folder->state.cur_looked_ns = folder_now_ns();
	if (in_new)
		folder->state.new_ns = 0;
	return true;
}

void
folder_counts(const struct folder *folder, struct folder_counts *counts)
{
	*counts = (struct folder_counts){ .uid_next = folder->uid_next,
		.uid_validity = folder->header.uid_validity,
		.highest_modseq = folder->modseq };
	memcpy(counts->id, folder->header.id, sizeof(counts->id));
	if (folder->waiting.view != -1) {
		counts->messages = (uint32_t)folder->count;
		counts->unseen = folder->waiting.unseen;
		counts->deleted = folder->waiting.deleted;
		return;
	}
	/* Without a branch: each SELECT does this for all messages. */
	uint32_t messages = 0;
	uint32_t recent = 0;
	uint32_t seen = 0;
	uint32_t deleted = 0;
	for (size_t i = 0; i < folder->count; i++) {
		const struct folder_message *message =
		    &folder->items[i].message;
		uint32_t is_there = !message->is_expunged;
		uint32_t flags = message->flags;

		messages += is_there;
		recent += is_there & ((flags & MESSAGE_RECENT) != 0);
		seen += is_there & ((flags & MESSAGE_SEEN) != 0);
		deleted += is_there & ((flags & MESSAGE_DELETED) != 0);
	}
	counts->messages = messages;
	counts->recent = recent;
	counts->unseen = messages - seen;
	counts->deleted = deleted;
}

uint32_t
folder_first_unseen(const struct folder *folder)
{
	if (folder->waiting.view != -1)
		return folder->waiting.first_unseen;
	for (size_t i = 0; i < folder->count; i++)
		if ((folder->items[i].message.flags & MESSAGE_SEEN) == 0)
			return (uint32_t)i + 1;
	return 0;
}

void
folder_add_state(struct folder *folder, struct buf *lines)
{
	struct uidlist_state *state = &folder->state;
	struct uidlist_line line = { .kind = UIDLIST_STATE };
	struct folder_counts counts;

	folder_counts(folder, &counts);
	state->messages = counts.messages;
	state->unseen = counts.unseen;
	state->deleted = counts.deleted;
	state->uid_next = folder->uid_next;
	state->modseq = folder->modseq;
	state->recent = state->untold = 0;
	for (size_t i = 0; i < folder->count; i++) {
		const struct folder_item *item = &folder->items[i];
		bool is_there = !item->message.is_expunged;

		state->recent += is_there && item->is_in_new;
		state->untold += is_there && !item->is_in_new &&
				 state->untold_from != 0 &&
				 item->message.uid >= state->untold_from;
	}
	line.state = *state;
	uidlist_add(lines, &line);
}
