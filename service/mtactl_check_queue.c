#include "queue/delays.h"
#include "queue/limits.h"
#include "queue/odmr.h"
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
