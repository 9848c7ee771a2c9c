#ifndef QUEUE_DISPATCH_H
#define QUEUE_DISPATCH_H

/*
 * dispatch - jobs, and how they get to the deliverers.
 */

#include "queue/manager.h"

void jobs_add(struct job_list *list, struct job *job);
struct job *jobs_take(struct job_list *list);
/* The one behind before, which may be NULL: as jobs_take. */
struct job *jobs_take_behind(struct job_list *list, struct job *before);
void jobs_put_back(struct job_list *list, struct job *job);
/* It is not to be done now: its recipient waits. */
void job_free(struct job *job);
/* Recipients that go at once; all zero is none. */
struct transaction {
	const struct errand *errand;
	size_t count;
	size_t bytes; /* of their records */
};
/* False: it must go in another one. */
bool dispatch_join(struct transaction *transaction, const struct job *job);
/* To a deliverer; false with errno set. */
bool dispatch_send(
    int fd, uint64_t number, struct job *const *jobs, size_t count);
/* As if a deliverer had said "later". */
void dispatch_fail_over(
    struct manager *manager, struct job *job, const char *text);
/* All that were made for it and not sent. */
void dispatch_fail_over_all(
    struct manager *manager, struct destination *destination, const char *text);
/* Jobs for its destination, of its next few errands if there are none yet. */
bool dispatch_find_jobs(
    struct manager *manager, struct destination *destination);
/*
 * The same for one that may be forgotten if it has none; *has_more: it has more
 * errands than are looked at in one go, and is to be asked again soon.
 */
bool dispatch_make_ready(
    struct manager *manager, struct destination *destination, bool *has_more);
/* To all of them; returns when nothing more can be sent at the moment. */
void dispatch_run(struct manager *manager);

#endif
