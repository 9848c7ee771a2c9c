#ifndef SIEVE_RUN_H
#define SIEVE_RUN_H

/*
 * run - a run that is under way: its state, and what its files ask of each
 * other.
 *
 *   run.c          blocks and controls      include.c   scripts within scripts
 *   actions.c      what is to be done       flags.c     imap4flags
 *   tests.c        tests, by their word     variables.c strings and variables
 *   headers.c      the message's header     message.c   its bytes
 *   address.c body.c dates.c environment.c spam.c       tests of one kind
 *
 * Errors   sieve_fail is sticky: the first one ends the run, and what comes
 *          after it does no harm.  A test that failed is false.
 * Limits   as in sieve.h and below.
 * Memory   what a command or a test needs while it runs is in scratch, and goes
 *          when it ends; what stays is the result's.
 */

#include "sieve/grammar.h"

enum {
	SIEVE_VARIABLES_MAX = 128, /* RFC 5229 section 6 */
	SIEVE_VALUE_MAX = 16000,   /* bytes of a value: 4000 characters */
	SIEVE_FLAGS_MAX = 4096,
	SIEVE_CAPTURES_MAX = 33, /* match variables, with ${0} */
	SIEVE_STRING_MAX = 1 << 20,
	SIEVE_HEADER_MAX = 256 << 10, /* of it, the first that are looked at */
	SIEVE_MEMORY_MAX = 32 << 20   /* of scratch, and of a result */
};

struct sieve_variable {
	struct span name;
	struct buf value;
};

struct sieve_variables {
	struct sieve_variable items[SIEVE_VARIABLES_MAX];
	size_t count;
};

/* A script that runs, within the one that included it. */
struct sieve_frame {
	const struct sieve_script *script;
	struct sieve_frame *outer;
	struct span name; /* "" is the first */
	bool is_global;
	bool has_returned;
	uint64_t enabled; /* extensions: required, or by ihave (RFC 5463) */
	struct sieve_variables *variables;
	struct span globals[SIEVE_VARIABLES_MAX]; /* names */
	size_t global_count;
};

/* A script that was included: kept until the run ends, for names and spans. */
struct sieve_included {
	struct sieve_script *script;
	struct span name;
	bool is_global;
	struct sieve_included *next;
};

struct sieve_machine {
	const struct sieve_run *run;
	struct sieve_result *result;
	struct sieve_arena *arena;   /* the result's */
	struct sieve_arena *scratch; /* the command's; NULL: none yet */
	size_t taken;                /* of each, counted to their limit */
	size_t scratch_taken;
	struct buf *errors;
	uint64_t steps; /* that are left */
	uint32_t line;
	unsigned depth; /* of tests and blocks, for the trace */
	bool has_failed;
	bool has_stopped;

	struct sieve_frame *frame;
	struct sieve_included *included;
	struct sieve_variables *globals;
	struct buf captures[SIEVE_CAPTURES_MAX];
	size_t capture_count;

	struct buf header;        /* lines ended by LF, without the empty one */
	uint64_t body;            /* where it begins, from the run's offset */
	bool has_body;            /* an empty line ends the header */
	bool is_cut;              /* header is not all of it */
	bool is_edited;           /* header is not the message's own */
	struct span own_header;   /* as it was before, in arena */
	struct span snapshot;     /* of header, in arena; ptr NULL: made none */
	struct sieve_body *parts; /* body.c's; NULL: not looked at */
	uint64_t size;            /* with CRLF */
	bool has_size;            /* it was counted */

	bool has_flags; /* the internal variable was set */
	struct buf flags;

	struct sieve_action actions[SIEVE_ACTIONS_MAX];
	size_t action_count;
	size_t redirect_count;
	bool is_cancelled; /* the implicit keep */
};

/* ---- run.c ---- */

void sieve_drop_scratch(struct sieve_machine *machine);

/* End the run: "line N: " and the message.  False, for a test to return. */
bool sieve_fail(struct sieve_machine *machine, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Count steps; false if none are left, and the run has failed. */
bool sieve_spend(struct sieve_machine *machine, uint64_t steps);

/* The same for reading text once: what is beyond ASCII takes longer. */
bool sieve_spend_text(struct sieve_machine *machine, struct span text);

/* Memory of the command or test, or of the result; never NULL: a run that asks
 * for too much has failed, and gets it until it ends.  A copy of no text (ptr
 * NULL) that is kept is none. */
void *sieve_scratch(struct sieve_machine *machine, size_t size);
struct span sieve_scratch_copy(struct sieve_machine *machine, struct span text);
struct span sieve_keep_copy(struct sieve_machine *machine, struct span text);

/* The same; an empty one has a ptr that is not NULL. */
struct span sieve_keep_buf(
    struct sieve_machine *machine, const struct buf *buf);
void *sieve_keep_room(struct sieve_machine *machine, size_t size);

/* May the script run at all?  False: the run has failed. */
bool sieve_is_for_event(
    struct sieve_machine *machine, const struct sieve_script *script);

void sieve_run_block(
    struct sieve_machine *machine, const struct sieve_node *first);

/* A line of the trace, if there is one. */
void sieve_trace(struct sieve_machine *machine, const struct sieve_node *node,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- include.c ---- */

void sieve_run_include(
    struct sieve_machine *machine, const struct sieve_node *node);
void sieve_run_global(
    struct sieve_machine *machine, const struct sieve_node *node);

/* Is all there that a command or test needs?  The parser saw to it, but where
 * an extension comes by ihave: then it is an error to be before it (RFC 5463
 * section 4). */
bool sieve_may_use(
    struct sieve_machine *machine, const struct sieve_node *node);

/* Has the script that runs that extension? */
bool sieve_has(
    const struct sieve_machine *machine, enum sieve_extension extension);

/* ---- message.c ---- */

/*
 * Hand out the message's bytes from start up to end, counted from its
 * beginning, lines ended by CRLF; taker says whether it wants more.  False if
 * it cannot be read: the run has failed.
 */
bool sieve_message_read(struct sieve_machine *machine, uint64_t start,
    uint64_t end, bool (*take)(void *context, struct span piece),
    void *context);

/* As it stands. */
bool sieve_message_read_raw(struct sieve_machine *machine, uint64_t start,
    uint64_t end, bool (*take)(void *context, struct span piece),
    void *context);

/* ---- variables.c ---- */

/* With the values of its variables, where the script has such. */
struct span sieve_expand(struct sieve_machine *machine, struct span text);
struct sieve_list sieve_expand_list(
    struct sieve_machine *machine, struct sieve_list list);

/* The only item of a list that has one; ptr NULL if it was not given. */
struct span sieve_expand_one(
    struct sieve_machine *machine, struct sieve_list list);

void sieve_variables_free(struct sieve_variables *variables);
struct span sieve_variable_get(
    const struct sieve_machine *machine, struct span name);
void sieve_variable_set(
    struct sieve_machine *machine, struct span name, struct span value);
void sieve_run_set(
    struct sieve_machine *machine, const struct sieve_node *node);

/* ---- tests.c ---- */

typedef bool sieve_tester(
    struct sieve_machine *machine, const struct sieve_node *node);

/* Any test, by its word. */
sieve_tester sieve_test;

/* ---- one test each ---- */

sieve_tester sieve_test_address, sieve_test_envelope;   /* address.c */
sieve_tester sieve_test_date, sieve_test_currentdate;   /* dates.c */
sieve_tester sieve_test_body;                           /* body.c */
sieve_tester sieve_test_hasflag;                        /* flags.c */
sieve_tester sieve_test_header, sieve_test_exists;      /* headers.c */
sieve_tester sieve_test_spamtest, sieve_test_virustest; /* spam.c */
sieve_tester sieve_test_environment;                    /* environment.c */
sieve_tester sieve_test_mailboxexists;
sieve_tester sieve_test_metadata, sieve_test_metadataexists;
sieve_tester sieve_test_servermetadata, sieve_test_servermetadataexists;

/* ---- body.c ---- */

void sieve_body_free(struct sieve_machine *machine);

/* ---- headers.c ---- */

/* Read the message's header; false with errno set. */
bool sieve_headers_read(struct sieve_machine *machine);

/* Fields of some names, in the order of the header or from its end. */
struct sieve_fields {
	struct sieve_machine *machine;
	struct sieve_list names;
	struct span rest;
	size_t name;   /* with an index: the next of names */
	int64_t index; /* RFC 5260: only that one of each name; 0: all */
	bool is_last;  /* counted from the end */
};
struct sieve_fields sieve_fields_of(struct sieve_machine *machine,
    const struct sieve_node *node, struct sieve_list names);

/* The next one's value, as it stands; false at the end. */
bool sieve_fields_next(struct sieve_fields *fields, struct span *value);

/* Of that name the index-th from above, or from below; false: there is none. */
bool sieve_field_find(struct sieve_machine *machine, struct span name,
    int64_t index, bool is_last, struct span *value);

/* The value as tests see it: decoded to UTF-8, unfolded, trimmed. */
struct span sieve_field_text(struct sieve_machine *machine, struct span value);

void sieve_run_addheader(
    struct sieve_machine *machine, const struct sieve_node *node);
void sieve_run_deleteheader(
    struct sieve_machine *machine, const struct sieve_node *node);

/* What an action now has as its header; ptr NULL: the message's own. */
struct span sieve_header_now(struct sieve_machine *machine);

/* ---- flags.c ---- */

void sieve_run_flags(
    struct sieve_machine *machine, const struct sieve_node *node);

/* Append the flags of a list of strings: valid ones, each once. */
void sieve_flags_add(struct sieve_machine *machine, struct buf *flags,
    struct sieve_list strings);

/* What :flags or the internal variable gives an action; ptr NULL: nothing. */
struct span sieve_flags_now(
    struct sieve_machine *machine, const struct sieve_node *node);

/* ---- actions.c ---- */

void sieve_run_action(
    struct sieve_machine *machine, const struct sieve_node *node);

/* A new action; NULL if there are too many, and the run has failed. */
struct sieve_action *sieve_action_add(
    struct sieve_machine *machine, enum sieve_action_kind kind);

#endif
