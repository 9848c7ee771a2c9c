#include "send/refusals.h"

#include <sys/mman.h>
#include <unistd.h>

/* ---- one page for each host ---- */

static struct refusals *
at_place(const struct refusal_hosts *hosts, size_t place)
{
	return (
	    struct refusals *)(void *)(hosts->pages + place * hosts->page_size);
}

/*
 * A page of its own, and empty: children that have the one before, which is
 * another host's, write there still.
 */
static bool
renew(const struct refusal_hosts *hosts, size_t place)
{
	return mmap(at_place(hosts, place), hosts->page_size,
		   PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

/* One mapping for all: each of them would make each fork dearer. */
static bool
map_pages(struct refusal_hosts *hosts)
{
	hosts->page_size = (size_t)sysconf(_SC_PAGESIZE);
	void *pages = mmap(NULL, REFUSAL_HOSTS * hosts->page_size,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return false;
	hosts->pages = pages;
	return true;
}

struct refusals *
refusals_of(struct refusal_hosts *hosts, struct span name, uint16_t port)
{
	_Static_assert(sizeof(struct refusals) <= 4096, "it fits in a page");
	if (hosts->pages == NULL && !map_pages(hosts))
		return NULL;
	for (size_t i = 0; i < REFUSAL_HOSTS; i++)
		if (hosts->hosts[i].name.len > 0 &&
		    hosts->hosts[i].port == port &&
		    span_equal_nocase(buf_span(&hosts->hosts[i].name), name))
			return at_place(hosts, i);
	size_t place = hosts->next;
	if (hosts->hosts[place].name.len > 0 && !renew(hosts, place))
		return NULL;
	hosts->next = (place + 1) % REFUSAL_HOSTS;
	buf_free(&hosts->hosts[place].name);
	hosts->hosts[place].name = buf_new(name.len + 1);
	buf_add(&hosts->hosts[place].name, name);
	hosts->hosts[place].port = port;
	return at_place(hosts, place);
}

void
refusals_keep(const struct refusal_hosts *hosts, const struct refusals *kept)
{
	size_t size = REFUSAL_HOSTS * hosts->page_size;
	size_t before =
	    kept == NULL ? size : (size_t)((const char *)kept - hosts->pages);
	size_t after = before + hosts->page_size;

	if (hosts->pages == NULL)
		return;
	if (before > 0)
		munmap(hosts->pages, before);
	if (after < size)
		munmap(hosts->pages + after, size - after);
}

/*
 * ---- one login ----
 *
 * Its state is one word, so that children change it by one step: until when it
 * holds, how often it was refused in a row, and what it is.
 */

enum kind {
	KIND_UNKNOWN, /* 0, or it was refused and nobody has settled it since */
	KIND_GOOD,
	KIND_TRIAL,
	KIND_REFUSED
};

enum {
	COUNT_MAX = 15
};

struct state {
	int64_t until_ms;
	unsigned count;
	enum kind kind;
};

static uint64_t
pack(struct state state)
{
	return (uint64_t)state.until_ms << 8 | state.count << 2 | state.kind;
}

static struct state
unpack(uint64_t word)
{
	return (struct state){ .until_ms = (int64_t)(word >> 8),
		.count = (word >> 2) & COUNT_MAX,
		.kind = (enum kind)(word & 3) };
}

/* Its place, perhaps that of another. */
static _Atomic uint64_t *
find(struct refusals *refusals, uint64_t login)
{
	for (size_t i = 0; i < REFUSAL_LOGINS; i++) {
		struct refusal *refusal = &refusals->logins[i];
		uint64_t free = 0;

		if (atomic_compare_exchange_strong(
			&refusal->login, &free, login) ||
		    free == login)
			return &refusal->state;
	}
	struct refusal *taken = &refusals->logins[login % REFUSAL_LOGINS];
	atomic_store(&taken->state, 0);
	atomic_store(&taken->login, login);
	return &taken->state;
}

static bool
is_refused(struct state state, int64_t now_ms, int64_t *left_ms)
{
	*left_ms = state.until_ms - now_ms;
	return state.kind == KIND_REFUSED && *left_ms > 0;
}

bool
refusals_has(
    struct refusals *refusals, uint64_t login, int64_t now_ms, int64_t *left_ms)
{
	return refusals != NULL &&
	       is_refused(
		   unpack(atomic_load(find(refusals, login))), now_ms, left_ms);
}

enum refusal_answer
refusals_ask(
    struct refusals *refusals, uint64_t login, int64_t now_ms, int64_t *left_ms)
{
	if (refusals == NULL)
		return REFUSAL_TRY;
	_Atomic uint64_t *place = find(refusals, login);
	uint64_t word = atomic_load(place);
	struct state state = unpack(word);

	if (is_refused(state, now_ms, left_ms))
		return REFUSAL_REFUSED;
	if (state.kind == KIND_GOOD)
		return REFUSAL_TRY;
	if (state.kind == KIND_TRIAL && state.until_ms > now_ms)
		return REFUSAL_WAIT;
	const struct state trial = { .until_ms = now_ms + REFUSAL_TRIAL_MS,
		.count = state.count,
		.kind = KIND_TRIAL };
	return atomic_compare_exchange_strong(place, &word, pack(trial))
		   ? REFUSAL_TRY
		   : REFUSAL_WAIT;
}

static struct state
refuse(unsigned count, int64_t now_ms)
{
	int64_t pause_ms = (int64_t)REFUSAL_FIRST_MS << count;

	if (pause_ms > REFUSAL_MAX_MS)
		pause_ms = REFUSAL_MAX_MS;
	return (struct state){ .until_ms = now_ms + pause_ms,
		.count = count < COUNT_MAX ? count + 1 : count,
		.kind = KIND_REFUSED };
}

void
refusals_settle(struct refusals *refusals, uint64_t login, int64_t now_ms,
    enum refusal_outcome outcome)
{
	int64_t left_ms;

	if (refusals == NULL)
		return;
	_Atomic uint64_t *place = find(refusals, login);
	struct state state = unpack(atomic_load(place));

	switch (outcome) {
	case REFUSAL_GOOD:
		state = (struct state){ .kind = KIND_GOOD };
		break;
	case REFUSAL_UNKNOWN:
		if (state.kind != KIND_TRIAL)
			return;
		state.kind = KIND_UNKNOWN;
		break;
	case REFUSAL_BAD:
		/* Two that had begun before are one refusal. */
		if (is_refused(state, now_ms, &left_ms))
			return;
		state = refuse(state.count, now_ms);
		break;
	}
	atomic_store(place, pack(state));
}
