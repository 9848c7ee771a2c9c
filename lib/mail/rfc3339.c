#include "mail/rfc3339.h"

#include <string.h>
#include <time.h>

struct fields {
	uint64_t year, month, day, hour, minute, second;
};

/* Take len digits and the byte after them, if any is named. */
static bool
take(struct span *rest, size_t len, const char *after, uint64_t max,
    uint64_t *value)
{
	if (!span_number(span_slice(*rest, 0, len), 10, max, value) ||
	    rest->len < len)
		return false;
	*rest = span_slice(*rest, len, rest->len);
	if (after == NULL)
		return true;
	if (rest->len == 0 || strchr(after, rest->ptr[0]) == NULL ||
	    rest->ptr[0] == '\0')
		return false;
	*rest = span_slice(*rest, 1, rest->len);
	return true;
}

static uint64_t
days_of(uint64_t year, uint64_t month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31,
		30, 31, 30, 31 };
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && is_leap ? 29 : days[month - 1];
}

/* Days since 1970 of a date that exists. */
static int64_t
days_since_1970(const struct fields *date)
{
	uint64_t year = date->year - 1;
	uint64_t days = year * 365 + year / 4 - year / 100 + year / 400;

	for (uint64_t month = 1; month < date->month; month++)
		days += days_of(date->year, month);
	return (int64_t)(days + date->day - 1) - 719162;
}

/* "Z", or "+HH:MM": seconds east of UTC. */
static bool
take_zone(struct span rest, int64_t *offset)
{
	uint64_t hours = 0;
	uint64_t minutes = 0;
	int sign = rest.len > 0 && rest.ptr[0] == '-' ? -1 : 1;

	*offset = 0;
	if (span_equal_nocase(rest, span_of("Z")))
		return true;
	if (rest.len != 6 || (rest.ptr[0] != '+' && rest.ptr[0] != '-'))
		return false;
	rest = span_slice(rest, 1, rest.len);
	if (!take(&rest, 2, ":", 23, &hours) ||
	    !take(&rest, 2, NULL, 59, &minutes))
		return false;
	*offset = sign * (int64_t)(hours * 3600 + minutes * 60);
	return true;
}

static void
skip_fraction(struct span *rest)
{
	size_t len = 1;

	if (rest->len == 0 || rest->ptr[0] != '.')
		return;
	while (
	    len < rest->len && rest->ptr[len] >= '0' && rest->ptr[len] <= '9')
		len++;
	if (len > 1)
		*rest = span_slice(*rest, len, rest->len);
}

bool
rfc3339_parse(struct span text, int64_t *seconds)
{
	struct fields date;
	int64_t offset;

	if (!take(&text, 4, "-", 9999, &date.year) || date.year < 1969 ||
	    !take(&text, 2, "-", 12, &date.month) || date.month == 0 ||
	    !take(&text, 2, "Tt ", 31, &date.day) || date.day == 0 ||
	    date.day > days_of(date.year, date.month) ||
	    !take(&text, 2, ":", 23, &date.hour) ||
	    !take(&text, 2, ":", 59, &date.minute) ||
	    !take(&text, 2, NULL, 60, &date.second))
		return false;
	skip_fraction(&text);
	if (!take_zone(text, &offset))
		return false;
	int64_t found =
	    days_since_1970(&date) * 86400 +
	    (int64_t)(date.hour * 3600 + date.minute * 60 + date.second) -
	    offset;
	if (found < 0)
		return false;
	*seconds = found;
	return true;
}

void
rfc3339_add(struct buf *into, int64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm date;

	if (gmtime_r(&when, &date) != NULL)
		buf_printf(into, "%04d-%02d-%02dT%02d:%02d:%02dZ",
		    date.tm_year + 1900, date.tm_mon + 1, date.tm_mday,
		    date.tm_hour, date.tm_min, date.tm_sec);
}
