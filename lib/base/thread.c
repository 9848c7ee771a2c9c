#include "base/thread.h"

#include <errno.h>
#include <signal.h>

#include "base/die.h"

bool
thread_try(pthread_t *thread, void *(*run)(void *), void *context, size_t stack)
{
	pthread_attr_t attributes;
	sigset_t all;
	sigset_t before;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, stack);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(thread, &attributes, run, context);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return errno == 0;
}

void
thread_start(
    void *(*run)(void *), void *context, size_t stack, const char *name)
{
	pthread_t thread;

	if (!thread_try(&thread, run, context, stack))
		temp_fail("cannot start the %s thread", name);
}
