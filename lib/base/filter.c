#include "base/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/die.h"
#include "base/sandbox.h"

enum {
	WIDER_FCNTL =
	    SANDBOX_READ_FILES | SANDBOX_WRITE_FILES | SANDBOX_EXECUTE,
	CHILDREN = SANDBOX_FORK | SANDBOX_THREADS,
	NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
		     CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET
};

static const int always[] = { SYS_read, SYS_write, SYS_readv, SYS_writev,
	SYS_pread64, SYS_pwrite64, SYS_close, SYS_poll, SYS_ppoll,
	SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_ctl, SYS_recvmsg,
	SYS_sendmsg, SYS_recvfrom, SYS_sendto, SYS_shutdown, SYS_getsockopt,
	SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_futex,
	SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday,
	SYS_getpid, SYS_getppid, SYS_gettid, SYS_getuid, SYS_geteuid,
	SYS_getgid, SYS_getegid, SYS_rt_sigaction, SYS_rt_sigprocmask,
	SYS_rt_sigreturn, SYS_restart_syscall, SYS_sigaltstack, SYS_exit,
	SYS_exit_group, SYS_getrandom, SYS_lseek, SYS_fstat, SYS_dup, SYS_pipe2,
	SYS_set_robust_list, SYS_rseq, SYS_sched_yield,
	SYS_sysinfo /* qsort asks how much memory there is */ };
static const int forking[] = { SYS_fork, SYS_vfork, SYS_wait4, SYS_waitid,
	SYS_close_range, SYS_setsid };
static const int accepting[] = { SYS_accept4, SYS_getpeername, SYS_getsockname,
	SYS_setsockopt };
static const int connecting[] = { SYS_connect, SYS_bind, SYS_setsockopt,
	SYS_getsockname, SYS_getpeername, SYS_sendmmsg, SYS_recvmmsg,
	SYS_ioctl };
static const int reading[] = { SYS_openat, SYS_open, SYS_newfstatat, SYS_stat,
	SYS_lstat, SYS_statx, SYS_access, SYS_faccessat, SYS_faccessat2,
	SYS_getdents64, SYS_readlink, SYS_readlinkat, SYS_flock, SYS_fstatfs,
	SYS_fadvise64, SYS_fgetxattr, SYS_chdir, SYS_fchdir, SYS_umask };
static const int watching[] = { SYS_inotify_init1, SYS_inotify_add_watch,
	SYS_inotify_rm_watch };
static const int writing[] = { SYS_mkdirat, SYS_mkdir, SYS_unlink, SYS_unlinkat,
	SYS_rename, SYS_renameat, SYS_renameat2, SYS_link, SYS_linkat,
	SYS_fsync, SYS_fdatasync, SYS_syncfs, SYS_ftruncate, SYS_fchmod,
	SYS_utimensat, SYS_copy_file_range, SYS_sendfile, SYS_fsetxattr,
	SYS_fremovexattr, SYS_fallocate, SYS_sync_file_range };
static const int threading[] = { SYS_syncfs };
static const int looping[] = { SYS_epoll_create1 };
static const int becoming[] = { SYS_setresuid, SYS_setresgid, SYS_setgroups,
	SYS_getresuid, SYS_getresgid, SYS_prctl };
static const int executing[] = { SYS_execve, SYS_setrlimit, SYS_prlimit64,
	SYS_access, SYS_arch_prctl, SYS_set_tid_address, SYS_dup2, SYS_dup3,
	SYS_close_range };
static const int chowning[] = { SYS_fchown, SYS_fchmod, SYS_fremovexattr };
static const int signalling[] = { SYS_kill, SYS_tgkill };
static const int layering[] = { SYS_landlock_restrict_self };

/* What nobody in the suite does; the same for every program. */
static const int never[] = { SYS_ptrace, SYS_process_vm_readv,
	SYS_process_vm_writev, SYS_pidfd_getfd, SYS_pidfd_open, SYS_mount,
	SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns,
	SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_kexec_load,
	SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_reboot,
	SYS_swapon, SYS_swapoff, SYS_keyctl, SYS_add_key, SYS_request_key,
	SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
	SYS_open_by_handle_at, SYS_settimeofday, SYS_clock_settime,
	SYS_adjtimex, SYS_sethostname, SYS_setdomainname, SYS_iopl, SYS_ioperm,
	SYS_personality, SYS_kcmp, SYS_quotactl, SYS_acct, SYS_mknod,
	SYS_mknodat, SYS_move_pages, SYS_mbind, SYS_vhangup, SYS_syslog };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
emit(struct filter *filter, struct sock_filter instruction)
{
	if (filter->len == FILTER_MAX)
		die(EX_SOFTWARE, "seccomp filter too long");
	filter->code[filter->len++] = instruction;
}

static void
load(struct filter *filter, size_t offset)
{
	emit(filter, (struct sock_filter)BPF_STMT(
			 BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void
answer(struct filter *filter, uint32_t action)
{
	emit(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* If the loaded word is value, give action. */
static void
rule(struct filter *filter, uint32_t value, uint32_t action)
{
	emit(filter, (struct sock_filter)BPF_JUMP(
			 BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
	answer(filter, action);
}

/* Only this architecture, and not its x32 face. */
static void
begin(struct filter *filter)
{
	filter->len = 0;
	load(filter, offsetof(struct seccomp_data, arch));
	emit(filter, (struct sock_filter)BPF_JUMP(
			 BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
	answer(filter, SECCOMP_RET_KILL_PROCESS);
	load(filter, offsetof(struct seccomp_data, nr));
	emit(filter, (struct sock_filter)BPF_JUMP(
			 BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1));
	answer(filter, SECCOMP_RET_KILL_PROCESS);
}

/*
 * A call whose argument decides: allowed if (argument & mask) is value.
 * It ends with the number of the call loaded again.
 */
static void
rule_argument(struct filter *filter, int call, int argument, uint32_t mask,
    uint32_t value)
{
	emit(filter, (struct sock_filter)BPF_JUMP(
			 BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 5));
	load(filter, offsetof(struct seccomp_data, args) +
			 (size_t)argument * sizeof(uint64_t));
	emit(filter,
	    (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
	rule(filter, value, SECCOMP_RET_ALLOW);
	load(filter, offsetof(struct seccomp_data, nr));
}

static void
allow_fcntl(struct filter *filter, const uint32_t *commands, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rule_argument(filter, SYS_fcntl, 1, UINT32_MAX, commands[i]);
}

static void
allow_memory(struct filter *filter)
{
	static const uint32_t fd_flags[] = { F_GETFD, F_SETFD, F_GETFL,
		F_SETFL };

	rule_argument(filter, SYS_mmap, 2, PROT_EXEC, 0);
	rule_argument(filter, SYS_mprotect, 2, PROT_EXEC, 0);
	allow_fcntl(filter, fd_flags, COUNT(fd_flags));
}

/* Locks and copies of descriptors; never F_SETOWN, which sends signals. */
static void
allow_files(struct filter *filter, unsigned allowed)
{
	static const uint32_t locks[] = { F_DUPFD, F_DUPFD_CLOEXEC, F_GETLK,
		F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW };

	if (allowed & (SANDBOX_READ_FILES | SANDBOX_WRITE_FILES))
		allow_fcntl(filter, locks, COUNT(locks));
}

static void
allow_sockets(struct filter *filter, unsigned allowed)
{
	if (allowed & SANDBOX_SOCKETPAIR)
		rule_argument(filter, SYS_socketpair, 0, UINT32_MAX, AF_UNIX);
	if (allowed & SANDBOX_CONNECT) {
		rule_argument(filter, SYS_socket, 0, UINT32_MAX, AF_INET);
		rule_argument(filter, SYS_socket, 0, UINT32_MAX, AF_INET6);
	}
	if (allowed & SANDBOX_CONNECT_LOCAL)
		rule_argument(filter, SYS_socket, 0, UINT32_MAX, AF_UNIX);
}

/*
 * Children and threads, but none in a namespace of its own: a user namespace
 * would give it capabilities to try the kernel with.  Who may have threads
 * alone makes no process.  clone3 has its flags in memory, where no filter
 * sees them; without it the C library takes clone.
 */
static void
allow_children(struct filter *filter, unsigned allowed)
{
	uint32_t thread = allowed & SANDBOX_FORK ? 0 : CLONE_THREAD;

	rule_argument(filter, SYS_clone, 0, NAMESPACES | thread, thread);
	rule(filter, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
}

/* What a session begins with; never to be dumpable again. */
static void
allow_layers(struct filter *filter)
{
	static const uint32_t options[] = { PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS,
		PR_SET_PDEATHSIG };

	for (size_t i = 0; i < COUNT(options); i++)
		rule_argument(filter, SYS_prctl, 0, UINT32_MAX, options[i]);
}

/* ---- which calls, whatever their arguments ---- */

enum {
	CALLS_MAX = 512 /* more than the highest number */
};

struct call_set {
	bool has[CALLS_MAX];
};

static void
set_calls(struct call_set *set, const int *calls, size_t count, bool value)
{
	for (size_t i = 0; i < count; i++)
		set->has[calls[i]] = value;
}

/* The numbers at which the answer changes, in order; the first is "no". */
static size_t
find_bounds(const struct call_set *set, uint32_t bounds[CALLS_MAX])
{
	size_t count = 0;
	bool now = false;

	for (uint32_t call = 0; call < CALLS_MAX; call++)
		if (set->has[call] != now) {
			now = set->has[call];
			bounds[count++] = call;
		}
	if (now)
		bounds[count++] = CALLS_MAX;
	return count;
}

/*
 * A tree of comparisons over the intervals first to last, of which interval i
 * ends at bounds[i]; every second one is allowed.  The kernel tries each call
 * number when a filter is installed: with a plain list, that was a twentieth
 * of what a connection costs.
 */
static void
emit_tree(
    struct filter *filter, const uint32_t *bounds, size_t first, size_t last)
{
	if (first == last) {
		answer(filter, first % 2 == 1 ? SECCOMP_RET_ALLOW
					      : SECCOMP_RET_KILL_PROCESS);
		return;
	}
	size_t middle = (first + last + 1) / 2;
	unsigned branch = filter->len;
	emit(filter, (struct sock_filter)BPF_JUMP(
			 BPF_JMP | BPF_JGE | BPF_K, bounds[middle - 1], 0, 0));
	emit_tree(filter, bounds, first, middle - 1);
	unsigned distance = filter->len - branch - 1;
	if (distance > UINT8_MAX)
		die(EX_SOFTWARE, "seccomp filter too long");
	filter->code[branch].jt = (uint8_t)distance;
	emit_tree(filter, bounds, middle, last);
}

static void
allow_only(struct filter *filter, const struct call_set *set)
{
	uint32_t bounds[CALLS_MAX];

	emit_tree(filter, bounds, 0, find_bounds(set, bounds));
}

/* The calls that allowed names, but for those that an argument decides. */
static struct call_set
calls_of(unsigned allowed)
{
	static const struct {
		unsigned bit;
		const int *calls;
		size_t count;
	} groups[] = {
		{ SANDBOX_FORK, forking, COUNT(forking) },
		{ SANDBOX_ACCEPT, accepting, COUNT(accepting) },
		{ SANDBOX_CONNECT, connecting, COUNT(connecting) },
		{ SANDBOX_CONNECT_LOCAL, connecting, COUNT(connecting) },
		{ SANDBOX_READ_FILES, reading, COUNT(reading) },
		{ SANDBOX_WRITE_FILES, writing, COUNT(writing) },
		{ SANDBOX_WATCH_FILES, watching, COUNT(watching) },
		{ SANDBOX_THREADS, threading, COUNT(threading) },
		{ SANDBOX_EPOLL, looping, COUNT(looping) },
		{ SANDBOX_BECOME, becoming, COUNT(becoming) },
		{ SANDBOX_EXECUTE, executing, COUNT(executing) },
		{ SANDBOX_CHOWN, chowning, COUNT(chowning) },
		{ SANDBOX_SIGNAL, signalling, COUNT(signalling) },
		{ SANDBOX_LAYER, layering, COUNT(layering) },
	};
	static const int any_memory[] = { SYS_mmap, SYS_mprotect, SYS_fcntl };
	struct call_set set = { { false } };

	set_calls(&set, always, COUNT(always), true);
	for (size_t i = 0; i < COUNT(groups); i++)
		if (allowed & groups[i].bit)
			set_calls(&set, groups[i].calls, groups[i].count, true);
	if (allowed & SANDBOX_EXECUTE)
		set_calls(&set, any_memory, COUNT(any_memory), true);
	return set;
}

void
filter_build(struct filter *filter, unsigned allowed)
{
	const struct call_set set = calls_of(allowed);

	begin(filter);
	allow_memory(filter);
	allow_files(filter, allowed);
	allow_sockets(filter, allowed);
	if (allowed & CHILDREN)
		allow_children(filter, allowed);
	if (allowed & SANDBOX_LAYER)
		allow_layers(filter);
	allow_only(filter, &set);
}

/*
 * A child's own layer lies on its parent's filter, which stays in force: it
 * need only take away what the parent may and the child may not.  That is a
 * quarter of the instructions, which the kernel compiles for each session.
 */
void
filter_build_layer(struct filter *filter, unsigned parent, unsigned allowed)
{
	const struct call_set before = calls_of(parent);
	const struct call_set after = calls_of(allowed);
	struct call_set kept;

	for (size_t i = 0; i < CALLS_MAX; i++)
		kept.has[i] = after.has[i] || !before.has[i];
	if (parent & ~allowed & SANDBOX_SOCKETPAIR)
		kept.has[SYS_socketpair] = false;
	if (parent & ~allowed & (SANDBOX_CONNECT | SANDBOX_CONNECT_LOCAL))
		kept.has[SYS_socket] = false;
	if (parent & ~allowed & SANDBOX_FORK || !(allowed & CHILDREN))
		kept.has[SYS_clone] = false;
	if (parent & ~allowed & SANDBOX_LAYER)
		kept.has[SYS_prctl] = false;
	begin(filter);
	if (!kept.has[SYS_clone] && allowed & CHILDREN)
		allow_children(filter, allowed);
	if (parent & ~allowed & WIDER_FCNTL) {
		allow_memory(filter);
		kept.has[SYS_fcntl] = false;
	}
	allow_only(filter, &kept);
}

void
filter_build_outer(struct filter *filter)
{
	struct call_set set;

	for (size_t i = 0; i < CALLS_MAX; i++)
		set.has[i] = true;
	set_calls(&set, never, COUNT(never), false);
	set.has[SYS_clone] = false; /* but for what is allowed here: */
	begin(filter);
	allow_children(filter, SANDBOX_FORK);
	allow_only(filter, &set);
}
