#!/bin/sh
# sieve-test_test - what sieve-test says of scripts, and its exit codes.
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build/release}
program=$(realpath "$BUILD/local/sieve-test")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
count=0

# check LABEL CODE: the last run exited so, and printed what "wanted" has.
check() {
	count=$((count + 1))
	if [ "$code" = "$2" ] && [ "$(cat out)" = "$(cat wanted)" ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		echo "# exit $code, not $2; printed:"
		sed 's/^/# /' out
	fi
}
run() {
	"$program" "$@" >out 2>&1
	code=$?
}

cat >lists.sieve <<'END'
require ["fileinto", "variables"];
if header :matches "List-Id" "*<*.*>*" {
	fileinto "lists/${2}";
}
END
cat >message <<'END'
Return-Path: <knitting-bounces@example.com>
Delivered-To: ken@example.org
List-Id: Knitting <knitting.example.com>

text
END

run lists.sieve
echo "lists.sieve is right" >wanted
check "a script that is right" 0

run -e lists.sieve message
cat >wanted <<'END'
   2    header: true
   2  if: its block is run
   3    fileinto: lists/knitting
fileinto "lists/knitting"
END
check "explained" 0

printf 'fileinto "a";\nkeep 1;\n' >wrong
run wrong
code=$code/$(grep -c '^line [12]: ' out)
: >wanted
: >out
check "each error with its line" 65/2

cat >parts <<'END'
require ["envelope", "imap4flags", "include", "environment", "subaddress"];
if envelope "from" "knitting-bounces@example.com" { addflag "from"; }
if envelope :detail "to" "x" { addflag "detail"; }
if envelope "from" "" { addflag "null"; }
if hasflag "given" { addflag "given"; }
if environment "imap.mailbox" "Sent" { addflag "mailbox"; }
include :optional "nothing";
include "lists";
END
run parts message
echo 'fileinto "lists/knitting" flags (from)' >wanted
check "an included script, with the flags of the other" 0

run -r ken+x@example.org -f '' -F given -m Sent parts message
echo 'fileinto "lists/knitting" flags (given detail null mailbox)' >wanted
check "as the options have it" 0

echo 'require "ihave"; error "no way";' >fails
run fails message
printf 'line 1: no way\nkeep (implicit)\n' >wanted
check "a run that fails keeps the message" 65

run nothing
: >wanted
: >out
check "no script" 66

run lists.sieve /
: >out
check "no message" 66

run
: >out
check "no arguments" 64

run -h
code=$code/$(grep -c '^usage: ' out)
: >out
check "usage" 0/1

echo "1..$count"
