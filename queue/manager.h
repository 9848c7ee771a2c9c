#ifndef QUEUE_MANAGER_H
#define QUEUE_MANAGER_H

/*
 * manager - the state of queue-manager, and its four stages.
 *
 *   intake    names from the trigger and from scans become messages in cur/
 *   schedule  messages whose time has come are opened, their recipients become
 *             jobs; the others wait in a heap
 *   dispatch  jobs go to local-deliver and, by destination, to remote-send
 *   collect   verdicts go into slots; a message whose jobs are all done is
 *             removed, reported (reporting) or put back to wait
 */

#include <event2/event.h>

#include "base/control.h"
#include "base/syncer.h"
#include "queue/delivery.h"
#include "queue/file.h"
#include "queue/spool.h"

enum {
	ACTIVE_MAX = 400, /* messages open at once */
	CHANNEL_PER_DESTINATION_MAX = 10,
	SYNC_DELAY_US = 50000, /* nobody waits for it: let them gather */
	SYNC_BATCH = ACTIVE_MAX / 4
};

/* One recipient to be tried now; a list has the most urgent first. */
struct job {
	struct job *next;
	struct message *message;
	struct destination *destination; /* NULL: local */
	uint64_t index;                  /* of the slot */
	struct recipient recipient;      /* in the message's envelope */
};

struct job_list {
	struct job *first;
	struct job *last;
	size_t count;
};

/* What a message holds only while it is open. */
struct active {
	struct queue_file file;
	int fd;
	struct slot *slots; /* as they will be written */
	size_t jobs;        /* not yet done */
	bool is_changed;    /* slots differ from the disk */
	bool has_linked;    /* a mailbox file waits for a sync */
};

struct message {
	struct queue_name name;
	struct message *next;  /* in whatever list it is */
	struct active *active; /* NULL while it waits */
	int64_t next_try;      /* seconds since 1970 */
	size_t heap_index;
	uint64_t domains; /* a bit for each remote domain it waits for */
	bool is_retry;    /* it was tried before */
	bool is_forced;   /* try now whatever the slots say */
};

struct message_list {
	struct message *first;
	struct message *last;
};

/* Messages that wait, the earliest next_try on top. */
struct heap {
	struct message **items;
	size_t count;
	size_t room;
};

struct destination {
	struct destination *next; /* in its hash chain */
	char *name;               /* domain, lower case */
	struct job_list jobs;
	unsigned channels;
	unsigned failures;     /* in a row, to reach it at all */
	int64_t blocked_until; /* seconds since 1970 */
};

enum {
	DESTINATION_CHAINS = 1024
};

/* An open way to one destination through remote-send. */
struct channel {
	struct manager *manager;
	struct channel *next;
	struct destination *destination;
	struct event *readable;
	int fd;
	struct job
	    *jobs[DELIVERY_RECIPIENTS_MAX]; /* sent, unanswered or NULL */
	size_t job_count;
};

/* A local delivery that local-deliver works on. */
struct local_slot {
	struct job *job; /* NULL: free */
};

struct manager {
	struct spool spool;
	struct event_base *base;
	struct syncer *syncer;
	bool is_syncing;

	struct control_watch watch;
	struct control_list locals;
	struct control_list virtualdomains;
	struct buf me; /* at start: it is not asked for in the jail */
	uint64_t concurrency_local;
	uint64_t concurrency_remote;
	uint64_t lifetime_s;   /* control/queuelifetime */
	uint64_t delay_warn_s; /* control/delaywarning */
	uint64_t retry_min_s;
	uint64_t retry_max_s;

	struct message_list fresh;   /* due, never tried */
	struct message_list retries; /* due again */
	struct heap waiting;
	size_t active_count;
	struct event *timer;
	struct event *scan_event;
	void *scan;      /* DIR of the folder being scanned, or NULL */
	int scan_folder; /* -1: new/; 0 to 15: of cur/, at the start */

	struct job_list local_jobs;
	struct local_slot *local_slots;
	uint64_t local_running;
	struct destination *destinations[DESTINATION_CHAINS];
	struct channel *channels;
	uint64_t channel_count;

	struct message_list unsynced; /* delivered, wait for the next sync */
	size_t unsynced_count;
	struct event *sync_timer;
	struct message_list syncing;
	struct message_list reporting; /* wait for queue-bounce's answer */
	uint64_t report_number;
	struct packet packet;
};

/* settings.c: at start, and again when a file of control/ is another */
void settings_start(struct manager *manager);
void settings_refresh(struct manager *manager);
/* A bare name belongs to this host, too. */
bool settings_is_local(const struct manager *manager, struct span domain);

/* intake.c */
void intake_start(struct manager *manager);
/* A name from the trigger; false if it is none. */
bool intake_name(struct manager *manager, struct span text);

/* schedule.c */
void message_list_add(struct message_list *list, struct message *message);
struct message *message_list_take(struct message_list *list);
void schedule_due(struct manager *manager, struct message *message);
void schedule_later(struct manager *manager, struct message *message);
void schedule_run(struct manager *manager);
/* Let go of the file and what was read of it; the message itself stays. */
void schedule_close(struct manager *manager, struct message *message);
void schedule_retry_all(struct manager *manager, struct span id);
void schedule_retry_domain(struct manager *manager, struct span domain);
int64_t clock_now(void);

/* deadline.c: of a message that is open */
int64_t deadline_start(const struct message *message);
int64_t deadline_end(
    const struct manager *manager, const struct message *message);
/* Must it go back, as DELIVERBY=...;R asks? */
bool deadline_is_over(const struct message *message);
bool deadline_is_delay_due(
    const struct manager *manager, const struct message *message);
int64_t deadline_next_try(
    const struct manager *manager, const struct message *message);
bool deadline_has_expired(const struct manager *manager,
    const struct message *message, const struct slot *slot);

/* heap.c */
void heap_add(struct heap *heap, struct message *message);
struct message *heap_first(const struct heap *heap);
void heap_remove(struct heap *heap, struct message *message);

/* dispatch.c: each returns when nothing more can be sent at the moment */
void dispatch_add(struct manager *manager, struct message *message,
    uint64_t index, const struct recipient *recipient);
/* Try it again, whatever it did lately. */
void dispatch_unblock(struct manager *manager, struct span domain);
/* Its bit in struct message's domains; others may have the same. */
uint64_t dispatch_domain_bit(struct span domain);
void dispatch_run(struct manager *manager);
void dispatch_start(struct manager *manager);

/* collect.c */
void collect_verdict(
    struct manager *manager, struct job *job, const struct verdict *verdict);
void collect_start(struct manager *manager);
/* Every job is done: sync, report, wait, or remove. */
void collect_conclude(struct manager *manager, struct message *message);
void collect_write_slots(struct manager *manager, struct message *message);
/* What failed on our side, or the disk's, is not the message's fault. */
void collect_wait(struct manager *manager, struct message *message);

/* reporting.c: each asks queue-bounce, if the report is due; false if not */
bool reporting_ask(struct manager *manager, struct message *message);
void reporting_start(struct manager *manager);

#endif
