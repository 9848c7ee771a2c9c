/* gather_test - for whom a sync waits, and for whom it does not. */

#include "queue/gather.h"

#include "test.h"

int
main(void)
{
	struct gather_session one = { 0 };
	struct gather_session other = { 0 };
	struct gather gather;

	gather_init(&gather);
	CHECK("nobody is there", !gather_expects(&gather));
	gather_moved(&gather, &one);
	CHECK("one was just opened", gather_expects(&gather));
	gather_done(&gather, &one);
	CHECK("alone, it does not wait for itself", !gather_expects(&gather));
	gather_moved(&gather, &other);
	gather_moved(&gather, &one);
	gather_done(&gather, &one);
	CHECK("it waits for the other", gather_expects(&gather));
	other.moved_ms -= GATHER_BUSY_MS;
	CHECK("not for one that is idle", !gather_expects(&gather));
	gather_moved(&gather, &one);
	CHECK("an idle one hides no other", gather_expects(&gather));
	gather_done(&gather, &one);
	gather_done(&gather, &other);
	gather_done(&gather, &other);
	CHECK("all are gone", !gather_expects(&gather));
	return test_result();
}
