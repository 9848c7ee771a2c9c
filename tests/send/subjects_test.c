/*
 * subjects_test - the domains that sts knows: found again, bounded, and who
 * waits for them.
 */

#include "send/subjects.h"
#include "test.h"

static struct subjects subjects;

static struct subject *
find(unsigned number)
{
	char name[32];

	snprintf(name, sizeof(name), "d%u.example", number);
	return subjects_find(&subjects, name);
}

static void
test_askers(void)
{
	struct subject *subject = find(0);
	struct asker askers[3] = { { .number = 0 } };

	for (size_t i = 0; i < 3; i++)
		subject_add(subject, &askers[i]);
	asker_leave(&askers[1]);
	asker_leave(&askers[1]);
	CHECK("one has left",
	    subject->askers == &askers[2] && askers[2].next == &askers[0] &&
		askers[0].next == NULL && askers[1].subject == NULL);
	asker_leave(&askers[2]);
	asker_leave(&askers[0]);
	CHECK("all have", subject->askers == NULL);
}

static void
test_bound(void)
{
	struct subject *busy = find(0);
	struct subject *second = find(1);

	busy->state = SUBJECT_FETCHED;
	for (unsigned i = 2; i < SUBJECTS_MAX; i++)
		find(i)->asked_ms += i;
	second->asked_ms--;
	CHECK("as many as there may be", subjects.count == SUBJECTS_MAX);
	snprintf(second->id, sizeof(second->id), "1");
	CHECK("found again", find(1) == second && second->id[0] == '1');
	second->asked_ms -= 1000;
	CHECK("the oldest gives way", find(SUBJECTS_MAX) == second);
	CHECK("... for a new one", second->id[0] == '\0' &&
				       second->state == SUBJECT_IDLE &&
				       subjects.count == SUBJECTS_MAX);
	CHECK("one that is busy stays", find(0) == busy);
	for (size_t i = 0; i < subjects.count; i++)
		subjects.all[i]->state = SUBJECT_TEXT;
	CHECK("none, if all are busy", find(SUBJECTS_MAX + 1) == NULL);
	CHECK("... but those", find(5) != NULL && find(SUBJECTS_MAX) == second);
}

int
main(void)
{
	subjects_init(&subjects);
	test_askers();
	test_bound();
	return test_result();
}
