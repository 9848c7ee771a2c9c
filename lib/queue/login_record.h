#ifndef QUEUE_LOGIN_RECORD_H
#define QUEUE_LOGIN_RECORD_H

/*
 * login_record - what the records of login.h and sasl.h have in common: for
 * the modules that define them, nobody else.
 */

#include "queue/login.h"

/* Copy value into its place of max bytes; false if it is longer. */
bool record_set_part(char *place, size_t max, uint16_t *len, struct span value);

/* What a name or an address may hold: nothing that a log or a path fears. */
bool record_is_printable(struct span text);
bool record_is_user(struct span user);

bool login_is_method(unsigned method);

/* A password is a C string to those who check it; a digest has its length. */
bool login_is_secret(struct span secret, enum login_method method);

/* fd is passed along unless it is -1. */
bool record_send(int session, const void *record, size_t size, int fd);

/* The next packet, which must have that size.  Results as in login.h. */
int record_await(int session, void *record, size_t size, int64_t timeout_ms);

void login_head_init(struct login_head *head, enum login_service service,
    enum login_method method);
bool login_head_is_good(const struct login_head *head);

bool login_parse_answer(struct span bytes, struct login_answer *answer);
bool checkpw_parse_answer(struct span bytes, enum checkpw_verdict *verdict);

#endif
