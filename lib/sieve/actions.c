/*
 * actions - what is to be done with the message: which actions exclude each
 * other, and which are the same.
 */

#include "mail/addr.h"
#include "mail/addrlist.h"
#include "mail/header.h"
#include "mail/utf8.h"
#include "sieve/notify.h"
#include "sieve/run.h"
#include "sieve/vacation.h"

enum {
	DAY_SECONDS = 24 * 60 * 60,
	VACATION_DAYS = 7, /* RFC 5230 section 4.1 */
	VACATION_DAYS_MAX = 365,
	IMPORTANCE_NORMAL = 2 /* RFC 5435 section 3.4 */
};

/* ---- which exclude each other ---- */

#define KIND(kind) (1U << (kind))

static const struct {
	unsigned excluded;
	const char *name;
} kinds[] = {
	[SIEVE_KEEP] = { KIND(SIEVE_REJECT), "keep" },
	[SIEVE_FILEINTO] = { KIND(SIEVE_REJECT), "fileinto" },
	[SIEVE_REDIRECT] = { KIND(SIEVE_REJECT), "redirect" },
	/* RFC 5429 section 2.4: who is told that the message was refused is to
	 * know that it was not delivered. */
	[SIEVE_REJECT] = { KIND(SIEVE_KEEP) | KIND(SIEVE_FILEINTO) |
			       KIND(SIEVE_REDIRECT) | KIND(SIEVE_REJECT) |
			       KIND(SIEVE_VACATION),
	    "reject" },
	/* RFC 5230 section 4.7. */
	[SIEVE_VACATION] = { KIND(SIEVE_REJECT) | KIND(SIEVE_VACATION),
	    "vacation" },
	[SIEVE_NOTIFY] = { 0, "notify" },
	[SIEVE_REMEMBER] = { 0, "duplicate" },
};

struct sieve_action *
sieve_action_add(struct sieve_machine *machine, enum sieve_action_kind kind)
{
	struct sieve_action *action;

	for (size_t i = 0; i < machine->action_count; i++) {
		enum sieve_action_kind other = machine->actions[i].kind;

		if ((kinds[kind].excluded & KIND(other)) == 0)
			continue;
		if (other == kind)
			sieve_fail(
			    machine, "%s is done twice", kinds[kind].name);
		else
			sieve_fail(machine, "%s and %s exclude each other",
			    kinds[other].name, kinds[kind].name);
		return NULL;
	}
	if (machine->has_failed)
		return NULL;
	if (machine->action_count == SIEVE_ACTIONS_MAX) {
		sieve_fail(machine, "too many actions");
		return NULL;
	}
	action = &machine->actions[machine->action_count++];
	*action = (struct sieve_action){ .kind = kind, .line = machine->line };
	return action;
}

/* ---- where the message is kept ---- */

static bool
is_inbox(struct span mailbox)
{
	return span_equal_nocase(mailbox, span_of("INBOX"));
}

/* Of a message that is delivered a keep is the fileinto of its mailbox. */
static struct span
kept_mailbox(const struct sieve_machine *machine)
{
	if (machine->run->event != SIEVE_DELIVERY)
		return (struct span){ "", 0 };
	return machine->run->mailbox.len > 0 ? machine->run->mailbox
					     : span_of("INBOX");
}

static bool
is_same_mailbox(struct span a, struct span b)
{
	return span_equal(a, b) || (is_inbox(a) && is_inbox(b));
}

/* One that puts the message into the same mailbox: it is done once, RFC 5228
 * section 2.10.3. */
static struct sieve_action *
find_stored(struct sieve_machine *machine, struct span mailbox)
{
	for (size_t i = 0; i < machine->action_count; i++) {
		struct sieve_action *action = &machine->actions[i];
		bool is_kept = action->kind == SIEVE_KEEP;

		if ((is_kept || action->kind == SIEVE_FILEINTO) &&
		    is_same_mailbox(
			is_kept ? kept_mailbox(machine) : action->mailbox,
			mailbox))
			return action;
	}
	return NULL;
}

static void
store(struct sieve_machine *machine, const struct sieve_node *node,
    enum sieve_action_kind kind, struct span mailbox)
{
	struct sieve_action *action = find_stored(machine, mailbox);
	bool is_first = action == NULL;

	if (is_first)
		action = sieve_action_add(machine, kind);
	if (action == NULL)
		return;
	if (is_first && kind == SIEVE_FILEINTO)
		action->mailbox = sieve_keep_copy(machine, mailbox);
	/* RFC 6785 section 3.7: a message that is there does not change. */
	if (is_first &&
	    (kind != SIEVE_KEEP || machine->run->event == SIEVE_DELIVERY))
		action->header = sieve_header_now(machine);
	action->may_create |= (node->flags & FLAG_CREATE) != 0;
	/* The last ones win, RFC 5232 section 3. */
	action->flags = sieve_flags_now(machine, node);
	action->has_flags = action->flags.ptr != NULL;
	sieve_trace(machine, node, "%.*s%s",
	    kind == SIEVE_KEEP ? 0 : (int)mailbox.len, mailbox.ptr,
	    is_first ? "" : " (done already)");
}

static void
run_keep(struct sieve_machine *machine, const struct sieve_node *node)
{
	store(machine, node, SIEVE_KEEP, kept_mailbox(machine));
}

static void
cancel_keep(struct sieve_machine *machine, const struct sieve_node *node)
{
	if ((node->flags & FLAG_COPY) == 0)
		machine->is_cancelled = true;
}

static void
run_fileinto(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span mailbox = sieve_expand_one(machine, node->arguments[0]);

	if (mailbox.len == 0 || !utf8_is_valid(mailbox) ||
	    !header_is_safe(mailbox)) {
		sieve_fail(machine, "\"%.*s\" is no mailbox", (int)mailbox.len,
		    mailbox.ptr);
		return;
	}
	store(machine, node, SIEVE_FILEINTO, mailbox);
	cancel_keep(machine, node);
}

static void
run_discard(struct sieve_machine *machine, const struct sieve_node *node)
{
	machine->is_cancelled = true;
	sieve_trace(machine, node, "%s", "");
}

/* ---- redirect ---- */

/* One address, as it is compared; false if it is none, or more. */
static bool
add_address(struct buf *into, struct span text)
{
	struct buf address = buf_new(text.len);
	struct buf more = buf_new(text.len);
	struct span rest = text;
	struct addr parts;
	bool is_one = addrlist_next(&rest, &address) &&
		      !addrlist_next(&rest, &more) &&
		      addr_parse_mailbox(buf_span(&address), &parts) == ADDR_OK;

	if (is_one)
		addr_add_canonical(into, &parts);
	buf_free(&address);
	buf_free(&more);
	return is_one;
}

static bool
is_redirected(const struct sieve_machine *machine, struct span address)
{
	for (size_t i = 0; i < machine->action_count; i++)
		if (machine->actions[i].kind == SIEVE_REDIRECT &&
		    span_equal(machine->actions[i].address, address))
			return true;
	return false;
}

static void
redirect(struct sieve_machine *machine, const struct sieve_node *node,
    struct span address)
{
	struct sieve_action *action;

	if (is_redirected(machine, address)) {
		sieve_trace(machine, node, "%.*s (done already)",
		    (int)address.len, address.ptr);
		return;
	}
	if (machine->redirect_count == (machine->run->has_redirects_max
					       ? machine->run->redirects_max
					       : SIEVE_REDIRECTS_MAX)) {
		sieve_fail(machine, "too many redirects");
		return;
	}
	action = sieve_action_add(machine, SIEVE_REDIRECT);
	if (action == NULL)
		return;
	machine->redirect_count++;
	action->address = sieve_keep_copy(machine, address);
	action->header = sieve_header_now(machine);
	sieve_trace(machine, node, "%.*s", (int)address.len, address.ptr);
}

static void
run_redirect(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span text = sieve_expand_one(machine, node->arguments[0]);
	struct buf address = buf_new(text.len + 2);

	if (add_address(&address, text)) {
		redirect(machine, node, buf_span(&address));
		cancel_keep(machine, node);
	} else {
		sieve_fail(
		    machine, "\"%.*s\" is no address", (int)text.len, text.ptr);
	}
	buf_free(&address);
}

/* ---- answers ---- */

static void
run_reject(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span text = sieve_expand_one(machine, node->arguments[0]);
	struct sieve_action *action = sieve_action_add(machine, SIEVE_REJECT);

	if (action == NULL)
		return;
	action->text = sieve_keep_copy(machine, text);
	machine->is_cancelled = true;
	sieve_trace(machine, node, "%s", "");
}

static struct span
keep_option(struct sieve_machine *machine, const struct sieve_node *node,
    enum sieve_option option)
{
	return sieve_keep_copy(
	    machine, sieve_expand_one(machine, node->options[option]));
}

static void
keep_addresses(struct sieve_machine *machine, struct sieve_action *action,
    struct sieve_list list)
{
	struct span *kept;

	list = sieve_expand_list(machine, list);
	if (list.items == NULL)
		return;
	kept = sieve_keep_room(machine, list.count * sizeof(*kept));
	for (size_t i = 0; i < list.count; i++)
		kept[i] = sieve_keep_copy(machine, list.items[i]);
	action->addresses = kept;
	action->address_count = list.count;
}

/* Each of them an address, RFC 5230 section 4.3. */
static bool
are_addresses(struct span text)
{
	struct buf address = buf_new(text.len);
	struct addr parts;
	bool are_all = true;
	size_t count = 0;

	while (are_all && addrlist_next(&text, &address)) {
		are_all =
		    addr_parse_mailbox(buf_span(&address), &parts) == ADDR_OK;
		count++;
	}
	buf_free(&address);
	return are_all && count > 0;
}

static int64_t
vacation_seconds(
    const struct sieve_machine *machine, const struct sieve_node *node)
{
	int64_t most = (int64_t)VACATION_DAYS_MAX * DAY_SECONDS;
	/* RFC 6131 section 2: 0 answers each message. */
	int64_t least =
	    sieve_has(machine, EXTENSION_VACATION_SECONDS) ? 0 : DAY_SECONDS;

	if (node->seconds < 0)
		return (int64_t)VACATION_DAYS * DAY_SECONDS;
	if (node->seconds < least)
		return least;
	return node->seconds < most ? node->seconds : most;
}

static void
run_vacation(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct sieve_action *action = sieve_action_add(machine, SIEVE_VACATION);
	struct buf handle = buf_new(SIEVE_STRING_MAX);

	if (action == NULL)
		return;
	action->text = sieve_keep_copy(
	    machine, sieve_expand_one(machine, node->arguments[0]));
	action->subject = keep_option(machine, node, OPTION_SUBJECT);
	action->from = keep_option(machine, node, OPTION_FROM);
	keep_addresses(machine, action, node->options[OPTION_ADDRESSES]);
	action->header = sieve_header_now(machine);
	action->seconds = vacation_seconds(machine, node);
	action->is_mime = (node->flags & FLAG_MIME) != 0;
	sieve_vacation_add_handle(&handle, node);
	action->handle = sieve_keep_buf(machine, &handle);
	buf_free(&handle);
	if (action->from.ptr != NULL && !are_addresses(action->from))
		sieve_fail(machine, "\"%.*s\" is no address",
		    (int)action->from.len, action->from.ptr);
	/* RFC 5230 section 5. */
	if (action->is_mime &&
	    !span_is_ascii(sieve_vacation_mime_header(action->text)))
		sieve_fail(machine, "a header of :mime has bytes of 8 bits");
	sieve_trace(machine, node, "%s", "");
}

/* RFC 5436 section 2.7: not of the same to the same twice. */
static bool
is_notified(
    const struct sieve_machine *machine, struct span method, struct span text)
{
	for (size_t i = 0; i < machine->action_count; i++) {
		const struct sieve_action *action = &machine->actions[i];

		if (action->kind == SIEVE_NOTIFY &&
		    span_equal(action->address, method) &&
		    span_equal(action->text, text))
			return true;
	}
	return false;
}

static void
notify(struct sieve_machine *machine, const struct sieve_node *node,
    struct span method)
{
	struct span text =
	    sieve_expand_one(machine, node->options[OPTION_MESSAGE]);
	struct span importance =
	    sieve_expand_one(machine, node->options[OPTION_IMPORTANCE]);
	uint64_t number = IMPORTANCE_NORMAL;
	struct sieve_action *action;

	if (importance.ptr != NULL &&
	    (!span_number(importance, 10, 3, &number) || number == 0)) {
		sieve_fail(machine, ":importance is 1, 2 or 3");
		return;
	}
	if (is_notified(machine, method, text) ||
	    (action = sieve_action_add(machine, SIEVE_NOTIFY)) == NULL)
		return;
	action->importance = (unsigned)number;
	action->header = sieve_header_now(machine);
	action->address = sieve_keep_copy(machine, method);
	action->text = sieve_keep_copy(machine, text);
	action->from = keep_option(machine, node, OPTION_FROM);
	keep_addresses(machine, action, node->options[OPTION_ADDRESSES]);
	/* RFC 5436 section 2.3. */
	if (action->from.ptr != NULL && !are_addresses(action->from))
		sieve_fail(machine, "\"%.*s\" is no address",
		    (int)action->from.len, action->from.ptr);
}

static void
run_notify(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span method = sieve_expand_one(machine, node->arguments[0]);
	bool applies = sieve_notify_applies(buf_span(&machine->header));

	if (!sieve_notify_is_method(method)) {
		sieve_fail(machine, "\"%.*s\" is no method of notification",
		    (int)method.len, method.ptr);
		return;
	}
	if (applies)
		notify(machine, node, method);
	sieve_trace(machine, node, "%.*s%s", (int)method.len, method.ptr,
	    applies ? "" : " (not of an automatic message)");
}

/* ---- by their words ---- */

void
sieve_run_action(struct sieve_machine *machine, const struct sieve_node *node)
{
	static void (*const actions[])(
	    struct sieve_machine *, const struct sieve_node *) = {
		[WORD_KEEP] = run_keep,
		[WORD_FILEINTO] = run_fileinto,
		[WORD_REDIRECT] = run_redirect,
		[WORD_DISCARD] = run_discard,
		[WORD_REJECT] = run_reject,
		[WORD_EREJECT] = run_reject,
		[WORD_VACATION] = run_vacation,
		[WORD_NOTIFY] = run_notify,
	};

	actions[node->word](machine, node);
}
