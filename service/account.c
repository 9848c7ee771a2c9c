#include "service/account.h"

#include <pwd.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "queue/lookup.h"

enum {
	LOOKUP_TIMEOUT_MS = 20000,
	STRANGERS = 64,
	STRANGER_MS = 60000
};

static struct stranger {
	unsigned uid;
	int64_t until_ms;
} strangers[STRANGERS];

/* A uid that nobody has: all sources that nsswitch.conf names are asked. */
void
account_prepare(void)
{
	getpwuid(UINT32_MAX - 1);
}

void
account_remember_stranger(unsigned uid)
{
	strangers[uid % STRANGERS] =
	    (struct stranger){ uid, clock_ms() + STRANGER_MS };
}

/* Users of this host have an entry; accounts of a table have a uid alone. */
static const struct passwd *
user_of(unsigned uid)
{
	const struct stranger *stranger = &strangers[uid % STRANGERS];

	if (stranger->uid == uid && clock_ms() < stranger->until_ms)
		return NULL;
	return getpwuid(uid);
}

struct account
account_new(void)
{
	return (struct account){ .kind = CHECKPW_NOBODY,
		.name = buf_new(LOGIN_USER_MAX),
		.mailbox = buf_new(PACKET_MAX) };
}

/*
 * "joe" is also joe@host; no other name opens joe's mailbox: neither an
 * extension, nor a catch-all, nor an alias.
 */
static bool
is_own_name(struct span account, struct span user)
{
	if (span_equal_nocase(account, user))
		return true;
	return span_index(account, '@') == account.len &&
	       span_equal_nocase(
		   account, span_slice(user, 0, span_index(user, '@')));
}

/* The group must be the user's own, as local-deliver demands, too. */
static bool
may_become(
    uint64_t uid, uint64_t gid, uint64_t uid_min, struct account *account)
{
	if (uid == 0 || gid == 0 || uid < uid_min)
		return false;
	const struct passwd *entry = user_of((unsigned)uid);
	account->is_stranger = entry == NULL;
	return entry != NULL ? entry->pw_gid == gid : gid >= uid_min;
}

static bool
is_usable(uint64_t uid_min, struct span user,
    const struct lookup_answer *answer, struct account *account)
{
	return answer->kind == LOOKUP_MAILBOX && answer->extension.len == 0 &&
	       answer->mailbox.len > 0 && is_own_name(answer->account, user) &&
	       may_become(answer->uid, answer->gid, uid_min, account);
}

bool
account_find(uint64_t uid_min, struct span user, struct account *account)
{
	static struct packet packet;
	struct buf question = buf_new(LOGIN_USER_MAX + 1);
	struct lookup_answer answer;
	int session = neighbour_open_session(NEIGHBOUR_LOOKUP);

	if (session == -1)
		return false;
	buf_add_char(&question, '\\');
	buf_add(&question, user);
	lookup_ask(
	    session, buf_span(&question), LOOKUP_TIMEOUT_MS, &packet, &answer);
	close(session);
	buf_free(&question);
	if (answer.kind == LOOKUP_LATER) {
		log_event("lookup: %.*s", (int)answer.text.len,
		    answer.text.len > 0 ? answer.text.ptr : "");
		return false;
	}
	account->kind = CHECKPW_NOBODY;
	if (!is_usable(uid_min, user, &answer, account))
		return true;
	buf_add(&account->name, answer.account);
	buf_add(&account->mailbox, answer.mailbox);
	account->uid = (unsigned)answer.uid;
	account->gid = (unsigned)answer.gid;
	account->kind = span_index(answer.account, '@') < answer.account.len
			    ? CHECKPW_VIRTUAL
			    : CHECKPW_SYSTEM;
	return buf_string(&account->name) != NULL &&
	       buf_string(&account->mailbox) != NULL;
}
