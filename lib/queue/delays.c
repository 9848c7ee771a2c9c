#include "queue/delays.h"

enum {
	DEFAULT_S = 14400
};

static const char name[] = "delaywarning";

bool
age_parse(struct span text, uint64_t *seconds)
{
	static const char units[] = "smhd";
	static const uint64_t in_seconds[] = { 1, 60, 3600, 86400 };

	if (text.len == 0)
		return false; /* it has no last character */
	struct span last = span_slice(text, text.len - 1, text.len);
	size_t unit = span_index(span_of(units), last.ptr[0]);

	if (unit < sizeof(units) - 1)
		text.len--;
	else
		unit = 0;
	if (!span_number(text, 10, DELAYS_AGE_MAX, seconds))
		return false;
	*seconds *= in_seconds[unit];
	return *seconds <= DELAYS_AGE_MAX;
}

static void
take_age(struct delays *delays, struct span word, unsigned line)
{
	uint64_t age;

	if (!age_parse(word, &age))
		control_complain(name, line,
		    "write ages of at most 10000000 seconds, as 3600, 90s, "
		    "30m, 4h or 2d");
	if (delays->count == DELAYS_MAX)
		control_complain(name, line, "write at most 16 ages");
	if (delays->count > 0 &&
	    (int64_t)age <= delays->ages_s[delays->count - 1])
		control_complain(name, line,
		    "write each age after the lesser ones, and 0, for never, "
		    "alone");
	delays->ages_s[delays->count++] = (int64_t)age;
}

static void
take_line(struct delays *delays, struct span text, unsigned line)
{
	while (text.len > 0) {
		size_t len = 0;

		while (len < text.len && text.ptr[len] != ' ' &&
		       text.ptr[len] != '\t' && text.ptr[len] != ',')
			len++;
		if (len > 0)
			take_age(delays, span_slice(text, 0, len), line);
		text = span_slice(text, len + 1, text.len);
	}
}

void
delays_read(struct delays *delays)
{
	struct control_list list = control_list(name);

	*delays = (struct delays){ .count = 0 };
	for (size_t i = 0; i < list.count; i++)
		take_line(delays, list.items[i], list.lines[i]);
	if (delays->count > 1 && delays->ages_s[0] == 0)
		control_complain(
		    name, list.lines[0], "write 0, for never, alone");
	if (delays->count == 1 && delays->ages_s[0] == 0)
		delays->count = 0;
	else if (delays->count == 0)
		*delays = (struct delays){ { DEFAULT_S }, 1 };
	control_list_free(&list);
}
