#include <errno.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "service/mtactl.h"

int
mtactl_run(const char *const *argv)
{
	int status;
	pid_t pid = fork();

	if (pid == -1)
		die_errno(EX_OSERR, "cannot fork");
	if (pid == 0) {
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		die_errno(EX_OSERR, "cannot execute %s", argv[0]);
	}
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			die_errno(EX_OSERR, "cannot wait for %s", argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
