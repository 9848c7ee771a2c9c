#include "net/sources.h"

#include <arpa/inet.h>
#include <string.h>

#include "mail/domain.h"

static bool
add_address(struct span word, struct source *source)
{
	char text[INET6_ADDRSTRLEN];

	if (word.len == 0 || word.len >= sizeof(text))
		return false;
	memcpy(text, word.ptr, word.len);
	text[word.len] = '\0';
	if (!source->has_ipv4 && inet_pton(AF_INET, text, &source->ipv4) == 1) {
		source->has_ipv4 = true;
		return true;
	}
	if (source->has_ipv6 || inet_pton(AF_INET6, text, &source->ipv6) != 1)
		return false;
	source->has_ipv6 = true;
	return true;
}

static bool
is_pattern(struct span word)
{
	size_t at = span_index(word, '@');

	return word.len > 0 && !span_equal(word, span_of("@")) &&
	       (at == 0 || at == word.len);
}

bool
source_parse(struct span line, struct source *source)
{
	*source = (struct source){ .pattern = span_cut_word(&line) };
	if (!is_pattern(source->pattern) || line.len == 0)
		return false;
	while (line.len > 0)
		if (!add_address(span_cut_word(&line), source))
			return false;
	return true;
}

struct control_list
sources_read(void)
{
	struct control_list list = domain_lines("sourceaddress", "");
	struct source source;

	for (size_t i = 0; i < list.count; i++)
		if (!source_parse(list.items[i], &source))
			control_complain("sourceaddress", list.lines[i],
			    "write DOMAIN, @DOMAIN of senders, or *, and an "
			    "IPv4 address, an IPv6 address or both");
	return list;
}

/* The longest pattern, after its prefix, that fits domain. */
static size_t
find(const struct control_list *list, bool is_sender, struct span domain)
{
	size_t longest = 0;
	size_t place = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct source source;

		if (!source_parse(list->items[i], &source))
			continue;
		struct span pattern = source.pattern;
		if ((pattern.ptr[0] == '@') != is_sender)
			continue;
		pattern = span_slice(pattern, is_sender ? 1 : 0, pattern.len);
		if (!domain_fits(pattern, domain) || pattern.len <= longest)
			continue;
		longest = pattern.len;
		place = i + 1;
	}
	return place;
}

size_t
sources_find(
    const struct control_list *list, struct span sender, struct span domain)
{
	size_t place = 0;
	size_t at = span_last_index(sender, '@');
	struct span from = span_slice(sender, at + 1, sender.len);
	struct buf ascii = buf_new(CONTROL_HOST_MAX);

	/* A sender is as it was given, what the lines have is in A-labels. */
	if (at < sender.len)
		place = find(list, true,
		    domain_add_ascii(&ascii, from) ? buf_span(&ascii) : from);
	buf_free(&ascii);
	if (place == 0)
		place = find(list, false, domain);
	return place > 0 ? place : find(list, false, span_of("*"));
}
