#include "net/tlspolicy.h"

#include <ctype.h>
#include <string.h>

#include "mail/domain.h"
#include "queue/tls.h"

enum {
	DIGITS = 2 * TLS_DIGEST_LEN
};

static const char *const level_names[] = { "none", "may", "encrypt", "dane",
	"verify", "fingerprint" };

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
read_digest(struct span word, unsigned char digest[TLS_DIGEST_LEN])
{
	size_t digits = 0;

	memset(digest, 0, TLS_DIGEST_LEN);
	for (size_t i = 0; i < word.len; i++) {
		int value = hex_value(word.ptr[i]);

		if (word.ptr[i] == ':' && digits > 0 && digits % 2 == 0)
			continue;
		if (value == -1 || digits == DIGITS)
			return false;
		digest[digits / 2] =
		    (unsigned char)(digest[digits / 2] << 4 | value);
		digits++;
	}
	return digits == DIGITS;
}

static bool
is_name(struct span word)
{
	for (size_t i = 0; i < word.len; i++)
		if (!isalnum((unsigned char)word.ptr[i]) &&
		    strchr("-._", word.ptr[i]) == NULL)
			return false;
	return word.len > 0 && word.len <= CONTROL_HOST_MAX &&
	       !span_equal(word, span_of("."));
}

static bool
are_words_good(enum tls_level level, struct span words)
{
	unsigned char digest[TLS_DIGEST_LEN];

	if (level == TLS_LEVEL_FINGERPRINT && words.len == 0)
		return false;
	if (level == TLS_LEVEL_VERIFY && words.len >= TLS_NAMES_MAX)
		return false;
	while (words.len > 0) {
		struct span word = span_cut_word(&words);

		if (level < TLS_LEVEL_VERIFY ||
		    (level == TLS_LEVEL_VERIFY && !is_name(word)) ||
		    (level == TLS_LEVEL_FINGERPRINT &&
			!read_digest(word, digest)))
			return false;
	}
	return true;
}

bool
tlspolicy_parse(
    struct span line, struct span *pattern, struct tls_policy *policy)
{
	*pattern = span_cut_word(&line);
	struct span level = span_cut_word(&line);
	policy->words = line;
	if (!span_equal(*pattern, span_of("*")) && !is_name(*pattern))
		return false;
	for (size_t i = 0; i < sizeof(level_names) / sizeof(*level_names); i++)
		if (span_equal(level, span_of(level_names[i]))) {
			policy->level = (enum tls_level)i;
			return are_words_good(policy->level, policy->words);
		}
	return false;
}

struct control_list
tlspolicy_read(void)
{
	struct control_list policies = domain_lines("tlspolicy", "");
	struct tls_policy policy;
	struct span pattern;

	for (size_t i = 0; i < policies.count; i++)
		if (!tlspolicy_parse(policies.items[i], &pattern, &policy))
			control_complain("tlspolicy", policies.lines[i],
			    "write DOMAIN none, may, encrypt, dane, verify "
			    "[NAME...] or fingerprint SHA256...");
	return policies;
}

/* The longest that fits; "*" fits only where name is "*". */
static bool
find(const struct control_list *policies, struct span name,
    struct tls_policy *best)
{
	size_t longest = 0;

	for (size_t i = 0; i < policies->count; i++) {
		struct tls_policy policy;
		struct span pattern;

		if (!tlspolicy_parse(policies->items[i], &pattern, &policy) ||
		    !domain_fits(pattern, name) || pattern.len <= longest)
			continue;
		longest = pattern.len;
		best->level = policy.level;
		best->words = policy.words;
	}
	return longest > 0;
}

struct tls_policy
tlspolicy_find(
    const struct control_list *policies, struct span domain, struct span host)
{
	struct tls_policy policy = { .level = TLS_LEVEL_MAY };

	policy.is_named =
	    find(policies, domain, &policy) || find(policies, host, &policy);
	if (!policy.is_named)
		find(policies, span_of("*"), &policy);
	return policy;
}

bool
tlspolicy_has_digest(
    const struct tls_policy *policy, const unsigned char *digest)
{
	struct span rest = policy->words;
	unsigned char wanted[TLS_DIGEST_LEN];

	while (rest.len > 0)
		if (read_digest(span_cut_word(&rest), wanted) &&
		    memcmp(wanted, digest, TLS_DIGEST_LEN) == 0)
			return true;
	return false;
}
