#include "queue/holdrules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "mail/addr.h"
#include "mail/domain.h"

enum {
	READ_MS = 10000,
	DOMAIN_MAX = 255
};

static const struct span any = { "*", 1 };

/* ---- a rule ---- */

static bool
is_plain(struct span text)
{
	static const struct span patterns = { "*?[\\", 4 };

	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f ||
		    span_index(patterns, text.ptr[i]) < patterns.len)
			return false;
	return text.len > 0;
}

bool
holdrule_is_domain(struct span text)
{
	return span_equal(text, any) ||
	       (is_plain(text) && text.len <= DOMAIN_MAX &&
		   span_index(text, '@') == text.len);
}

bool
holdrule_is_sender(struct span text)
{
	if (span_starts(text, span_of("*@")))
		text = span_slice(text, 1, text.len);
	return span_equal(text, any) || span_equal(text, span_of("<>")) ||
	       (is_plain(text) && text.len <= ENVELOPE_ADDRESS_MAX &&
		   text.ptr[text.len - 1] != '@' && text.ptr[0] != '<');
}

void
holdrule_add_line(struct buf *out, const struct holdrule *rule)
{
	buf_printf(out, "%llu %llu %llu %.*s %.*s\n",
	    (unsigned long long)rule->number, (unsigned long long)rule->made_us,
	    (unsigned long long)rule->uid, (int)rule->sender.len,
	    rule->sender.ptr, (int)rule->domain.len, rule->domain.ptr);
}

void
holdrule_add_text(struct buf *out, const struct holdrule *rule)
{
	bool is_from_any = span_equal(rule->sender, any);
	bool is_to_any = span_equal(rule->domain, any);

	if (is_from_any && is_to_any)
		buf_add_string(out, "all mail");
	if (!is_from_any) {
		buf_add_string(out, "from ");
		buf_add(out, rule->sender);
	}
	if (!is_from_any && !is_to_any)
		buf_add_char(out, ' ');
	if (!is_to_any) {
		buf_add_string(out, "to ");
		buf_add(out, rule->domain);
	}
}

/* FNV-1a of a text in lower case and its end. */
static uint64_t
add_hash(uint64_t hash, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)ascii_lower(text.ptr[i])) *
		       UINT64_C(0x100000001b3);
	return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

static uint64_t
hash_sender(struct span sender, bool is_domain)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) + is_domain;

	return add_hash(hash, sender);
}

static uint64_t
hash_rule(const struct holdrule *rule)
{
	bool is_domain = span_starts(rule->sender, span_of("*@"));
	struct span sender = is_domain
				 ? span_slice(rule->sender, 2, rule->sender.len)
				 : rule->sender;

	return add_hash(hash_sender(sender, is_domain), rule->domain);
}

/* ---- all of them ---- */

static bool
parse(struct holdrule *rule, struct span line)
{
	bool is_right =
	    span_number(span_cut(&line, ' '), 10, UINT64_MAX, &rule->number) &&
	    span_number(span_cut(&line, ' '), 10, UINT64_MAX, &rule->made_us) &&
	    span_number(span_cut(&line, ' '), 10, UINT32_MAX, &rule->uid);

	rule->sender = span_cut(&line, ' ');
	rule->domain = line;
	rule->hash = hash_rule(rule);
	return is_right && holdrule_is_sender(rule->sender) &&
	       holdrule_is_domain(rule->domain);
}

static void
add(struct holdrules *rules, struct span line, unsigned number)
{
	if (rules->count % 64 == 0)
		rules->items = reallocarray(
		    rules->items, rules->count + 64, sizeof(*rules->items));
	if (rules->items == NULL)
		temp_fail("out of memory");
	if (rules->count == HOLDRULES_MAX)
		die(EX_TEMPFAIL, "%s/holdrules:%u: over %d rules", MTA_QUEUE,
		    number, HOLDRULES_MAX);
	if (!parse(&rules->items[rules->count++], line))
		die(EX_TEMPFAIL,
		    "%s/holdrules:%u: no rule: remove it, and add it with "
		    "queue holdrule add",
		    MTA_QUEUE, number);
}

static int
compare(const void *left, const void *right, void *context)
{
	const struct holdrules *rules = context;
	const struct holdrule *a = &rules->items[*(const size_t *)left];
	const struct holdrule *b = &rules->items[*(const size_t *)right];

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->made_us < b->made_us ? -1 : a->made_us > b->made_us;
}

static void
sort(struct holdrules *rules)
{
	rules->by_hash = calloc(rules->count + 1, sizeof(*rules->by_hash));
	if (rules->by_hash == NULL)
		temp_fail("out of memory");
	for (size_t i = 0; i < rules->count; i++)
		rules->by_hash[i] = i;
	qsort_r(rules->by_hash, rules->count, sizeof(*rules->by_hash), compare,
	    rules);
}

static bool
read_text(struct buf *text, int top)
{
	int fd = openat(
	    top, "holdrules", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return errno == ENOENT;
	bool is_read = read_all(fd, text, READ_MS) == IO_OK;
	close(fd);
	return is_read;
}

bool
holdrules_load(struct holdrules *rules, int top)
{
	*rules = (struct holdrules){ .text = buf_new(HOLDRULES_BYTES_MAX) };
	if (!read_text(&rules->text, top)) {
		buf_free(&rules->text);
		return false;
	}
	struct span rest = buf_span(&rules->text);
	for (unsigned number = 1; rest.len > 0; number++) {
		struct span line = span_trim(span_cut(&rest, '\n'));

		if (line.len > 0 && line.ptr[0] != '#')
			add(rules, line, number);
	}
	sort(rules);
	return true;
}

void
holdrules_read(struct holdrules *rules, int top)
{
	if (!holdrules_load(rules, top))
		temp_fail("cannot read %s/holdrules", MTA_QUEUE);
}

void
holdrules_free(struct holdrules *rules)
{
	buf_free(&rules->text);
	free(rules->items);
	free(rules->by_hash);
	*rules = (struct holdrules){ .count = 0 };
}

/* ---- which one a message fits ---- */

static bool
fits(const struct holdrule *rule, struct span sender, bool is_domain,
    struct span domain)
{
	struct span wanted = rule->sender;

	if (is_domain && !span_starts(wanted, span_of("*@")))
		return false;
	if (is_domain)
		wanted = span_slice(wanted, 2, wanted.len);
	return span_equal_nocase(wanted, sender) &&
	       span_equal_nocase(rule->domain, domain);
}

/* The oldest of those that are for the two. */
static const struct holdrule *
find(const struct holdrules *rules, struct span sender, bool is_domain,
    struct span domain)
{
	uint64_t hash = add_hash(hash_sender(sender, is_domain), domain);
	size_t first = 0;
	size_t end = rules->count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (rules->items[rules->by_hash[middle]].hash < hash)
			first = middle + 1;
		else
			end = middle;
	}
	for (; first < rules->count; first++) {
		const struct holdrule *rule =
		    &rules->items[rules->by_hash[first]];

		if (rule->hash != hash)
			return NULL;
		if (fits(rule, sender, is_domain, domain))
			return rule;
	}
	return NULL;
}

static struct span
domain_of(struct span address)
{
	return span_slice(
	    address, span_last_index(address, '@') + 1, address.len);
}

static const struct holdrule *
older(const struct holdrule *a, const struct holdrule *b)
{
	if (a == NULL || b == NULL)
		return a == NULL ? b : a;
	return b->made_us < a->made_us ? b : a;
}

static const struct holdrule *
find_for(const struct holdrules *rules, struct span sender, struct span domain)
{
	const struct holdrule *rule = find(rules, any, false, domain);

	if (sender.len == 0)
		return older(rule, find(rules, span_of("<>"), false, domain));
	rule = older(rule, find(rules, sender, false, domain));
	return older(rule, find(rules, domain_of(sender), true, domain));
}

/* Its domain in A-labels, as rules have theirs; room is cleared. */
static struct span
listed(struct span address, struct buf *room)
{
	if (span_is_ascii(address))
		return address;
	buf_clear(room);
	domain_add_address(room, address);
	return buf_span(room);
}

const struct holdrule *
holdrules_find(const struct holdrules *rules, const struct envelope *envelope,
    uint64_t made_before_us)
{
	struct span rest = envelope->recipients;
	struct recipient recipient;

	if (rules->count == 0)
		return NULL;
	struct buf froms = buf_new(ENVELOPE_ADDRESS_MAX + ADDR_DOMAIN_MAX);
	struct buf tos = buf_new(ENVELOPE_ADDRESS_MAX + ADDR_DOMAIN_MAX);
	struct span sender = listed(envelope->sender, &froms);
	const struct holdrule *rule = find_for(rules, sender, any);
	while ((rule == NULL || rule->made_us >= made_before_us) &&
	       envelope_next(&rest, &recipient))
		rule = find_for(
		    rules, sender, domain_of(listed(recipient.address, &tos)));
	buf_free(&froms);
	buf_free(&tos);
	return rule == NULL || rule->made_us >= made_before_us ? NULL : rule;
}
