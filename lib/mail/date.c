#include "mail/date.h"

#include <time.h>

static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
	"Sat" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static struct tm
split(int64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm date;

	if (gmtime_r(&when, &date) == NULL)
		date = (struct tm){ .tm_year = 70, .tm_mday = 1 };
	return date;
}

void
date_add(struct buf *into, int64_t seconds)
{
	struct tm date = split(seconds);

	buf_printf(into, "%s, %d %s %d %02d:%02d:%02d +0000",
	    days[date.tm_wday], date.tm_mday, months[date.tm_mon],
	    date.tm_year + 1900, date.tm_hour, date.tm_min, date.tm_sec);
}

void
date_add_mbox(struct buf *into, int64_t seconds)
{
	struct tm date = split(seconds);

	buf_printf(into, "%s %s %2d %02d:%02d:%02d %d", days[date.tm_wday],
	    months[date.tm_mon], date.tm_mday, date.tm_hour, date.tm_min,
	    date.tm_sec, date.tm_year + 1900);
}
