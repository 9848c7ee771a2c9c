#include "send/subjects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "base/die.h"
#include "base/io.h"

void
subjects_init(struct subjects *subjects)
{
	if (getrandom(&subjects->seed, sizeof(subjects->seed), 0) == -1)
		temp_fail("cannot choose a seed");
}

static struct subject **
chain_of(struct subjects *subjects, const char *name)
{
	uint64_t hash =
	    XXH3_64bits_withSeed(name, strlen(name), subjects->seed);

	return &subjects->chains[hash % SUBJECT_CHAINS];
}

static void
unchain(struct subjects *subjects, struct subject *subject)
{
	struct subject **place = chain_of(subjects, subject->name);

	while (*place != subject)
		place = &(*place)->next;
	*place = subject->next;
}

/* The place of a new one, and memory for it. */
static struct subject *
make(struct subjects *subjects)
{
	struct subject *oldest = NULL;

	if (subjects->count < SUBJECTS_MAX) {
		struct subject *new = malloc(sizeof(*new));

		if (new == NULL)
			temp_fail("out of memory");
		subjects->all[subjects->count++] = new;
		return new;
	}
	for (size_t i = 0; i < SUBJECTS_MAX; i++) {
		struct subject *one = subjects->all[i];

		if (one->state == SUBJECT_IDLE &&
		    (oldest == NULL || one->asked_ms < oldest->asked_ms))
			oldest = one;
	}
	if (oldest != NULL)
		unchain(subjects, oldest);
	return oldest;
}

struct subject *
subjects_find(struct subjects *subjects, const char *name)
{
	struct subject **chain = chain_of(subjects, name);
	struct subject *subject = *chain;

	while (subject != NULL && strcmp(subject->name, name) != 0)
		subject = subject->next;
	if (subject == NULL) {
		subject = make(subjects);
		if (subject == NULL)
			return NULL;
		*subject = (struct subject){ .next = *chain, .fd = -1 };
		snprintf(subject->name, sizeof(subject->name), "%s", name);
		*chain = subject;
	}
	subject->asked_ms = clock_ms();
	return subject;
}

void
subject_add(struct subject *subject, struct asker *asker)
{
	asker->subject = subject;
	asker->next = subject->askers;
	subject->askers = asker;
}

void
asker_leave(struct asker *asker)
{
	if (asker->subject == NULL)
		return;
	struct asker **place = &asker->subject->askers;
	while (*place != asker)
		place = &(*place)->next;
	*place = asker->next;
	asker->subject = NULL;
}
