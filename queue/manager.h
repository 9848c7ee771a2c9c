#ifndef QUEUE_MANAGER_H
#define QUEUE_MANAGER_H

/*
 * manager - the state of queue-manager, and its stages.
 *
 *   intake        names from the trigger and from scans become messages
 *   readers       threads read what a restart finds in disk order (listing)
 *   schedule      a message is read once, and its waiting recipients are
 *                 sorted by destination into errands, which wait for their
 *                 time in one heap
 *   destinations  errands whose time has come stand in their destination's
 *                 queue; destinations take turns
 *   customers     destinations that are called by nobody, and ask themselves
 *   dispatch      the errand whose turn it is becomes jobs, one a recipient,
 *                 for local-deliver (local) and remote-send (channel)
 *   collect       verdicts go into slots; a message none of whose jobs is
 *                 left is removed (closer), reported (reporting) or closed
 *
 * Memory  a message that waits is a struct message with its first errand,
 *         under 200 bytes; only what is at work is open.
 */

#include <event2/event.h>

#include "base/control.h"
#include "base/syncer.h"
#include "queue/delays.h"
#include "queue/delivery.h"
#include "queue/file.h"
#include "queue/holdrules.h"
#include "queue/limits.h"
#include "queue/odmr.h"
#include "queue/report.h"
#include "queue/spool.h"
#include "queue/suppressed.h"

enum {
	ACTIVE_MAX = 400,     /* messages open for local delivery, at most */
	LOCAL_AHEAD = 200,    /* local jobs made before their turn */
	HUGE_BYTES = 5 << 20, /* goes behind what is smaller */
	READ_BATCH = 64,      /* messages that a reading thread takes at once */
	CHANNELS_FIRST = 5, /* to one destination, until it has proved itself */
	TURN_MESSAGES = 20, /* a channel's, if others wait for one */
	CHANNEL_IDLE_S = 2, /* as long a connection waits for more, if it may */
	SYNC_DELAY_US = 50000, /* nobody waits for it: let them gather */
	SYNC_BATCH = ACTIVE_MAX / 4
};

/* One recipient to be tried now; a list has the most urgent first. */
struct job {
	struct job *next;
	struct errand *errand;
	uint64_t index;             /* of the slot */
	struct recipient recipient; /* in the message's envelope */
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
	struct slot *slots;   /* as they will be written */
	unsigned char *marks; /* which of them differ from the disk: marks.c */
	uint64_t marks_from;  /* those before it do not, */
	uint64_t marks_to;    /* nor it and those behind it */
	unsigned char *in_hand;          /* which have a job */
	size_t jobs;                     /* not yet done */
	uint64_t report_number;          /* of the report it waits for */
	char route[QUEUE_ROUTE_MAX + 1]; /* its own; empty: none */
	enum report_why report_why;
	int64_t report_age_s;          /* what a delay is reported for */
	struct message *marked_before; /* in manager->marks */
	struct message *marked_next;
	int64_t put_back_at; /* the next deadline since it was begun */
	int64_t marked_ms;   /* its oldest change, as clock_ms */
	bool is_marked;
	bool is_withdrawn;  /* nothing more of it begins: it goes back */
	bool has_linked;    /* a mailbox file waits for a sync */
	bool is_concluding; /* in unsynced, syncing or reporting */
};

enum errand_state {
	ERRAND_AT_WORK, /* has jobs */
	ERRAND_WAITING, /* for its time, in the heap */
	ERRAND_QUEUED,  /* for its destination; in the heap with the message's
			   next deadline */
	ERRAND_BEGUN    /* queued again, with the jobs that are left */
};

/* One message's business at one destination. */
struct errand {
	struct errand *sibling; /* the next of its message */
	struct errand *before;  /* in its destination's queue */
	struct errand *behind;
	struct message *message;         /* NULL: a destination's own */
	struct destination *destination; /* NULL: only to read it again */
	struct job *left; /* of another host: for later transactions */
	int64_t due;      /* seconds since 1970 */
	size_t heap_index;
	uint32_t jobs;       /* not yet done */
	uint16_t recipients; /* when it was sorted; or more than that */
	uint8_t state;       /* enum errand_state */
	uint8_t key;         /* of its band: the least goes first */
};

struct message {
	struct queue_name name;
	struct message *next;   /* in whatever list it is */
	struct message *chain;  /* in the table */
	struct active *active;  /* NULL while it waits */
	struct errand *errands; /* not yet done with */
	struct errand first;    /* nearly always the only one */
	int64_t warn_at;        /* deadlines, seconds since 1970 */
	int64_t end_at;
	int8_t priority;
	bool is_huge;
	bool is_verp; /* each recipient has a transaction of its own */
	bool is_first_used;
	bool is_retry;      /* it was tried before: its slots count */
	bool is_forced;     /* to be tried at once, whatever its slots say */
	uint8_t order;      /* enum order, to be carried out when it is back */
	uint16_t sorted_by; /* manager->settings_number */
	uint32_t asker;     /* uid of who gave the order */
};

/* What queue(1) may ask for. */
enum order {
	ORDER_NONE,
	ORDER_HOLD,
	ORDER_REMOVE,
	ORDER_FAIL,
	ORDER_SORT /* it has another route */
};

struct message_list {
	struct message *first;
	struct message *last;
};

/* All messages, by id. */
struct message_table {
	struct message **chains;
	size_t size; /* a power of two */
	size_t count;
};

/* Names of a folder; all zero is empty. */
struct listing {
	struct listed *items;
	size_t count;
	size_t room;
	size_t taken;
	bool is_sorted;
};

/* A message, and what a thread has read of it. */
struct reading {
	struct message *message;
	struct active *active; /* NULL: it cannot be; the manager sees why */
};

/* Errands that wait, the earliest due on top. */
struct heap {
	struct errand **items;
	size_t count;
	size_t room;
};

/* Errands of equal key, first come first served. */
struct band {
	struct band *next; /* of a greater key */
	struct errand *first;
	struct errand *last;
	uint8_t key;
};

struct destination {
	struct destination *chain;
	char *name;         /* as routing.h has it, lower case */
	char *route;        /* an administrator's; "" */
	bool is_local;      /* a mailbox, or several */
	struct band *bands; /* errands in state QUEUED */
	size_t errands;     /* in any state but done */
	unsigned taken;     /* from the queue, to give late bands a turn */
	struct job_list jobs;
	struct destination *ring_next;
	bool is_in_ring; /* it waits for its turn */
	unsigned channels;
	unsigned idle;         /* of them: they wait for a message */
	unsigned window;       /* channels that it may have now */
	unsigned successes;    /* since window grew */
	unsigned failures;     /* in a row, to reach it at all */
	unsigned refusals;     /* in a row, once it was reached */
	int64_t blocked_until; /* seconds since 1970 */
	bool is_unblocked;     /* it was, and is tried early */
	bool has_answered;     /* a transaction, and not gone silent since */
	bool is_on_demand;  /* of control/odmrdomains: it asks for its mail */
	struct errand wake; /* in the heap while it is blocked */
	const struct limit *limit;
	struct shared_limit *shared;      /* of its MX host, as it was last */
	struct destination *shared_next;  /* that waits there, too */
	struct shared_limit *shared_wait; /* where it waits */
	int64_t paced_ms;      /* when the next message may go, with a pace */
	uint64_t stamp;        /* of the message that is being sorted */
	struct errand *latest; /* its errand here */
};

enum {
	DESTINATION_CHAINS = 4096
};

/* Destinations that take turns. */
struct ring {
	struct destination *first;
	struct destination *last;
	size_t count;
};

enum channel_state {
	CHANNEL_BUSY,
	CHANNEL_IDLE,   /* it waits for another message */
	CHANNEL_LEAVING /* it counts until the connection is closed, too */
};

/* What a transaction says of its destination, from good to bad. */
enum channel_note {
	NOTE_NONE,
	NOTE_ANSWER, /* it answers, at least */
	NOTE_SUCCESS,
	NOTE_LOST,        /* the connection, behind an answer */
	NOTE_REFUSED,     /* by a 421, for want of TLS, by the name server, */
			  /* or lost at once */
	NOTE_UNREACHABLE, /* none of its hosts greets */
};

/* An open way to one destination through remote-send. */
struct channel {
	struct manager *manager;
	struct channel *next;
	struct destination *destination;
	struct shared_limit *shared; /* it counts there; or NULL */
	struct event *readable;
	int fd;
	unsigned messages; /* sent on it */
	enum channel_state state;
	int64_t idle_ms;           /* since then */
	int64_t heard_ms;          /* its last answer, or first message */
	enum channel_note note;    /* the worst of its transaction */
	bool has_answered;         /* the one before */
	bool is_turned;            /* over a connection that a customer made */
	struct customer *customer; /* its; NULL: it is gone */
	struct job
	    *jobs[DELIVERY_RECIPIENTS_MAX]; /* sent, unanswered or NULL */
	size_t job_count;
};

/* A local delivery that local-deliver works on. */
struct local_slot {
	struct job *job;    /* NULL: free */
	uint32_t mailbox;   /* hash of its name */
	int64_t started_ms; /* as clock_ms */
};

struct manager {
	struct spool spool;
	int command;    /* the FIFO */
	uint32_t asker; /* uid of who is obeyed now; UINT32_MAX: unknown */
	struct event_base *base;
	struct syncer *syncer;
	bool is_syncing;
	bool is_ending; /* nothing new is begun */

	struct control_watch watch;
	uint16_t settings_number; /* how often they have changed */
	struct control_list locals;
	struct control_list virtualdomains;
	struct control_list odmr_domains;
	struct control_list routes; /* of control/smtproutes */
	struct control_list sender_routes;
	struct control_list
	    tls_policies;             /* who these three name, and how its */
	struct control_list discards; /* mail goes, is for remote-send */
	struct control_list sources;
	struct holdrules holdrules;
	struct stat holdrules_file; /* all zero: none */
	struct buf delimiters;      /* control/recipientdelimiter */
	struct limits limits;
	struct shared_limit *shared_limits;
	struct buf me; /* at start: it is not asked for in the jail */
	uint64_t concurrency_local;
	uint64_t concurrency_remote;
	uint64_t lifetime_s; /* control/queuelifetime */
	struct delays delays;
	struct suppress_after suppress_after;
	uint64_t retry_min_s;
	uint64_t retry_max_s;

	struct message_table table;
	struct message_list fresh;  /* not read yet: new ones */
	struct message_list unread; /* found at the start */
	struct heap waiting;
	size_t active_count;
	struct event *timer;
	struct event *scan_event;
	struct event *rescan_event;
	bool is_scanning;
	void *scan;             /* DIR of the folder in hand, NULL at its end */
	int scan_folder;        /* -1: new/; 0 to 15: of cur/, at the start */
	struct listing listing; /* of that folder of cur/ */

	struct destination local;  /* of messages for many mailboxes */
	struct ring local_ready;   /* destinations that have jobs, */
	struct ring local_waiting; /* or only errands */
	size_t local_jobs;         /* of them all, not yet sent */
	struct local_slot *local_slots;
	uint64_t local_running;
	struct destination *destinations[DESTINATION_CHAINS];
	uint32_t answered[DESTINATION_CHAINS]; /* hashes of their names */
	struct ring ring; /* destinations that wait for a channel */
	uint64_t stamp;
	struct channel *channels;
	uint64_t channel_count;
	uint64_t idle_count;          /* of them */
	struct event *channels_again; /* there was no room for one more */
	struct event *odmr;           /* NULL: nobody can ask */

	struct message_list marks; /* marks.c; linked by their active */
	struct event *marks_timer;
	bool wants_sync;              /* some of these do */
	struct message_list unsynced; /* delivered, wait for the next sync */
	size_t unsynced_count;
	struct event *sync_timer;
	struct message_list syncing;
	struct message_list marked; /* failed while held; wait for it, too */
	struct message_list marked_syncing;
	struct message_list reporting; /* wait for queue-bounce's answer */
	size_t reporting_count;
	int64_t report_due; /* when the last that was put off asks again, */
	size_t report_due_count; /* and how many do so then */
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
/* Take a message that lies whole in new/; false if there is none. */
bool intake_take(struct manager *manager, const struct queue_name *name);
/* A name from the trigger; false if it is none. */
bool intake_name(struct manager *manager, struct span text);

/* messages.c: all messages that the manager knows */
void message_list_add(struct message_list *list, struct message *message);
struct message *message_list_take(struct message_list *list);
struct message *message_find(const struct manager *manager, struct span id);
/* NULL: that one is known already. */
struct message *message_add(
    struct manager *manager, const struct queue_name *name);
/* It must be closed; its errands go with it. */
void message_remove(struct manager *manager, struct message *message);

/* active.c: while it is open */
/* False with errno set; true if it is open already. */
bool active_open(struct manager *manager, struct message *message);
/*
 * The same in three steps.  The first two touch nothing that is the manager's,
 * so that a thread may take them (NULL with errno set), and the disk has time
 * between them; the third makes it the manager's.
 */
struct active *active_begin(
    const struct spool *spool, const struct message *message);
struct active *active_read(const struct message *message, struct active *begun);
void active_adopt(
    struct manager *manager, struct message *message, struct active *active);
/* Let go of the file and what was read of it; the message itself stays. */
void active_close(struct manager *manager, struct message *message);
/*
 * Waiting recipients of an errand, one after another: begin with *next = 0 and
 * *rest = the envelope's recipients; false at the end.  Not those that have a
 * job: another errand's, if control/ says since that they are this one's.
 */
bool active_next(struct manager *manager, const struct errand *errand,
    struct span *rest, uint64_t *next, struct recipient *recipient,
    uint64_t *index);

/* closer.c: the file is removed; its descriptor is closed in a while */
void closer_take(int fd);

/* heap.c */
void heap_add(struct heap *heap, struct errand *errand);
struct errand *heap_first(const struct heap *heap);
void heap_remove(struct heap *heap, struct errand *errand);
void heap_order(struct heap *heap); /* anew, whatever changed */

/* errands.c */
struct errand *errand_add(
    struct message *message, struct destination *destination);
void errand_remove(struct manager *manager, struct errand *errand);
/* To the heap, until due. */
void errand_wait(struct manager *manager, struct errand *errand, int64_t due);
/* To its destination's queue. */
void errand_queue(struct manager *manager, struct errand *errand);
/* The next of a destination's queue, NULL if it is empty; out of the heap. */
struct errand *errand_take(
    struct manager *manager, struct destination *destination);
/* One that has jobs left, or NULL. */
struct errand *errand_take_begun(
    struct manager *manager, struct destination *destination);
/*
 * Make jobs of it, and those of one transaction ready; what is left takes its
 * turn again.  False if it has nothing to do at the moment.
 */
bool errand_start(struct manager *manager, struct errand *errand);
/* Its last job is done. */
void errand_done(struct manager *manager, struct errand *errand);
/* Jobs of one message, not sent or not wanted, wait as their errand again. */
void errand_put_back(
    struct manager *manager, struct job *const *jobs, size_t count);
/*
 * So many of its jobs are gone, undone, and none is left: it waits for its
 * turn, if need be until those that are on their way are back.
 */
void errand_give_back(
    struct manager *manager, struct errand *errand, uint32_t count);
/* The deadline of one that is queued has come: tell, or give up. */
void errand_visit(struct manager *manager, struct errand *errand);

/* listing.c */
void listing_add(
    struct listing *listing, uint64_t inode, const struct queue_name *name);
/* The next by inode; false, and all is freed, if there is none. */
bool listing_take(struct listing *listing, struct queue_name *name);

/* readers.c */
/* Before the jail closes; the threads start in it, when there is work. */
void readers_start(struct manager *manager);
/* Have some of manager->unread read. */
void readers_run(struct manager *manager);

/* schedule.c */
int64_t clock_now(void);
void schedule_run(struct manager *manager);
/* Some of manager->unread, at most READ_BATCH, have been read. */
void schedule_take_read(
    struct manager *manager, const struct reading *done, size_t count);
/* Read it again later: something failed on our side. */
void schedule_again(struct manager *manager, struct message *message);
/* Sort its waiting recipients into errands. */
void schedule_sort(struct manager *manager, struct message *message);
void schedule_retry_all(struct manager *manager);
bool schedule_retry(struct manager *manager, struct span id);
void schedule_retry_domain(struct manager *manager, struct span domain);

/* channel.c */
void channel_run(struct manager *manager);
/* No more is coming: those that are idle go. */
void channel_end_idle(struct manager *manager);
/* As many of them as want the place of one: of shared, if that is not NULL. */
void channel_make_room(
    struct manager *manager, const struct shared_limit *shared, size_t wanted);
void channel_start(struct manager *manager);
/* answers.c: the packet is a verdict */
void channel_take_verdict(struct channel *channel);

/* collect.c */
void collect_verdict(
    struct manager *manager, struct job *job, const struct verdict *verdict);
/* One job less: who opened it for a moment holds one, too. */
void collect_release(struct manager *manager, struct message *message);
void collect_start(struct manager *manager);
/* What is known of open messages is written: the manager ends. */
void collect_end(struct manager *manager);
/* The same, because a neighbour is gone: nothing that is done goes twice. */
_Noreturn void collect_die(struct manager *manager, const char *neighbour);
/* If anything waits for that. */
void collect_sync_soon(struct manager *manager);
/* Every job is done: sync, report, wait, or remove. */
void collect_conclude(struct manager *manager, struct message *message);
/* One in hold/ is marked: after a sync it is handling_let_go's. */
void collect_sync_marks(struct manager *manager, struct message *message);
/* What failed on our side, or the disk's, is not the message's fault. */
void collect_wait(struct manager *manager, struct message *message);

/* reporting.c: each asks queue-bounce, if the report is due; false if not */
bool reporting_ask(struct manager *manager, struct message *message);
void reporting_start(struct manager *manager);

#endif
