#ifndef BASE_THREAD_H
#define BASE_THREAD_H

/*
 * thread - for what only a thread of its own can wait for, such as a disk.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Start one, which no signal reaches; stack is in bytes.  False with errno set
 * if there can be none.
 */
bool thread_try(
    pthread_t *thread, void *(*run)(void *), void *context, size_t stack);

/*
 * Start one that runs until the program ends; name is for the words of the
 * end, with EX_TEMPFAIL, if there can be none.
 */
void thread_start(
    void *(*run)(void *), void *context, size_t stack, const char *name);

#endif
