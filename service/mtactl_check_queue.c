#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/die.h"
#include "base/paths.h"
#include "queue/delays.h"
#include "queue/holdrules.h"
#include "queue/limits.h"
#include "queue/odmr.h"
#include "queue/suppressed.h"
#include "service/mtactl.h"

void
mtactl_read_limits(void)
{
	static struct limits limits;

	limits_read(&limits);
}

void
mtactl_read_odmr_domains(void)
{
	odmr_domains();
}

void
mtactl_read_delays(void)
{
	struct delays delays;

	delays_read(&delays);
}

void
mtactl_read_suppress_after(void)
{
	suppress_after_read();
}

void
mtactl_read_holdrules(void)
{
	struct holdrules rules;
	int top = open(MTA_QUEUE, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (top == -1 && errno == ENOENT)
		return; /* what is missing is found elsewhere */
	if (top == -1)
		temp_fail("cannot open %s", MTA_QUEUE);
	holdrules_read(&rules, top);
	close(top);
}
