#include "base/die.h"
#include "imapd/handlers.h"
#include "imapd/list.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "imapd/sharing.h"

/* A space and a name, then perhaps the end. */
static bool
parse_one(struct session *session, struct parse *parse, struct buf *name,
    bool is_last)
{
	if (!parse_space(parse)) {
		session_bad(session, "BAD a folder's name is missing");
		return false;
	}
	if (!parse_folder_name(session, parse, name))
		return false;
	if (!is_last || session_end(session, parse))
		return true;
	buf_free(name);
	return false;
}

static const struct {
	const char *name;
	uint32_t use;
} uses[] = {
	{ "All", FOLDER_ALL },
	{ "Archive", FOLDER_ARCHIVE },
	{ "Drafts", FOLDER_DRAFTS },
	{ "Flagged", FOLDER_FLAGGED_USE },
	{ "Junk", FOLDER_JUNK },
	{ "Sent", FOLDER_SENT },
	{ "Trash", FOLDER_TRASH },
	{ "Important", FOLDER_IMPORTANT },
};

/* 0: it has the form of one, but is none that a folder can have here. */
static bool
parse_use(struct parse *parse, uint32_t *use)
{
	struct span other;

	*use = 0;
	if (!parse_char(parse, '\\'))
		return false;
	for (size_t i = 0; i < sizeof(uses) / sizeof(*uses); i++)
		if (parse_keyword(parse, uses[i].name)) {
			*use = uses[i].use;
			return true;
		}
	return parse_atom(parse, &other);
}

/* "\Use \Use)" behind the parenthesis; of several none is to be had here. */
static bool
parse_uses(struct parse *parse, uint32_t *use, size_t *count)
{
	if (parse_char(parse, ')'))
		return true;
	do {
		if (!parse_use(parse, use))
			return false;
		++*count;
	} while (parse_space(parse));
	if (*count > 1)
		*use = 0;
	return parse_char(parse, ')');
}

/* CREATE-SPECIAL-USE, RFC 6154 sections 3 and 6. */
static bool
parse_create(struct parse *parse, uint32_t *use, bool *has_use)
{
	size_t count = 0;

	*use = 0;
	*has_use = false;
	if (parse_is_end(parse))
		return true;
	bool is_good = parse_space(parse) && parse_char(parse, '(') &&
		       parse_keyword(parse, "USE") && parse_space(parse) &&
		       parse_char(parse, '(') &&
		       parse_uses(parse, use, &count) &&
		       parse_char(parse, ')') && parse_is_end(parse);
	*has_use = count > 0;
	return is_good;
}

static enum account_status
create(struct session *session, struct span name, uint32_t use)
{
	if (rights_is_of_others(name))
		return ACCOUNT_INVALID;
	enum account_status status =
	    account_create(session->account, name, use);
	return status == ACCOUNT_OK ? acl_inherit(session->account, name)
				    : status;
}

/* RFC 4314 section 4: what is created needs k above it.  At the top nobody but
 * the owner creates: no file gives a right there. */
static bool
may_create(struct session *session, struct span name)
{
	if (!rights_is_guest(session))
		return true;
	struct span parent = acl_parent(session->account, name);
	if (parent.len > 0)
		return rights_require(session, parent, ACL_CREATE);
	session_finish(session, rights_refused);
	return false;
}

void
handle_create(struct session *session, struct parse *parse)
{
	struct folder_counts counts;
	struct buf name;
	uint32_t use;
	bool has_use;

	if (!parse_one(session, parse, &name, false))
		return;
	bool is_understood = parse_create(parse, &use, &has_use);
	if (rights_is_guest(session)) /* what is whose is the owner's */
		use = 0;
	if (!is_understood || (has_use && use == 0)) {
		if (is_understood)
			session_finish(session,
			    "NO [USEATTR] no folder can have that use");
		else
			session_bad(session, "BAD CREATE NAME (USE (\\Use))");
		buf_free(&name);
		return;
	}
	if (!may_create(session, buf_span(&name))) {
		buf_free(&name);
		return;
	}
	enum account_status status = create(session, buf_span(&name), use);
	if (status == ACCOUNT_OK)
		status =
		    account_counts(session->account, buf_span(&name), &counts);
	struct buf text = buf_new(256);
	buf_printf(&text, "OK [MAILBOXID (%s)] done", counts.id);
	if (status == ACCOUNT_OK)
		session_finish(session, buf_string(&text));
	else
		session_fail(session, status);
	buf_free(&text);
	buf_free(&name);
}

static bool
is_selected(const struct session *session, struct span name)
{
	return session->folder != NULL &&
	       span_equal(buf_span(&session->folder_name), name);
}

/* With it goes what it shared. */
static enum account_status
delete_folder(struct session *session, struct span name)
{
	struct buf lines = buf_new(ACL_FILE_MAX);

	acl_read(session->account, name, &lines);
	enum account_status status = account_delete(session->account, name);
	if (status == ACCOUNT_OK && lines.len > 0 &&
	    sharing_publish(session) != ACCOUNT_OK)
		log_event("users/shares still has what user=%s deleted",
		    session->settings->user);
	buf_free(&lines);
	return status;
}

/*
 * The selected one is left for it.  Not by a guest: the session that he is a
 * guest of has it selected.
 */
static void
remove_folder(struct session *session, struct span name)
{
	if (!rights_require(session, name, ACL_DELETE_FOLDER))
		return;
	if (is_selected(session, name) && rights_is_guest(session)) {
		session_finish(session, "NO [INUSE] you have it selected");
		return;
	}
	if (is_selected(session, name) && !span_equal(name, span_of("INBOX"))) {
		put_reply(session, "* OK [CLOSED] to be deleted");
		session_unselect(session);
	}
	session_fail(session, delete_folder(session, name));
}

void
handle_delete(struct session *session, struct parse *parse)
{
	struct buf name;

	if (!parse_one(session, parse, &name, true))
		return;
	remove_folder(session, buf_span(&name));
	buf_free(&name);
}

/* The selected folder is still open: it or one above it has another name. */
static void
follow_rename(struct session *session, struct span from, struct span to)
{
	struct span old = buf_span(&session->folder_name);
	struct buf name = buf_new(ACCOUNT_NAME_MAX);

	if (session->folder == NULL || !span_starts(old, from) ||
	    (old.len > from.len && old.ptr[from.len] != '/'))
		return;
	buf_add(&name, to);
	buf_add(&name, span_slice(old, from.len, old.len));
	buf_free(&session->folder_name);
	session->folder_name = name;
}

static void
rename_folder(struct session *session, struct span from, struct span to)
{
	enum account_status status =
	    rights_is_of_others(to)
		? ACCOUNT_INVALID
		: account_rename(session->account, from, to);

	/* INBOX stays: the other one is new, RFC 9051 section 6.3.6. */
	if (status == ACCOUNT_OK && span_equal(from, span_of("INBOX")))
		status = acl_inherit(session->account, to);
	else if (status == ACCOUNT_OK)
		follow_rename(session, from, to);
	session_fail(session, status);
}

/*
 * RFC 4314 section 4: x on the folder itself and k above its new name.  What is
 * below goes with it, whatever the rights on that are, and each folder keeps
 * its ACL.
 */
void
handle_rename(struct session *session, struct parse *parse)
{
	struct buf from;
	struct buf to;

	if (!parse_one(session, parse, &from, false))
		return;
	if (parse_one(session, parse, &to, true)) {
		if (rights_require(
			session, buf_span(&from), ACL_DELETE_FOLDER) &&
		    may_create(session, buf_span(&to)))
			rename_folder(session, buf_span(&from), buf_span(&to));
		buf_free(&to);
	}
	buf_free(&from);
}

static void
subscribe(struct session *session, struct parse *parse, bool is_on)
{
	struct buf name;

	if (!parse_one(session, parse, &name, true))
		return;
	session_fail(session,
	    account_subscribe(session->account, buf_span(&name), is_on));
	buf_free(&name);
}

void
handle_subscribe(struct session *session, struct parse *parse)
{
	subscribe(session, parse, true);
}

void
handle_unsubscribe(struct session *session, struct parse *parse)
{
	subscribe(session, parse, false);
}

void
handle_namespace(struct session *session, struct parse *parse)
{
	if (!session_end(session, parse))
		return;
	put(session, session->settings->can_share
			 ? "* NAMESPACE ((\"\" \"/\")) "
			   "((\"" RIGHTS_OTHERS "\" \"/\")) NIL\r\n"
			 : "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
	session_finish(session, "OK done");
}

/* ---- QUOTA, RFC 9208: one root, the account, if it has a limit ---- */

/* "", or a guest's "Other Users/OWNER". */
static struct span
quota_root(const struct session *session)
{
	struct span prefix = buf_span(&session->prefix);

	return span_slice(prefix, 0, prefix.len > 0 ? prefix.len - 1 : 0);
}

static void
put_quota_root(struct session *session)
{
	struct span root = quota_root(session);

	put(session, " ");
	put_nstring(session, root.len > 0 ? root : span_of(""));
}

static bool
is_limited(const struct account_quota *quota)
{
	return quota->octets_max > 0 || quota->messages_max > 0;
}

static void
put_quota(struct session *session, const struct account_quota *quota)
{
	const char *space = "";

	put(session, "* QUOTA");
	put_quota_root(session);
	put(session, " (");
	if (quota->octets_max > 0) {
		put_format(session, "STORAGE %llu %llu",
		    (unsigned long long)(quota->octets / 1024),
		    (unsigned long long)(quota->octets_max / 1024));
		space = " ";
	}
	if (quota->messages_max > 0)
		put_format(session, "%sMESSAGE %llu %llu", space,
		    (unsigned long long)quota->messages,
		    (unsigned long long)quota->messages_max);
	put(session, ")\r\n");
}

static enum account_status
get_quota(struct session *session)
{
	struct account_quota quota;
	enum account_status status = account_quota(session->account, &quota);

	if (status != ACCOUNT_OK)
		return status;
	if (!is_limited(&quota))
		return ACCOUNT_NONEXISTENT;
	put_quota(session, &quota);
	return ACCOUNT_OK;
}

void
handle_get_quota(struct session *session, struct parse *parse)
{
	struct span root;

	if (!parse_space(parse) || !parse_astring(parse, &root) ||
	    !parse_is_end(parse))
		session_bad(session, "BAD GETQUOTA ROOT");
	else if (!span_equal(root, quota_root(session)) ||
		 !rights_has_somewhere(session, ACL_READ))
		session_fail(session, ACCOUNT_NONEXISTENT);
	else
		session_fail(session, get_quota(session));
}

static enum account_status
get_quota_root(struct session *session, struct span name)
{
	struct account_quota quota;
	enum account_status status = account_quota(session->account, &quota);

	if (status != ACCOUNT_OK)
		return status;
	put(session, "* QUOTAROOT ");
	put_name(session, name);
	if (is_limited(&quota))
		put_quota_root(session);
	put(session, "\r\n");
	if (is_limited(&quota))
		put_quota(session, &quota);
	return ACCOUNT_OK;
}

void
handle_get_quota_root(struct session *session, struct parse *parse)
{
	struct buf name;

	if (!parse_one(session, parse, &name, true))
		return;
	if (rights_require(session, buf_span(&name), ACL_READ))
		session_fail(session, get_quota_root(session, buf_span(&name)));
	buf_free(&name);
}
