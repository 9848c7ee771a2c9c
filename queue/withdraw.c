#include "queue/withdraw.h"

#include "queue/destinations.h"
#include "queue/dispatch.h"

static uint32_t
take_ready(struct manager *manager, const struct errand *errand)
{
	struct destination *destination = errand->destination;
	struct job *before = NULL;
	struct job *job;
	uint32_t count = 0;

	while ((job = before == NULL ? destination->jobs.first
				     : before->next) != NULL) {
		if (job->errand != errand) {
			before = job;
			continue;
		}
		jobs_take_behind(&destination->jobs, before);
		job_free(job);
		count++;
	}
	if (destination->is_local && destination != &manager->local)
		manager->local_jobs -= count;
	return count;
}

static uint32_t
take_left(struct errand *errand)
{
	struct job *job;
	uint32_t count = 0;

	while ((job = errand->left) != NULL) {
		errand->left = job->next;
		job_free(job);
		count++;
	}
	return count;
}

void
withdraw_message(struct manager *manager, struct message *message)
{
	if (message->active == NULL || message->active->is_concluding)
		return;
	message->active->is_withdrawn = true;
	message->active->jobs++; /* ours: nobody concludes it meanwhile */
	for (struct errand *errand = message->errands; errand != NULL;
	     errand = errand->sibling) {
		if (errand->jobs == 0)
			continue;
		uint32_t count = take_ready(manager, errand);
		count += take_left(errand);
		if (count > 0)
			errand_give_back(manager, errand, count);
	}
	collect_release(manager, message);
}

static struct message *
first_begun(struct manager *manager, struct destination *destination)
{
	if (destination->jobs.first != NULL)
		return destination->jobs.first->errand->message;
	struct errand *errand = errand_take_begun(manager, destination);
	return errand == NULL ? NULL : errand->message;
}

static struct message *
first_on_demand(struct manager *manager)
{
	struct message *message = NULL;

	for (size_t i = 0; i < DESTINATION_CHAINS; i++)
		for (struct destination *destination = manager->destinations[i];
		     destination != NULL; destination = destination->chain) {
			if (destination->is_on_demand)
				message = first_begun(manager, destination);
			if (message != NULL)
				return message;
		}
	return NULL;
}

/* From the first again each time: a message may take destinations with it. */
void
withdraw_on_demand(struct manager *manager)
{
	struct message *message;

	while ((message = first_on_demand(manager)) != NULL)
		withdraw_message(manager, message);
}
