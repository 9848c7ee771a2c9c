#include "net/solicitation.h"

#include <string.h>

enum {
	ANNOUNCED_MAX = 480 /* in a line of EHLO: RFC 5321 4.5.3.1.5 */
};

static bool
is_class(struct span text)
{
	if (text.len == 0 || !ascii_is_letter(text.ptr[0]))
		return false;
	for (size_t i = 1; i < text.len; i++) {
		char c = text.ptr[i];

		if (!ascii_is_alnum(c) &&
		    (c == '\0' || strchr(".-_:", c) == NULL))
			return false;
	}
	return true;
}

bool
solicitation_is_list(struct span text)
{
	if (text.len == 0 || text.len > SOLICITATION_MAX ||
	    text.ptr[text.len - 1] == ',')
		return false;
	while (text.len > 0)
		if (!is_class(span_cut(&text, ',')))
			return false;
	return true;
}

struct control_list
solicitation_refused(void)
{
	struct control_list list = control_list("nosoliciting");
	size_t total = 0;

	for (size_t i = 0; i < list.count; i++) {
		if (!span_equal(list.items[i], span_of("*")) &&
		    !is_class(list.items[i]))
			control_complain("nosoliciting", list.lines[i],
			    "a class such as net.example:ADV, or *");
		total += list.items[i].len + 1;
		if (total > ANNOUNCED_MAX)
			control_complain("nosoliciting", list.lines[i],
			    "fewer classes: EHLO has no room for more");
	}
	return list;
}

bool
solicitation_is_refused(const struct control_list *refused, struct span list)
{
	bool is_any = control_list_has(refused, span_of("*"));

	while ((list = span_trim(list)).len > 0)
		if (control_list_has(
			refused, span_trim(span_cut(&list, ','))) ||
		    is_any)
			return true;
	return false;
}
