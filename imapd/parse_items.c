#include <string.h>
#include <time.h>

#include "imapd/parse.h"
#include "store/folder.h"

static const struct {
	const char *name;
	uint32_t flag;
} flags[] = {
	{ "Seen", MESSAGE_SEEN },
	{ "Answered", MESSAGE_ANSWERED },
	{ "Flagged", MESSAGE_FLAGGED },
	{ "Deleted", MESSAGE_DELETED },
	{ "Draft", MESSAGE_DRAFT },
};

bool
parse_flag(struct parse *parse, uint32_t *flag, struct span *keyword)
{
	*flag = 0;
	if (!parse_char(parse, '\\'))
		return parse_atom(parse, keyword);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (parse_keyword(parse, flags[i].name)) {
			*flag = flags[i].flag;
			*keyword = (struct span){ NULL, 0 };
			return true;
		}
	return false;
}

static bool
parse_month(struct parse *parse, int *month)
{
	static const char *const names[] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

	for (int i = 0; i < 12; i++)
		if (parse_prefix(parse, names[i])) {
			*month = i;
			return true;
		}
	return false;
}

/* "1-Feb-2024": false also for the 30th of February. */
static bool
parse_day(struct parse *parse, int64_t *day)
{
	struct tm date = { 0 };
	uint64_t day_of_month;
	uint64_t year;

	if (!parse_number(parse, 31, &day_of_month) ||
	    !parse_char(parse, '-') || !parse_month(parse, &date.tm_mon) ||
	    !parse_char(parse, '-') || !parse_number(parse, 9999, &year))
		return false;
	date.tm_mday = (int)day_of_month;
	date.tm_year = (int)year - 1900;
	*day = timegm(&date) / 86400;
	return day_of_month > 0 && date.tm_mday == (int)day_of_month;
}

bool
parse_date(struct parse *parse, int64_t *day)
{
	bool is_quoted = parse_char(parse, '"');

	return parse_day(parse, day) && (!is_quoted || parse_char(parse, '"'));
}

static bool
parse_time(struct parse *parse, int64_t *seconds)
{
	uint64_t hour;
	uint64_t minute;
	uint64_t second;

	if (!parse_number(parse, 23, &hour) || !parse_char(parse, ':') ||
	    !parse_number(parse, 59, &minute) || !parse_char(parse, ':') ||
	    !parse_number(parse, 60, &second))
		return false;
	*seconds = (int64_t)(hour * 3600 + minute * 60 + second);
	return true;
}

static bool
parse_zone(struct parse *parse, int64_t *seconds)
{
	bool is_west = parse_char(parse, '-');
	uint64_t zone;

	if ((!is_west && !parse_char(parse, '+')) ||
	    !parse_number(parse, 2400, &zone) || zone % 100 > 59)
		return false;
	*seconds = (int64_t)(zone / 100 * 3600 + zone % 100 * 60);
	if (is_west)
		*seconds = -*seconds;
	return true;
}

bool
parse_date_time(struct parse *parse, int64_t *seconds)
{
	int64_t day;
	int64_t time_of_day;
	int64_t zone;

	if (!parse_char(parse, '"'))
		return false;
	parse_space(parse);
	if (!parse_day(parse, &day) || !parse_space(parse) ||
	    !parse_time(parse, &time_of_day) || !parse_space(parse) ||
	    !parse_zone(parse, &zone) || !parse_char(parse, '"'))
		return false;
	*seconds = day * 86400 + time_of_day - zone;
	return true;
}
