# lib.sh - a host of one's own for a test: mount, network and process
# namespaces, a private /etc, and an installation in the real /var/mta.
# Sourced by tests/**/*_test.sh; tests in Python run themselves under it:
#	tests/host COMMAND [ARGUMENT...]
# shellcheck shell=sh

tests=$(cd "$(dirname "${LIB:-$0}")" && pwd)
BUILD=${BUILD:-$(cd "$tests/.." && pwd)/build/release}
export BUILD

# Start over inside the namespaces; the test ends when its first process does.
host_enter() {
	[ -n "${MTA_TEST_HOST:-}" ] && return
	[ "$(id -u)" -eq 0 ] || { echo "1..0 # skip needs root"; exit 0; }
	MTA_TEST_HOST=1
	export MTA_TEST_HOST
	mkdir -p /var/mta
	exec unshare --mount --net --pid --fork --kill-child --mount-proc \
	    "$@"
}

# A disk of our own, of type $TEST_FS, that a test may cut the power of.
host_disk() {
	host_image=$(mktemp "${TEST_DISK:-/var/tmp}/mta-disk.XXXXXX")
	truncate -s "${TEST_FS_SIZE:-400M}" "$host_image"
	mkfs."$TEST_FS" -q "$host_image" || exit 1
	TEST_MOUNT=$host_image.d
	export TEST_MOUNT
	mkdir "$TEST_MOUNT"
	mount --make-rprivate /
	mount -o loop "$host_image" "$TEST_MOUNT" || {
		echo "1..0 # skip no loop device"
		rm -rf "$host_image" "$TEST_MOUNT"
		exit 0
	}
	TEST_DISK=$TEST_MOUNT
}

# The binds of a host: again after a power cut, too.
host_bind() {
	mount --bind "$host_dir/etc" /etc
	mount --bind "$host_dir/mta" /var/mta
	mount --bind "$host_dir/spool" /var/mail
}

# Installing takes a hundred processes: what it made on a host before is kept,
# /etc's part of it (joe and ann are among the users) and /var/mta.
host_install() {
	kept=$BUILD/host
	exec 9>>"$kept.lock" && flock 9 || exit 1
	host_is_kept || make_host || exit 1
	tar -C /etc -xf "$kept/etc.tar" &&
	    sed -i "s|:@HOME@/|:$host_dir/home/|" /etc/passwd &&
	    cp -a "$kept/mta/." /var/mta &&
	    cp -a "$kept/home/." "$host_dir/home" || exit 1
	exec 9>&-
}

host_is_kept() {
	[ -e "$kept/etc.tar" ] && [ -z "$(cd "$tests/.." &&
	    find "$BUILD"/*/ service ./*/*.[1-8] lib/*/*.[1-8] "$tests/lib.sh" \
		/etc/passwd /etc/group -maxdepth 1 -type f \
		! -name '*.o' ! -name '*.[ad]' -newer "$kept/etc.tar" \
		-print -quit)" ]
}

# The list of users gets its name last: without it, nothing is kept.
make_host() {
	rm -rf "$kept" && mkdir "$kept" || return 1
	(cd "$tests/.." && service/install "$BUILD") || return 1
	for user in joe ann; do
		useradd --home-dir "$host_dir/home/$user" --create-home \
		    --shell /bin/sh "$user" || return 1
	done
	cp -a /var/mta "$kept/mta" && cp -a "$host_dir/home" "$kept/home" &&
	    sed -i "s|:$host_dir/home/|:@HOME@/|" /etc/passwd &&
	    tar -C /etc -cf "$kept/etc" passwd group shadow gshadow \
		pam.d/estafeta &&
	    mv "$kept/etc" "$kept/etc.tar"
}

# /etc, /var/mta and the mail spool of our own, on the disk; users joe and ann.
host_setup() {
	[ -z "${TEST_FS:-}" ] || host_disk
	host_dir=$(mktemp -d "${TEST_DISK:-/var/tmp}/mta-test.XXXXXX") || exit 1
	chmod 755 "$host_dir"
	mkdir "$host_dir/mta" "$host_dir/spool" "$host_dir/home"
	cp -a /etc "$host_dir/etc"
	mount --make-rprivate /
	chmod 2775 "$host_dir/spool"
	chown root:mail "$host_dir/spool"
	host_bind
	export host_dir
	ip link set lo up
	rm -f /etc/aliases
	host_install
	printf 'mx.example.org\n' >/var/mta/control/me
	printf 'example.org\nlocalhost\nmx.example.org\n' >/var/mta/control/locals
}

# Everything that a test left on the disk.  Its processes end with it.
host_clean() {
	/var/mta/bin/mtactl stop >/dev/null 2>&1
	umount -l /var/mail /var/mta /etc
	rm -rf "$host_dir"
	[ -z "${TEST_MOUNT:-}" ] || {
		umount -l "$TEST_MOUNT"
		rm -rf "$TEST_MOUNT" "$host_image"
	}
}

# Wait until a command succeeds, ten seconds at most.
await() {
	await_end=$(($(date +%s) + ${AWAIT:-10}))
	until "$@"; do
		[ "$(date +%s)" -lt "$await_end" ] || return 1
		sleep 0.02
	done
}

count=0
check() { # LABEL COMMAND...
	count=$((count + 1))
	label=$1
	shift
	if "$@" >/tmp/check.$$ 2>&1; then
		echo "ok $count - $label"
	else
		echo "not ok $count - $label"
		sed 's/^/# /' /tmp/check.$$
	fi
	rm -f /tmp/check.$$
}
finish() { echo "1..$count"; }
