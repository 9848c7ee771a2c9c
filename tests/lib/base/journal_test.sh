#!/bin/sh
# journal_test - how files are synced follows from what their file system keeps.
[ "$(id -u)" -eq 0 ] || { echo "1..0 # skip needs root"; exit 0; }
[ -n "${JOURNAL_TEST:-}" ] || JOURNAL_TEST=1 exec unshare --mount "$0"
BUILD=${BUILD:-$(dirname "$0")/../../../build/release}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/on"
mount --make-rprivate /

# ANSWER MKFS...
try() {
	answer=$1
	shift
	kind=$*
	rm -f "$dir/image"
	truncate -s 400M "$dir/image"
	"$@" -q "$dir/image" || return 1
	mount -o loop "$dir/image" "$dir/on" || { echo "1..0 # skip no loop device"; exit 0; }
	"$BUILD/tests/lib/base/sync_test" "$dir/on" "$answer" >"$dir/said"
	result=$?
	umount "$dir/on"
	[ "$result" -eq 0 ] || sed 's/^/# /' "$dir/said"
	return "$result"
}

count=0
for each in "yes mkfs.ext4" "no mkfs.ext4 -O ^has_journal" "no mkfs.ext2" "yes mkfs.xfs"; do
	count=$((count + 1))
	# shellcheck disable=SC2086
	if try $each; then
		echo "ok $count - ${kind}: an fsync of one file keeps all names: ${answer}"
	else
		echo "not ok $count - ${kind}: an fsync of one file keeps all names: ${answer}"
	fi
done
echo "1..$count"
