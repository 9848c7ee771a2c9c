#include "net/milters.h"

static bool
parse_default(struct span word, enum milter_default *otherwise)
{
	static const char *const words[] = { "tempfail", "accept", "reject",
		"shutdown" };

	*otherwise = MILTER_TEMPFAIL;
	if (word.len == 0)
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (span_equal(word, span_of(words[i]))) {
			*otherwise = (enum milter_default)i;
			return true;
		}
	}
	return false;
}

void
milters_read(struct milter_settings *settings)
{
	struct control_list list = control_list("milters");

	for (size_t i = 0; i < list.count; i++) {
		struct milter_setting *setting =
		    &settings->items[settings->count];
		struct span rest = list.items[i];
		struct span address = span_cut(&rest, ' ');

		if (settings->count == MILTERS_MAX)
			control_complain(
			    "milters", list.lines[i], "8 milters at most");
		if (!dial_parse(address, &setting->dial) ||
		    !parse_default(span_trim(rest), &setting->otherwise))
			control_complain("milters", list.lines[i],
			    "write inet:PORT@ADDRESS or unix:/PATH, then "
			    "tempfail, accept, reject or shutdown");
		setting->text = buf_new(address.len);
		buf_add(&setting->text, address);
		settings->count++;
	}
	control_list_free(&list);
	settings->timeout_ms =
	    (int64_t)control_number("timeoutmilter", 30, 1, 3600) * 1000;
	settings->timeout_message_ms =
	    (int64_t)control_number("timeoutmiltermessage", 300, 1, 3600) *
	    1000;
}
