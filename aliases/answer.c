#include "aliases/answer.h"

#include <errno.h>
#include <string.h>

#include "base/paths.h"
#include "mail/addr.h"
#include "mail/domain.h"

enum {
	PART_MAX = 1024,
	TARGET_MAX = 16384,
	UID_NOBODY = 65534
};

static const char alias_user[] = "mta-alias";

void
directory_open(struct directory *directory)
{
	*directory = (struct directory){
		.name = buf_new(PART_MAX),
		.domain = buf_new(PART_MAX),
		.key = buf_new(PART_MAX),
		.account = buf_new(PART_MAX),
		.home = buf_new(PART_MAX),
		.mailbox = buf_new(2 * (size_t)PART_MAX),
		.extension = buf_new(PART_MAX),
		.target = buf_new(TARGET_MAX),
		.owner = buf_new(PART_MAX),
		.text = buf_new(PART_MAX),
	};
	settings_load(&directory->settings);
	passwd_init(&directory->users, "/etc/passwd");
	table_init(&directory->aliases, ALIASES_TABLE);
	table_init(&directory->accounts, ACCOUNTS_TABLE);
}

void
directory_close(struct directory *directory)
{
	settings_free(&directory->settings);
	passwd_free(&directory->users);
	table_close(&directory->aliases);
	table_close(&directory->accounts);
	buf_free(&directory->name);
	buf_free(&directory->domain);
	buf_free(&directory->key);
	buf_free(&directory->account);
	buf_free(&directory->home);
	buf_free(&directory->mailbox);
	buf_free(&directory->extension);
	buf_free(&directory->target);
	buf_free(&directory->owner);
	buf_free(&directory->text);
}

/* A table failed: later, and the administrator is told why. */
static bool
later(struct directory *in, const char *what, struct lookup_answer *answer)
{
	buf_clear(&in->text);
	buf_printf(&in->text, "cannot read %s: %s", what, strerror(errno));
	*answer = (struct lookup_answer){ .kind = LOOKUP_LATER,
		.text = buf_span(&in->text) };
	return true;
}

/* ---- the steps; each is true when it has an answer ---- */

static void
find_owner(struct directory *in, struct span name, struct lookup_answer *answer)
{
	struct span value;

	if (span_starts(name, span_of("owner-")))
		return;
	buf_clear(&in->key);
	buf_add_string(&in->key, "owner-");
	buf_add(&in->key, name);
	if (table_find(&in->aliases, buf_span(&in->key), &value) != 1)
		return;
	buf_clear(&in->owner);
	buf_add(&in->owner, buf_span(&in->key));
	buf_add_char(&in->owner, '@');
	buf_add(&in->owner, buf_span(&in->settings.me));
	answer->owner = buf_span(&in->owner);
}

static bool
try_alias(struct directory *in, struct span name, struct lookup_answer *answer)
{
	struct span value;
	int found = table_find(&in->aliases, name, &value);

	if (found == -1)
		return later(in, ALIASES_TABLE, answer);
	if (found == 0)
		return false;
	buf_clear(&in->target);
	buf_add(&in->target, value);
	*answer = (struct lookup_answer){ .kind = LOOKUP_ALIAS,
		.target = buf_span(&in->target) };
	find_owner(in, name, answer);
	return true;
}

static bool
has_mailbox(const struct directory *in, const struct user *user)
{
	return user->uid != 0 && user->uid >= in->settings.uid_min &&
	       user->uid != UID_NOBODY && user->gid != 0;
}

/* control/defaultdelivery for one user, as "maildir:/path" or "mbox:/path". */
static void
set_mailbox(struct directory *in, const struct user *user)
{
	struct span value = buf_span(&in->settings.default_delivery);

	buf_clear(&in->mailbox);
	if (span_equal(value, span_of("mbox"))) {
		buf_add_string(&in->mailbox, "mbox:/var/spool/mail/");
		buf_add(&in->mailbox, user->name);
		return;
	}
	if (span_starts(value, span_of("./")))
		value = span_slice(value, 2, value.len);
	bool is_maildir = value.len > 0 && value.ptr[value.len - 1] == '/';
	buf_add_string(&in->mailbox, is_maildir ? "maildir:" : "mbox:");
	if (value.len == 0 || value.ptr[0] != '/') {
		buf_add(&in->mailbox, user->home);
		buf_add_char(&in->mailbox, '/');
	}
	buf_add(&in->mailbox, span_slice(value, 0, value.len - is_maildir));
}

static void
set_user(
    struct directory *in, const struct user *user, struct lookup_answer *answer)
{
	buf_clear(&in->account);
	buf_add(&in->account, user->name);
	buf_clear(&in->home);
	buf_add(&in->home, user->home);
	*answer = (struct lookup_answer){ .kind = LOOKUP_MAILBOX,
		.uid = user->uid,
		.gid = user->gid,
		.account = buf_span(&in->account),
		.home = buf_span(&in->home),
		.mailbox = buf_span(&in->mailbox) };
}

static bool
try_user(struct directory *in, struct span name, struct lookup_answer *answer)
{
	struct user user;
	int found = passwd_find(&in->users, name, &user);

	if (found == -1)
		return later(in, "/etc/passwd", answer);
	if (found == 0 || !has_mailbox(in, &user))
		return false;
	set_mailbox(in, &user);
	set_user(in, &user, answer);
	return true;
}

/* The last resort, which always exists: no postmaster's mail is ever lost. */
static bool
last_resort(struct directory *in, struct lookup_answer *answer)
{
	struct user user;
	int found = passwd_find(&in->users, span_of(alias_user), &user);

	if (found == 0)
		errno = ENOENT;
	if (found != 1)
		return later(in, "the user mta-alias (make install)", answer);
	user.name = span_of("postmaster");
	user.home = span_of(MTA_MAIL "/postmaster");
	buf_clear(&in->mailbox);
	buf_add_string(&in->mailbox, "maildir:" MTA_MAIL "/postmaster/Maildir");
	set_user(in, &user, answer);
	return true;
}

/* Is that all of the alias's target, so that following it leads back? */
static bool
leads_back(const struct lookup_answer *answer, struct span name)
{
	struct span target = answer->target;

	target = span_slice(target, 0, span_index(target, '@'));
	return span_equal_nocase(span_trim(target), name);
}

static bool
try_postmaster(struct directory *in, struct span name, bool may_alias,
    struct lookup_answer *answer)
{
	struct span chosen = buf_span(&in->settings.postmaster);

	if (may_alias && chosen.len > 0 && !span_equal_nocase(chosen, name)) {
		*answer = (struct lookup_answer){ .kind = LOOKUP_ALIAS,
			.target = chosen };
		return true;
	}
	if (!may_alias)
		return last_resort(in, answer);
	/* root's alias for the postmaster, and the other way round. */
	if (!span_equal(name, span_of("postmaster")) &&
	    try_alias(in, span_of("postmaster"), answer) &&
	    !leads_back(answer, name))
		return true;
	if (!span_equal(name, span_of("root")) &&
	    try_alias(in, span_of("root"), answer) && !leads_back(answer, name))
		return true;
	return last_resort(in, answer);
}

static bool
is_required_name(struct span name)
{
	static const char *const required[] = { "postmaster", "abuse",
		"mailer-daemon", "root" };

	for (size_t i = 0; i < sizeof(required) / sizeof(*required); i++)
		if (span_equal(name, span_of(required[i])))
			return true;
	return false;
}

/* Index of the first delimiter that has a name before it; len if none. */
static size_t
find_delimiter(const struct directory *in, struct span name)
{
	struct span delimiters = buf_span(&in->settings.delimiter);

	for (size_t i = 1; i < name.len; i++)
		if (span_index(delimiters, name.ptr[i]) < delimiters.len)
			return i;
	return name.len;
}

static void
set_extension(
    struct directory *in, struct span extension, struct lookup_answer *answer)
{
	buf_clear(&in->extension);
	buf_add(&in->extension, extension);
	answer->extension = buf_span(&in->extension);
}

static bool
try_local(struct directory *in, bool may_alias, struct lookup_answer *answer)
{
	struct span name = buf_span(&in->name);
	size_t cut = find_delimiter(in, name);
	struct span base = span_slice(name, 0, cut);

	if ((may_alias && try_alias(in, name, answer)) ||
	    try_user(in, name, answer))
		return true;
	if (cut < name.len && ((may_alias && try_alias(in, base, answer)) ||
				  try_user(in, base, answer))) {
		set_extension(in, span_slice(name, cut + 1, name.len), answer);
		return true;
	}
	return is_required_name(base) &&
	       try_postmaster(in, base, may_alias, answer);
}

/* "UID:GID:HOME" of accounts.cdb. */
static bool
parse_account(struct span value, struct user *user)
{
	struct span rest = value;

	if (!span_number(
		span_cut(&rest, ':'), 10, UINT32_MAX - 1, &user->uid) ||
	    !span_number(span_cut(&rest, ':'), 10, UINT32_MAX - 1, &user->gid))
		return false;
	user->home = rest;
	return user->uid != 0 && user->gid != 0 && rest.len > 0 &&
	       rest.ptr[0] == '/';
}

static bool
try_account(
    struct directory *in, struct span name, struct lookup_answer *answer)
{
	struct span value;
	struct user user;

	buf_clear(&in->key);
	buf_add(&in->key, name);
	buf_add_char(&in->key, '@');
	buf_add(&in->key, buf_span(&in->domain));
	int found = table_find(&in->accounts, buf_span(&in->key), &value);
	if (found == -1)
		return later(in, ACCOUNTS_TABLE, answer);
	if (found == 0)
		return false;
	if (!parse_account(value, &user)) {
		errno = EBADMSG;
		return later(in, ACCOUNTS_TABLE, answer);
	}
	user.name = buf_span(&in->key);
	buf_clear(&in->mailbox);
	buf_add_string(&in->mailbox, "maildir:");
	buf_add(&in->mailbox, user.home);
	buf_add_string(&in->mailbox, "/Maildir");
	set_user(in, &user, answer);
	return true;
}

static bool
try_virtual(struct directory *in, bool may_alias, struct lookup_answer *answer)
{
	struct span name = buf_span(&in->name);
	size_t cut = find_delimiter(in, name);
	struct span base = span_slice(name, 0, cut);

	if (try_account(in, name, answer))
		return true;
	if (cut < name.len && try_account(in, base, answer)) {
		set_extension(in, span_slice(name, cut + 1, name.len), answer);
		return true;
	}
	if (try_account(in, span_of(""), answer))
		return true;
	/* RFC 5321 section 4.5.1: every domain has a postmaster. */
	return is_required_name(base) &&
	       (try_alias(in, base, answer) ||
		   try_postmaster(in, base, may_alias, answer));
}

/* ---- the address ---- */

static void
add_lower(struct buf *into, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_add_char(into, ascii_lower(text.ptr[i]));
}

/* Set name and domain from the address; false if it is none. */
static bool
take_address(struct directory *in, struct span address)
{
	struct addr addr;

	buf_clear(&in->key);
	buf_add(&in->key, address);
	if (addr_parse_mailbox(address, &addr) != ADDR_OK) {
		buf_add_char(&in->key, '@');
		buf_add(&in->key, buf_span(&in->settings.me));
		if (addr_parse_mailbox(buf_span(&in->key), &addr) != ADDR_OK)
			return false;
	}
	buf_clear(&in->text);
	addr_add_canonical(&in->text, &addr);
	struct span whole = buf_span(&in->text);
	size_t at = span_last_index(whole, '@');
	buf_clear(&in->name);
	add_lower(&in->name, span_slice(whole, 0, at));
	struct span domain = span_slice(whole, at + 1, whole.len);
	buf_clear(&in->domain);
	if (!domain_add_ascii(&in->domain, domain))
		buf_add(&in->domain, domain);
	return true;
}

/* "a b" as aliases(5) names it: without quotes. */
static void
drop_quotes(struct buf *name)
{
	if (name->len < 3 || name->data[0] != '"')
		return;
	buf_drop(name, 1);
	name->len--;
}

static bool
is_ours(const struct settings *settings, struct span domain)
{
	if (settings->locals.list.count > 0)
		return domain_set_has(&settings->locals, domain);
	return span_equal_nocase(domain, buf_span(&settings->me)) ||
	       span_equal_nocase(domain, span_of("localhost"));
}

void
answer_find(
    struct directory *in, struct span address, struct lookup_answer *answer)
{
	bool may_alias = address.len == 0 || address.ptr[0] != '\\';
	bool is_known;

	settings_refresh(&in->settings);
	*answer = (struct lookup_answer){ .kind = LOOKUP_UNKNOWN };
	if (!take_address(
		in, may_alias ? address : span_slice(address, 1, address.len)))
		return;
	struct span domain = buf_span(&in->domain);
	if (is_ours(&in->settings, domain)) {
		drop_quotes(&in->name);
		is_known = try_local(in, may_alias, answer);
	} else if (domain_set_has(&in->settings.virtuals, domain)) {
		is_known = try_virtual(in, may_alias, answer);
	} else {
		answer->kind =
		    control_list_has_domain(&in->settings.relayed, domain)
			? LOOKUP_RELAY
			: LOOKUP_REMOTE;
		return;
	}
	if (!is_known)
		*answer = (struct lookup_answer){ .kind = LOOKUP_UNKNOWN };
}
