/*
 * environment - what surrounds a run: the test environment (RFC 5183, RFC 6785
 * section 4), and those of mailboxes and annotations (RFC 5490).
 */

#include "sieve/match.h"

enum {
	ANNOTATION_MAX = 64 << 10
};

/* ---- environment ---- */

static struct span
item_domain(const struct sieve_run *run)
{
	size_t dot = span_index(run->host_name, '.');

	/* RFC 5183 section 4.1: the primary one of the host; what is above a
	 * name of two labels is none. */
	if (span_index(span_slice(run->host_name, dot + 1, run->host_name.len),
		'.') < run->host_name.len - dot)
		return span_slice(run->host_name, dot + 1, run->host_name.len);
	return run->host_name;
}

static struct span
item_host(const struct sieve_run *run)
{
	return run->host_name;
}

static struct span
item_location(const struct sieve_run *run)
{
	return span_of(run->event == SIEVE_DELIVERY ? "MDA" : "MS");
}

static struct span
item_name(const struct sieve_run *run)
{
	(void)run;
	return span_of("Estafeta");
}

static struct span
item_phase(const struct sieve_run *run)
{
	return span_of(run->event == SIEVE_DELIVERY ? "during" : "post");
}

/* The client is not known when mail is delivered: it may have been queued. */
static struct span
item_remote(const struct sieve_run *run)
{
	(void)run;
	return span_of("");
}

static struct span
item_version(const struct sieve_run *run)
{
	(void)run;
	return span_of("1");
}

static struct span
item_user(const struct sieve_run *run)
{
	return run->event == SIEVE_DELIVERY ? span_of("") : run->user;
}

static struct span
item_email(const struct sieve_run *run)
{
	return run->event == SIEVE_DELIVERY ? span_of("") : run->email;
}

static struct span
item_cause(const struct sieve_run *run)
{
	static const char *const causes[] = {
		[SIEVE_DELIVERY] = "",
		[SIEVE_APPEND] = "APPEND",
		[SIEVE_COPY] = "COPY",
		[SIEVE_FLAG] = "FLAG",
	};

	return span_of(causes[run->event]);
}

static struct span
item_mailbox(const struct sieve_run *run)
{
	return run->mailbox;
}

static struct span
item_changed_flags(const struct sieve_run *run)
{
	return run->event == SIEVE_FLAG ? run->changed_flags : span_of("");
}

static const struct {
	const char *name;
	struct span (*item)(const struct sieve_run *run);
} items[] = {
	{ "domain", item_domain },
	{ "host", item_host },
	{ "location", item_location },
	{ "name", item_name },
	{ "phase", item_phase },
	{ "remote-host", item_remote },
	{ "remote-ip", item_remote },
	{ "version", item_version },
	{ "imap.user", item_user },
	{ "imap.email", item_email },
	{ "imap.cause", item_cause },
	{ "imap.mailbox", item_mailbox },
	{ "imap.changedflags", item_changed_flags },
};

/* What is not known fits nothing, RFC 5183 section 4. */
bool
sieve_test_environment(
    struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span name = sieve_expand_one(machine, node->arguments[0]);
	struct match match;

	match_begin(&match, machine, node, node->arguments[1]);
	for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++) {
		struct span value;

		if (!span_equal_nocase(name, span_of(items[i].name)))
			continue;
		value = items[i].item(machine->run);
		if (value.ptr == NULL)
			value = span_of("");
		/* An empty one counts as none, section 4. */
		if (match.type != MATCH_COUNT || value.len > 0)
			match_value(&match, value);
	}
	return match_end(&match);
}

/* ---- mailboxes ---- */

bool
sieve_test_mailboxexists(
    struct sieve_machine *machine, const struct sieve_node *node)
{
	const struct sieve_host *host = machine->run->host;
	struct sieve_list names =
	    sieve_expand_list(machine, node->arguments[0]);

	for (size_t i = 0; i < names.count; i++)
		if (host == NULL || host->has_mailbox == NULL ||
		    !host->has_mailbox(host->context, names.items[i]))
			return false;
	return true;
}

/* ---- annotations ---- */

static bool
get_annotation(struct sieve_machine *machine, struct span mailbox,
    struct span entry, struct buf *value)
{
	const struct sieve_host *host = machine->run->host;

	return host != NULL && host->metadata != NULL &&
	       host->metadata(host->context, mailbox, entry, value);
}

static bool
test_annotation(struct sieve_machine *machine, const struct sieve_node *node,
    struct span mailbox, unsigned place)
{
	struct span entry = sieve_expand_one(machine, node->arguments[place]);
	struct buf value = buf_new(ANNOTATION_MAX);
	struct match match;

	match_begin(&match, machine, node, node->arguments[place + 1]);
	if (get_annotation(machine, mailbox, entry, &value))
		match_value(&match, buf_span(&value));
	buf_free(&value);
	return match_end(&match);
}

static bool
test_annotations(struct sieve_machine *machine, struct sieve_list entries,
    struct span mailbox)
{
	struct buf value = buf_new(ANNOTATION_MAX);
	bool are_there = true;

	entries = sieve_expand_list(machine, entries);
	for (size_t i = 0; i < entries.count && are_there; i++) {
		buf_clear(&value);
		are_there =
		    get_annotation(machine, mailbox, entries.items[i], &value);
	}
	buf_free(&value);
	return are_there;
}

bool
sieve_test_metadata(
    struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span mailbox = sieve_expand_one(machine, node->arguments[0]);

	/* "" would be the server. */
	return mailbox.len > 0 && test_annotation(machine, node, mailbox, 1);
}

bool
sieve_test_servermetadata(
    struct sieve_machine *machine, const struct sieve_node *node)
{
	return test_annotation(machine, node, span_of(""), 0);
}

bool
sieve_test_metadataexists(
    struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span mailbox = sieve_expand_one(machine, node->arguments[0]);

	return mailbox.len > 0 &&
	       test_annotations(machine, node->arguments[1], mailbox);
}

bool
sieve_test_servermetadataexists(
    struct sieve_machine *machine, const struct sieve_node *node)
{
	return test_annotations(machine, node->arguments[0], span_of(""));
}
