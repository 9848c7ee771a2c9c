/*
 * address - the tests address and envelope, with the parts of an address:
 * RFC 5228 sections 2.7.4, 5.1 and 5.4, RFC 5233.
 */

#include "mail/addrlist.h"
#include "sieve/match.h"

enum {
	BYTES_A_STEP = 4 /* of a list of addresses */
};

/* ---- parts ---- */

/* Where the user ends: before the first delimiter behind a name. */
static size_t
user_length(const struct sieve_run *run, struct span local)
{
	struct span delimiters =
	    run->delimiters.len > 0 ? run->delimiters : span_of("+");

	for (size_t i = 1; i < local.len; i++)
		if (span_index(delimiters, local.ptr[i]) < delimiters.len)
			return i;
	return local.len;
}

/* local is without quotes.  False: it has no such part. */
static bool
take_part(const struct sieve_run *run, enum sieve_address_part part,
    struct span local, struct span domain, struct span *text)
{
	size_t at = user_length(run, local);

	switch (part) {
	case ADDRESS_ALL:
		return false; /* the caller's: it is both */
	case ADDRESS_LOCALPART:
		*text = local;
		break;
	case ADDRESS_DOMAIN:
		*text = domain;
		break;
	case ADDRESS_USER:
		*text = span_slice(local, 0, at);
		break;
	case ADDRESS_DETAIL:
		*text = span_slice(local, at + 1, local.len);
		return at < local.len && domain.len > 0;
	}
	/* What is no address has no parts, RFC 5228 section 2.7.4. */
	return domain.len > 0;
}

static void
match_address(struct match *match, enum sieve_address_part part,
    struct span local, struct span domain)
{
	struct buf all = buf_new(local.len + domain.len + 1);
	struct span text;

	if (part == ADDRESS_ALL) {
		buf_add(&all, local);
		if (domain.len > 0)
			buf_add_char(&all, '@');
		buf_add(&all, domain);
		match_value(match, buf_span(&all));
	} else if (take_part(match->machine->run, part, local, domain, &text)) {
		match_value(match, text);
	}
	buf_free(&all);
}

/* ---- address ---- */

/* Fields of addresses; others have none. */
static bool
has_addresses(struct span name)
{
	static const char *const fields[] = { "From", "To", "Cc", "Bcc",
		"Sender", "Reply-To", "Resent-From", "Resent-To", "Resent-Cc",
		"Resent-Bcc", "Resent-Sender", "Resent-Reply-To", "Return-Path",
		"Delivered-To", "Envelope-To", "X-Original-To", "Errors-To",
		"Return-Receipt-To", "Mail-Reply-To", "Mail-Followup-To",
		"Disposition-Notification-To", "Original-Recipient",
		"Apparently-To", "Approved" };

	return span_is_one_of(name, fields, sizeof(fields) / sizeof(*fields));
}

static struct sieve_list
choose_fields(struct sieve_machine *machine, struct sieve_list names)
{
	struct span *items =
	    sieve_scratch(machine, names.count * sizeof(*items));
	size_t count = 0;

	for (size_t i = 0; i < names.count; i++)
		if (has_addresses(names.items[i]))
			items[count++] = names.items[i];
	return (struct sieve_list){ items, count };
}

static void
match_list(struct match *match, enum sieve_address_part part, struct span value)
{
	struct addrlist list = { .rest = value };
	struct addrlist_item item = { .kind = ADDRLIST_MAILBOX };

	if (!sieve_spend(match->machine, 1 + value.len / BYTES_A_STEP))
		return;
	while (!match->holds && addrlist_next_item(&list, &item))
		if (item.kind == ADDRLIST_MAILBOX)
			match_address(match, part, buf_span(&item.local),
			    buf_span(&item.domain));
	addrlist_item_free(&item);
}

bool
sieve_test_address(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct sieve_list names = choose_fields(
	    machine, sieve_expand_list(machine, node->arguments[0]));
	struct sieve_fields fields = sieve_fields_of(machine, node, names);
	struct match match;
	struct span value;

	match_begin(&match, machine, node, node->arguments[1]);
	while (!match.holds && sieve_fields_next(&fields, &value))
		match_list(&match, node->part, value);
	return match_end(&match);
}

/* ---- envelope ---- */

static void
match_path(struct match *match, enum sieve_address_part part, struct span path)
{
	struct buf angle = buf_new(path.len + 2);

	/* The null path is an empty string, whatever the part, and for :count
	 * it is none (RFC 5231 section 4.2). */
	if (path.len == 0) {
		if (match->type != MATCH_COUNT)
			match_value(match, path);
		return;
	}
	/* As in a field, without a source route and needless quotes. */
	buf_add_char(&angle, '<');
	buf_add(&angle, path);
	buf_add_char(&angle, '>');
	match_list(match, part, buf_span(&angle));
	buf_free(&angle);
}

bool
sieve_test_envelope(
    struct sieve_machine *machine, const struct sieve_node *node)
{
	struct sieve_list parts =
	    sieve_expand_list(machine, node->arguments[0]);
	struct match match;

	/* RFC 6785 section 4.6. */
	if (machine->run->event != SIEVE_DELIVERY)
		return sieve_fail(
		    machine, "envelope is for mail that is delivered");
	match_begin(&match, machine, node, node->arguments[1]);
	for (size_t i = 0; i < parts.count && !match.holds; i++) {
		struct span part = parts.items[i];

		if (span_equal_nocase(part, span_of("from")))
			match_path(&match, node->part, machine->run->sender);
		else if (span_equal_nocase(part, span_of("to")))
			match_path(&match, node->part, machine->run->recipient);
		else
			sieve_fail(machine, "an envelope has no \"%.*s\"",
			    (int)part.len, part.ptr);
	}
	return match_end(&match);
}
