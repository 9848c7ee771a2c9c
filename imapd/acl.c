#include "base/die.h"
#include "imapd/handlers.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "imapd/sharing.h"

/* SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS: RFC 4314 section 3. */

enum {
	RIGHTS_MAX = 32
};

static const char no_identifier[] = "BAD that names nobody";

/* " NAME"; then perhaps " IDENTIFIER", with "-" as negative. */
static bool
parse_folder(struct session *session, struct parse *parse, struct buf *name)
{
	if (parse_space(parse))
		return parse_folder_name(session, parse, name);
	session_bad(session, "BAD a folder's name is missing");
	return false;
}

static bool
parse_identifier(
    struct session *session, struct parse *parse, struct buf *identifier)
{
	struct span text;

	*identifier = buf_new(ACL_IDENTIFIER_MAX);
	if (parse_space(parse) && parse_astring(parse, &text)) {
		bool is_negative = text.len > 0 && text.ptr[0] == '-';

		if (is_negative)
			text = span_slice(text, 1, SIZE_MAX);
		if (acl_prepare(text, identifier)) {
			if (is_negative) {
				struct buf whole =
				    buf_new(ACL_IDENTIFIER_MAX + 1);

				buf_add_char(&whole, '-');
				buf_add(&whole, buf_span(identifier));
				buf_free(identifier);
				*identifier = whole;
			}
			return true;
		}
	}
	buf_free(identifier);
	session_bad(session, no_identifier);
	return false;
}

static struct acl_entry
entry_of(const struct buf *identifier)
{
	struct span text = buf_span(identifier);
	bool is_negative = text.ptr[0] == '-';

	return (struct acl_entry){ .is_negative = is_negative,
		.identifier = span_slice(text, is_negative, SIZE_MAX) };
}

/* What is behind "NAME IDENTIFIER", of SETACL, DELETEACL and LISTRIGHTS. */
typedef void runner(struct session *session, struct parse *parse,
    struct span name, struct acl_entry *entry);

static void
with_identifier(struct session *session, struct parse *parse, runner *run)
{
	struct buf name;
	struct buf identifier;

	if (!parse_folder(session, parse, &name))
		return;
	if (parse_identifier(session, parse, &identifier)) {
		struct acl_entry entry = entry_of(&identifier);

		run(session, parse, buf_span(&name), &entry);
		buf_free(&identifier);
	}
	buf_free(&name);
}

/* The account's name: its user, unless that is a guest. */
static struct span
owner_of(const struct session *session)
{
	return span_of(rights_is_guest(session) ? session->settings->owner
						: session->settings->user);
}

static bool
is_owner(const struct session *session, const struct acl_entry *entry)
{
	return span_equal_nocase(entry->identifier, owner_of(session));
}

/* With the virtual rights, RFC 4314 section 2.1.1. */
static void
put_rights(struct session *session, uint32_t rights)
{
	struct buf text = buf_new(RIGHTS_MAX);

	acl_add_rights(&text, rights);
	if ((rights & (ACL_CREATE | ACL_DELETE_FOLDER)) != 0)
		buf_add_char(&text, 'c');
	if ((rights & (ACL_EXPUNGE | ACL_DELETE_MESSAGES)) != 0)
		buf_add_char(&text, 'd');
	if (text.len == 0)
		put(session, "\"\"");
	put_span(session, buf_span(&text));
	buf_free(&text);
}

/* ---- what is set ---- */

/* What exactly this entry says now. */
static uint32_t
rights_of_entry(const struct session *session, struct span name,
    const struct acl_entry *entry)
{
	struct buf lines = buf_new(ACL_FILE_MAX);
	struct acl_entry one;
	uint32_t rights = 0;

	acl_read(session->account, name, &lines);
	for (struct span rest = buf_span(&lines); acl_next(&rest, &one);)
		if (one.is_negative == entry->is_negative &&
		    span_equal_nocase(one.identifier, entry->identifier))
			rights = one.rights;
	buf_free(&lines);
	return rights;
}

/*
 * The list of who shares with whom is login's to keep, and to bound: what it
 * does not take is undone.
 */
static void
change_acl(struct session *session, struct span name,
    const struct acl_entry *entry, enum acl_change change)
{
	struct acl_entry before = *entry;

	before.rights = rights_of_entry(session, name, entry);
	enum account_status status =
	    acl_set(session->account, name, entry, change);
	enum account_status told =
	    status == ACCOUNT_OK ? sharing_publish(session) : ACCOUNT_OK;
	if (told == ACCOUNT_LIMIT && before.rights == 0)
		status = acl_set(session->account, name, &before, ACL_REPLACE);
	if (told == ACCOUNT_OK || status != ACCOUNT_OK)
		session_fail(session, status);
	else if (told == ACCOUNT_LIMIT && before.rights == 0)
		session_finish(
		    session, "NO [LIMIT] you share with as many as you may");
	else
		session_finish(session,
		    "NO [UNAVAILABLE] it is set, but cannot be told now");
}

static void
set(struct session *session, struct span name, const struct acl_entry *entry,
    enum acl_change change)
{
	if (!rights_require(session, name, ACL_ADMINISTER))
		return;
	if (is_owner(session, entry))
		session_finish(
		    session, "NO [CANNOT] the owner has all rights always");
	else
		change_acl(session, name, entry, change);
}

/* "+lr", "-lr" or "lr" */
static bool
parse_change(
    struct parse *parse, struct acl_entry *entry, enum acl_change *change)
{
	struct span text;

	*change = ACL_REPLACE;
	if (!parse_space(parse) || !parse_astring(parse, &text))
		return false;
	if (text.len > 0 && (text.ptr[0] == '+' || text.ptr[0] == '-')) {
		*change = text.ptr[0] == '+' ? ACL_ADD : ACL_REMOVE;
		text = span_slice(text, 1, SIZE_MAX);
	}
	return acl_parse_rights(text, &entry->rights) && parse_is_end(parse);
}

static void
run_set_acl(struct session *session, struct parse *parse, struct span name,
    struct acl_entry *entry)
{
	enum acl_change change;

	if (parse_change(parse, entry, &change))
		set(session, name, entry, change);
	else
		session_bad(session, "BAD SETACL NAME WHO [+-]lrswipkxtea");
}

void
handle_set_acl(struct session *session, struct parse *parse)
{
	with_identifier(session, parse, run_set_acl);
}

static void
run_delete_acl(struct session *session, struct parse *parse, struct span name,
    struct acl_entry *entry)
{
	if (session_end(session, parse))
		set(session, name, entry, ACL_REPLACE);
}

void
handle_delete_acl(struct session *session, struct parse *parse)
{
	with_identifier(session, parse, run_delete_acl);
}

/* ---- what is asked ---- */

static void
put_identifier(struct session *session, const struct acl_entry *entry)
{
	struct buf text = buf_new(ACL_IDENTIFIER_MAX + 1);

	if (entry->is_negative)
		buf_add_char(&text, '-');
	buf_add(&text, entry->identifier);
	put_nstring(session, buf_span(&text));
	buf_free(&text);
}

static void
put_acl(struct session *session, struct span name, const struct buf *lines)
{
	struct acl_entry entry;

	put(session, "* ACL ");
	put_name(session, name);
	put(session, " ");
	put_nstring(session, owner_of(session));
	put(session, " ");
	put_rights(session, ACL_ALL);
	for (struct span rest = buf_span(lines); acl_next(&rest, &entry);) {
		put(session, " ");
		put_identifier(session, &entry);
		put(session, " ");
		put_rights(session, entry.rights);
	}
	put(session, "\r\n");
}

void
handle_get_acl(struct session *session, struct parse *parse)
{
	struct buf lines = buf_new(ACL_FILE_MAX);
	struct buf name;

	if (!parse_folder(session, parse, &name))
		return;
	if (session_end(session, parse) &&
	    rights_require(session, buf_span(&name), ACL_ADMINISTER)) {
		enum account_status status =
		    acl_read(session->account, buf_span(&name), &lines);

		if (status == ACCOUNT_OK)
			put_acl(session, buf_span(&name), &lines);
		else if (status == ACCOUNT_ERROR)
			warn_errno("cannot read estafeta-acl of owner=%.*s",
			    (int)owner_of(session).len, owner_of(session).ptr);
		session_fail(session, status);
	}
	buf_free(&lines);
	buf_free(&name);
}

static void
run_list_rights(struct session *session, struct parse *parse, struct span name,
    struct acl_entry *entry)
{
	struct folder_counts counts;

	if (!session_end(session, parse) ||
	    !rights_require(session, name, ACL_ADMINISTER))
		return;
	enum account_status status =
	    account_counts(session->account, name, &counts);
	if (status == ACCOUNT_OK) {
		put(session, "* LISTRIGHTS ");
		put_name(session, name);
		put(session, " ");
		put_identifier(session, entry);
		put(session, is_owner(session, entry)
				 ? " lrswipkxteacd\r\n"
				 : " \"\" l r s w i p k x t e a c d\r\n");
	}
	session_fail(session, status);
}

void
handle_list_rights(struct session *session, struct parse *parse)
{
	with_identifier(session, parse, run_list_rights);
}

void
handle_my_rights(struct session *session, struct parse *parse)
{
	/* RFC 4314 section 4: any of these lets one ask. */
	const uint32_t any = ACL_LOOKUP | ACL_READ | ACL_INSERT | ACL_CREATE |
			     ACL_DELETE_FOLDER | ACL_ADMINISTER;
	struct folder_counts counts;
	struct buf name;

	if (!parse_folder(session, parse, &name))
		return;
	if (session_end(session, parse)) {
		uint32_t rights = rights_on(session, buf_span(&name));
		enum account_status status =
		    (rights & any) == 0 ? ACCOUNT_NONEXISTENT
					: account_counts(session->account,
					      buf_span(&name), &counts);

		if (status == ACCOUNT_OK)
			rights_put(session, buf_span(&name), rights);
		session_fail(session, status);
	}
	buf_free(&name);
}

void
rights_put(struct session *session, struct span name, uint32_t rights)
{
	put(session, "* MYRIGHTS ");
	put_name(session, name);
	put(session, " ");
	put_rights(session, rights);
	put(session, "\r\n");
}
