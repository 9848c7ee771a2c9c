#include "filter/triplets.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/die.h"

enum {
	CHECK_SEED = 6647 /* a file of zeros is no table of good slots */
};

_Static_assert(sizeof(struct triplet) * TRIPLETS_SLOTS == TRIPLETS_BYTES,
    "the file's size");

static int
open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd == -1)
		return -1;
	int error = ftruncate(fd, TRIPLETS_BYTES) == -1
			? errno
			: posix_fallocate(fd, 0, TRIPLETS_BYTES);
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

void
triplets_open(struct triplets *triplets, const char *path)
{
	const int access = PROT_READ | PROT_WRITE;
	void *bytes = MAP_FAILED;
	int fd = open_file(path);

	if (fd != -1) {
		bytes = mmap(NULL, TRIPLETS_BYTES, access, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (bytes == MAP_FAILED) {
		warn_errno("cannot keep %s", path);
		bytes = mmap(NULL, TRIPLETS_BYTES, access,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	if (bytes == MAP_FAILED)
		temp_fail("out of memory");
	triplets->slots = bytes;
}

static uint32_t
check_of(const struct triplet *slot)
{
	return (uint32_t)XXH3_64bits_withSeed(
	    slot, offsetof(struct triplet, check), CHECK_SEED);
}

/* Torn, of the future, or past its time: none of it counts. */
static bool
is_alive(const struct triplets_rules *rules, const struct triplet *slot,
    uint32_t now_s)
{
	if (slot->check != check_of(slot) || slot->first_s > slot->last_s ||
	    slot->last_s > now_s)
		return false;
	if (slot->passes == 0)
		return now_s - slot->first_s <= rules->expire_s;
	return now_s - slot->last_s <= rules->keep_s;
}

/* Is a slot the better one to give up? Both are alive. */
static bool
is_worth_less(const struct triplet *slot, const struct triplet *other)
{
	if ((slot->passes == 0) != (other->passes == 0))
		return slot->passes == 0;
	return slot->last_s < other->last_s;
}

/* Its slot; *is_new if it was none of key's before. */
static struct triplet *
find(struct triplets *triplets, uint64_t key, uint32_t now_s, bool *is_new)
{
	size_t set = key % (TRIPLETS_SLOTS / TRIPLETS_WAYS);
	struct triplet *slots = &triplets->slots[set * TRIPLETS_WAYS];
	struct triplet *victim = NULL;
	bool is_free = false;

	*is_new = false;
	for (size_t i = 0; i < TRIPLETS_WAYS; i++) {
		if (!is_alive(&triplets->rules, &slots[i], now_s)) {
			victim = &slots[i];
			is_free = true;
		} else if (slots[i].key == key) {
			return &slots[i];
		} else if (!is_free && (victim == NULL ||
					   is_worth_less(&slots[i], victim))) {
			victim = &slots[i];
		}
	}
	*is_new = true;
	return victim;
}

static void
store(struct triplet *slot, uint64_t key, uint32_t first_s, uint32_t now_s,
    uint32_t passes)
{
	*slot = (struct triplet){ .key = key,
		.first_s = first_s,
		.last_s = now_s,
		.passes = passes };
	slot->check = check_of(slot);
}

static uint32_t
one_more(uint32_t passes)
{
	return passes == UINT32_MAX ? passes : passes + 1;
}

static void
count_network(struct triplets *triplets, uint64_t network, uint32_t now_s)
{
	bool is_new;
	struct triplet *slot = find(triplets, network, now_s, &is_new);

	store(slot, network, is_new ? now_s : slot->first_s, now_s,
	    is_new ? 1 : one_more(slot->passes));
}

static bool
is_allowed(struct triplets *triplets, uint64_t network, uint32_t now_s)
{
	bool is_new;
	struct triplet *slot = find(triplets, network, now_s, &is_new);

	if (triplets->rules.allow == 0 || is_new ||
	    slot->passes < triplets->rules.allow)
		return false;
	store(slot, network, slot->first_s, now_s, slot->passes);
	return true;
}

uint32_t
triplets_ask(struct triplets *triplets, uint64_t triplet, uint64_t network,
    uint32_t now_s)
{
	uint32_t wait_s = triplets->rules.wait_s;
	bool is_new;

	if (is_allowed(triplets, network, now_s))
		return 0;
	struct triplet *slot = find(triplets, triplet, now_s, &is_new);
	if (is_new) {
		store(slot, triplet, now_s, now_s, 0);
		return wait_s;
	}
	if (slot->passes == 0 && now_s - slot->first_s < wait_s)
		return wait_s - (now_s - slot->first_s);
	bool is_first = slot->passes == 0;
	store(slot, triplet, slot->first_s, now_s, one_more(slot->passes));
	if (is_first)
		count_network(triplets, network, now_s);
	return 0;
}
