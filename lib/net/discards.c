#include "net/discards.h"

#include "mail/domain.h"

static bool
is_good(struct span line)
{
	struct smtp_client none = { .code = 0 };

	span_cut_word(&line);
	if (line.len == 0)
		return false;
	while (line.len > 0)
		if (!smtp_discard(&none, span_cut_word(&line)))
			return false;
	return true;
}

struct control_list
discards_read(void)
{
	struct control_list list = domain_lines("discardehlo", "");

	for (size_t i = 0; i < list.count; i++)
		if (!is_good(list.items[i]))
			control_complain("discardehlo", list.lines[i],
			    "should be DESTINATION KEYWORD...: a domain, a "
			    "host, .domain or *, and what not to use of "
			    "EHLO's, as CHUNKING or PIPELINING");
	return list;
}

void
discards_apply(const struct control_list *list, struct span domain,
    struct span host, struct smtp_client *client)
{
	for (size_t i = 0; i < list->count; i++) {
		struct span words = list->items[i];
		struct span pattern = span_cut_word(&words);

		if (!span_equal(pattern, span_of("*")) &&
		    !domain_fits(pattern, domain) &&
		    !domain_fits(pattern, host))
			continue;
		while (words.len > 0)
			smtp_discard(client, span_cut_word(&words));
	}
}
