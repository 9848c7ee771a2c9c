#include "base/thread.h"

#include <errno.h>
#include <pthread.h>

#include "base/die.h"

void
thread_start(
    void *(*run)(void *), void *context, size_t stack, const char *name)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, stack);
	errno = pthread_create(&thread, &attributes, run, context);
	if (errno != 0)
		temp_fail("cannot start the %s thread", name);
	pthread_attr_destroy(&attributes);
}
