#include "smtpd/pace.h"

#include "test.h"

static const struct pace_settings settings = { .command_ms = 300000,
	.strained_ms = 10000,
	.session_ms = 1000000,
	.window_ms = 30000,
	.rate = 100 };

static void
test_commands(void)
{
	struct pace pace;

	pace_begin(&pace, &settings, 1000);
	CHECK("a command", pace_until(&pace, 1000, 1000, false) == 301000 &&
			       pace.limit == PACE_COMMAND);
	CHECK("under strain", pace_until(&pace, 1000, 5000, true) == 11000 &&
				  pace.limit == PACE_STRAIN);
	CHECK("the session's end",
	    pace_until(&pace, 900000, 900000, false) == 1001000 &&
		pace.limit == PACE_SESSION);
}

static void
test_message(void)
{
	struct pace pace;

	pace_begin(&pace, &settings, 0);
	pace_begin_message(&pace, 0);
	CHECK("grace",
	    pace_until(&pace, 0, 0, false) == 60000 && pace.limit == PACE_RATE);
	pace_take(&pace, 2999);
	CHECK("too few", pace_until(&pace, 59000, 59000, false) == 60000);
	pace_take(&pace, 1);
	CHECK("enough", pace_until(&pace, 59000, 59000, false) == 359000 &&
			    pace.limit == PACE_COMMAND);
	CHECK("the next window",
	    pace_until(&pace, 60000, 60000, false) == 90000 &&
		pace.limit == PACE_RATE);
	pace_end_message(&pace);
	CHECK("afterwards", pace_until(&pace, 60000, 60000, false) == 360000);
}

int
main(void)
{
	test_commands();
	test_message();
	return test_result();
}
