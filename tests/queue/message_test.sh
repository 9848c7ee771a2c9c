#!/bin/sh
# message_test - each hop that message(7) names exists where it says.
cd "$(dirname "$0")/../.." || exit 1
count=0
hops=$(sed -n 's/^\.Pa \([a-z0-9_/-]*\.c\) : Ns Fn \([a-z_]*\).*/\1:\2/p' queue/message.7)
for hop in $hops; do
	count=$((count + 1))
	if grep -q "^${hop#*:}(" "${hop%:*}" 2>/dev/null; then
		echo "ok $count - $hop"
	else
		echo "not ok $count - $hop"
	fi
done
[ "$count" -ge 15 ] || { count=$((count + 1)); echo "not ok $count - 15 hops at least"; }
echo "1..$count"
