#ifndef LOCAL_SIEVE_TALK_H
#define LOCAL_SIEVE_TALK_H

/*
 * sieve_talk - commands in, responses out, before and after the log-in: RFC
 * 5804 sections 1 to 4.
 *
 * Limits   as sieve_input; after errors_max errors it is over.
 * Secrets  what each command said is wiped once it is handled.
 */

#include "local/sieve_input.h"

struct sieve_talk {
	struct reader in;
	struct writer out;
	struct sieve_input input;
	uint64_t errors;
	uint64_t errors_max;
	const char *unknown; /* of a command that is none here */
	bool is_done;        /* no further command is read */
	void *context;
};

struct sieve_command {
	const char *verb;
	void (*handle)(struct sieve_talk *talk,
	    const struct sieve_argument *arguments, size_t count);
	const char *form;  /* 's' a string, 'n' a number; '?' may be missing */
	const char *usage; /* for who has it otherwise */
};

void sieve_talk_open(struct sieve_talk *talk, int in, int out,
    uint64_t timeout_s, uint64_t literal_max, uint64_t skip_max);
void sieve_talk_free(struct sieve_talk *talk);

/*
 * Read and handle commands until a handler says it is done, the client is
 * gone, too slow, or wrong too often; the last words are said, too.
 */
enum io_status sieve_talk_run(struct sieve_talk *talk,
    const struct sieve_command *commands, size_t count);

/* ---- responses ---- */

/* "OK", "NO" or "BYE", and a text. */
void sieve_reply(struct sieve_talk *talk, const char *word, const char *text);

/* With a response code, section 1.3. */
void sieve_reply_code(struct sieve_talk *talk, const char *word,
    const char *code, const char *text);

/* With a code that has an argument, TAG or SASL. */
void sieve_reply_argument(struct sieve_talk *talk, const char *word,
    const char *code, struct span argument, const char *text);

/* NO, and it counts as an error. */
void sieve_refuse(struct sieve_talk *talk, const char *text);

/* A string: quoted if it can be, else as a literal. */
void sieve_write_string(struct writer *out, struct span text);
void sieve_write_literal(struct writer *out, struct span text);

/* ---- commands of both states ---- */

void sieve_handle_noop(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count);
void sieve_handle_logout(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count);

/* Section 1.7: what CAPABILITY tells. */
struct sieve_capabilities {
	struct span sasl;  /* mechanisms, parted by spaces */
	struct span owner; /* ptr NULL: nobody logged in */
	bool has_starttls;
	bool has_unauthenticate;
	uint64_t redirects_max; /* told who logged in */
};

/* The lines, without the response behind them. */
void sieve_write_capabilities(
    struct writer *out, const struct sieve_capabilities *capabilities);

#endif
