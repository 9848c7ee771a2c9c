#include "service/penalty.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/die.h"

enum {
	DELAY_FIRST_MS = 500,
	HALVED_AFTER_MS = 60000,
	FAILURES_MAX = 16, /* more doubling than any maximum needs */
	IPV4_BYTES = 12 + 3,
	IPV6_BYTES = 8
};

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

bool
penalty_is_loopback(const unsigned char address[16])
{
	static const unsigned char ipv6[16] = { [15] = 1 };

	return memcmp(address, ipv6, 16) == 0 ||
	       (memcmp(address, mapped, 12) == 0 && address[12] == 127);
}

uint64_t
penalty_key(const unsigned char address[16], struct span user)
{
	bool is_ipv4 = memcmp(address, mapped, 12) == 0;
	size_t len = is_ipv4 ? IPV4_BYTES : IPV6_BYTES;
	uint64_t key = XXH3_64bits(address, len);

	if (penalty_is_loopback(address))
		key = XXH3_64bits_withSeed(user.ptr, user.len, key);
	return key == 0 ? 1 : key;
}

/* A place in the file, of its size from the first byte to the last. */
static int
open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd == -1)
		return -1;
	int error = ftruncate(fd, PENALTY_BYTES) == -1
			? errno
			: posix_fallocate(fd, 0, PENALTY_BYTES);
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

void
penalty_open(struct penalty *penalty, const char *path, int64_t delay_max_ms)
{
	const int access = PROT_READ | PROT_WRITE;
	void *bytes = MAP_FAILED;

	_Static_assert(
	    sizeof(struct penalty_slot) * PENALTY_SLOTS == PENALTY_BYTES,
	    "the file's size");
	penalty->delay_max_ms = delay_max_ms;
	penalty->fd = open_file(path);
	if (penalty->fd != -1)
		bytes = mmap(
		    NULL, PENALTY_BYTES, access, MAP_SHARED, penalty->fd, 0);
	if (bytes == MAP_FAILED) {
		warn_errno("cannot share %s", path);
		bytes = mmap(NULL, PENALTY_BYTES, access,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	}
	if (bytes == MAP_FAILED)
		temp_fail("out of memory");
	penalty->slots = bytes;
}

static unsigned
failures_now(const struct penalty_slot *slot, int64_t now_ms)
{
	if (slot->last_ms < 0 || slot->last_ms > now_ms ||
	    slot->failures > FAILURES_MAX)
		return 0;
	int64_t halvings = (now_ms - slot->last_ms) / HALVED_AFTER_MS;

	return halvings > 8 ? 0 : (unsigned)slot->failures >> halvings;
}

/* The first of the slots that key may have. */
static size_t
first_slot(uint64_t key)
{
	return (size_t)(key % (PENALTY_SLOTS / PENALTY_WAYS)) * PENALTY_WAYS;
}

int64_t
penalty_delay_ms(const struct penalty *penalty, uint64_t key, int64_t now_ms)
{
	const struct penalty_slot *slots = &penalty->slots[first_slot(key)];

	for (size_t i = 0; i < PENALTY_WAYS; i++) {
		unsigned failures = failures_now(&slots[i], now_ms);

		if (slots[i].key != key || failures == 0)
			continue;
		int64_t delay = (int64_t)DELAY_FIRST_MS << (failures - 1);
		return delay < penalty->delay_max_ms ? delay
						     : penalty->delay_max_ms;
	}
	return 0;
}

static void
add_failure(struct penalty *penalty, uint64_t key, int64_t now_ms)
{
	struct penalty_slot *slots = &penalty->slots[first_slot(key)];
	struct penalty_slot *slot = slots;

	for (size_t i = 0; i < PENALTY_WAYS; i++) {
		if (slots[i].key == key) {
			slot = &slots[i];
			break;
		}
		if (slot->key != 0 &&
		    (slots[i].key == 0 || slots[i].last_ms < slot->last_ms))
			slot = &slots[i];
	}
	unsigned failures = slot->key == key ? failures_now(slot, now_ms) : 0;
	if (failures < FAILURES_MAX)
		failures++;
	*slot = (struct penalty_slot){ key, now_ms, failures };
}

/* The lock is held for a moment, and lost with its holder. */
void
penalty_add(struct penalty *penalty, uint64_t key, int64_t now_ms)
{
	bool is_locked = penalty->fd != -1 && flock(penalty->fd, LOCK_EX) == 0;

	add_failure(penalty, key, now_ms);
	if (is_locked)
		flock(penalty->fd, LOCK_UN);
}
