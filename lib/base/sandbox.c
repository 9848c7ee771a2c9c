#include "base/sandbox.h"

#include <grp.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/die.h"
#include "base/filter.h"
#include "base/landlock.h"

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0 /* sanitizers make calls of their own: a wider jail */
#endif

struct sandbox_layer {
	struct filter filter;
	int landlock_rules;
};

static void
install(const struct filter *filter)
{
	struct sock_fprog program = { .len = (unsigned short)filter->len,
		.filter = (struct sock_filter *)(uintptr_t)filter->code };

	if (SANITIZED)
		return;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == -1)
		temp_fail("cannot close the jail (seccomp)");
}

bool
sandbox_is_sanitized(void)
{
	return SANITIZED;
}

void
require_unprivileged(void)
{
	if (geteuid() == 0 || getegid() == 0)
		die(EX_NOPERM, "refusing to run as root");
}

/* What every layer has. */
static void
forbid_privileges(void)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		temp_fail("cannot set no_new_privs");
	if (setrlimit(RLIMIT_CORE, &none) == -1)
		temp_fail("cannot forbid core files");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		temp_fail("cannot become undumpable");
}

void
sandbox_enter(unsigned allowed)
{
	struct filter filter;

	tzset(); /* gmtime would open the time zone's file at its first use */
	forbid_privileges();
	if (!(allowed &
		(SANDBOX_READ_FILES | SANDBOX_WRITE_FILES | SANDBOX_EXECUTE)) &&
	    !SANITIZED &&
	    !landlock_restrict(NULL, 0, !(allowed & SANDBOX_CONNECT)))
		temp_fail("cannot close the jail (landlock)");
	filter_build(&filter, allowed);
	install(&filter);
}

struct sandbox_layer *
sandbox_enter_for_sessions(unsigned allowed, unsigned session_allowed)
{
	struct sandbox_layer *layer = malloc(sizeof(*layer));

	if (layer == NULL)
		temp_fail("out of memory");
	allowed |= SANDBOX_LAYER;
	filter_build_layer(&layer->filter, allowed, session_allowed);
	layer->landlock_rules =
	    SANITIZED
		? -1
		: landlock_session_rules(!(session_allowed & SANDBOX_CONNECT));
	sandbox_enter(allowed);
	return layer;
}

/* The gaps between the descriptors that are kept; -1 is none. */
static void
close_others(const int *kept, size_t count)
{
	unsigned first = STDERR_FILENO + 1;

	for (;;) {
		unsigned next = UINT_MAX;

		for (size_t i = 0; i < count; i++)
			if (kept[i] != -1 && (unsigned)kept[i] >= first &&
			    (unsigned)kept[i] < next)
				next = (unsigned)kept[i];
		if (next > first && close_range(first, next - 1, 0) == -1)
			temp_fail("cannot close descriptors");
		if (next == UINT_MAX)
			return;
		first = next + 1;
	}
}

void
sandbox_session(
    const struct sandbox_layer *layer, const int *kept, size_t count)
{
	int all[SANDBOX_KEPT_MAX + 1] = { layer->landlock_rules };

	if (count > SANDBOX_KEPT_MAX)
		die(EX_SOFTWARE, "a session keeps too many descriptors");
	for (size_t i = 0; i < count; i++)
		all[i + 1] = kept[i];
	close_others(all, count + 1);
	if (layer->landlock_rules != -1) {
		if (!landlock_enter(layer->landlock_rules))
			temp_fail("cannot close the session (landlock)");
		close(layer->landlock_rules);
	}
	install(&layer->filter);
}

void
sandbox_outer(void)
{
	struct filter filter;

	filter_build_outer(&filter);
	if (!SANITIZED && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		temp_fail("cannot set no_new_privs");
	install(&filter);
}

void
become_user(
    unsigned uid, unsigned gid, const unsigned *groups, unsigned group_count)
{
	uid_t real;
	uid_t effective;
	uid_t saved;

	if (uid == 0 || gid == 0)
		die(EX_SOFTWARE, "refusing to become root");
	if (setgroups(group_count, groups) == -1 ||
	    setresgid(gid, gid, gid) == -1 || setresuid(uid, uid, uid) == -1)
		temp_fail("cannot become uid %u, gid %u", uid, gid);
	if (getresuid(&real, &effective, &saved) == -1 || real != uid ||
	    effective != uid || saved != uid)
		die(EX_SOFTWARE, "did not become uid %u", uid);
}
