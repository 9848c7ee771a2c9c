# One Makefile, no recursion: objects of every variant go to build/VARIANT.
#   make                 the programs, in build/release
#   make up              packages, build, install, start, first message (root)
#   make check           every test (root); VARIANT=asan or cov: those builds
#   make lint            format, layering, sizes, manual pages
#   make fuzz-NAME       run one fuzz target (clang) for SECONDS
#   make crashtest       every system call of each role: killed, failed
#   make bench, soak     speed and memory; kills under load: not in check
#   make install         programs, manual, uids, tree (DESTDIR for packages)
#   make install-links   /usr/sbin/sendmail, /usr/bin/mailq, newaliases
#   make uninstall       programs and manual; mail and settings stay

MAKEFLAGS += --no-builtin-rules
VARIANT ?= release
CC      ?= cc
B       := build/$(VARIANT)

# ---- what is built ------------------------------------------------------
# Each program is FOLDER/NAME: FOLDER/NAME.c has its main, the folder's other
# sources are its role's modules, lib/ is what roles share.
PROGRAMS := \
	service/listen service/confine service/neighbour \
	service/login service/checkpw service/mtactl \
	service/tlsd service/keyd \
	smtpd/smtpd \
	aliases/lookup aliases/newaliases \
	queue/queue-inject queue/queue-manager queue/queue-bounce \
	queue/mailq queue/queue queue/sendmail \
	send/remote-send send/remote-auth send/resolve send/sts send/odmr-fetch \
	local/local-deliver local/sieve-deliver local/sieve-test local/sieved \
	filter/filter-milter filter/filter-rspamd \
	filter/filter-guard filter/greylist \
	pop3d/pop3d imapd/imapd
ROLES := service smtpd filter aliases queue send local pop3d imapd
LIBS  := -lcdb -lsqlite3 -lidn2 -lunistring -lxxhash -levent_core -ljansson -lunbound -lpam \
	-lcrypt -largon2 -lgsasl -lidn -lssl -lcrypto -lnettle -lz -lbsd -lmd -lm -lpthread

PROGRAMS := $(foreach p,$(PROGRAMS),$(if $(wildcard $(p).c),$(p)))
MODULES  := $(filter-out $(PROGRAMS:%=%.c),$(wildcard $(ROLES:%=%/*.c)))
LIB      := $(wildcard lib/*/*.c)
TESTS    := $(patsubst %.c,%,$(wildcard tests/*/*_test.c tests/lib/*/*_test.c))
PAGES    := $(wildcard $(ROLES:%=%/*.[1578]) lib/*/*.[1578])
FUZZERS  := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))

# ---- how ----------------------------------------------------------------
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wcast-qual \
	-Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla \
	-Wformat=2 -Wimplicit-fallthrough -Wundef
# A flag, if this compiler takes it.
maybe = $(shell $(CC) $(1) -c -x c -o /dev/null /dev/null 2>/dev/null && \
	echo $(1))
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE \
	-fcf-protection=full $(call maybe,-ftrivial-auto-var-init=zero) \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
LINK_HARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack
# What is small lies together, apart from large buffers: a child that is forked
# for a client copies fewer pages.
SECTIONS := -ffunction-sections -fdata-sections
LINK_SECTIONS := -Wl,--gc-sections,--sort-section=alignment

CFLAGS_release  := -O2 -g $(HARDEN) $(SECTIONS)
CFLAGS_asan     := -O1 -g -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_fuzz     := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all
CFLAGS_cov      := -O0 -g --coverage
LDFLAGS_release := $(LINK_HARDEN) $(LINK_SECTIONS)
LINK_STATIC_release := -static-pie $(filter-out -pie,$(LINK_HARDEN)) \
	$(LINK_SECTIONS)

CPPFLAGS   := -D_GNU_SOURCE -Ilib -I. -Itests
ALL_CFLAGS  = -std=c17 $(WARN) $(CFLAGS_$(VARIANT)) -MMD -MP $(CFLAGS)
LINK        = $(CC) $(CFLAGS_$(VARIANT)) $(LDFLAGS_$(VARIANT)) -o $@ $^ \
	-Wl,--as-needed $(LIBS)

all: $(PROGRAMS:%=$(B)/%)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# Tables of characters, made of Python's codecs.
WIDE := $(B)/lib/mail/charset_wide_tables
$(WIDE).c: lib/mail/charset_wide_tables.py
	@mkdir -p $(@D)
	python3 $< >$@
$(WIDE).o: $(WIDE).c Makefile
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# lib.a and one archive a role; a program takes from them what it names.
$(B)/lib.a: $(LIB:%.c=$(B)/%.o) $(WIDE).o
	rm -f $@ && $(AR) rcs $@ $^
define role_archive
$(B)/$(1).a: $(patsubst %.c,$(B)/%.o,$(filter $(1)/%,$(MODULES)))
	@mkdir -p $$(@D)
	rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach role,$(ROLES),$(eval $(call role_archive,$(role))))
define program
$(B)/$(1): $(B)/$(1).o $(B)/$(firstword $(subst /, ,$(1))).a $(B)/lib.a
	$$(LINK) $$(LINK_SAYS)
endef
# Who forks or is executed for each connection is static: a fork then copies half
# as much, and an exec has no libraries to relocate, each with pages of its own.
# tlsd has of the shared ones OpenSSL alone, which is to be the host's own.
# libc warns of look-ups of names and users, which none of them does in its
# jail: what the linker says is shown if it fails.  (Its --no-warnings would
# also hide what is undefined, and succeed.)
# neighbour, of which nine wait, has half the pages of its own so.
STATIC := smtpd/smtpd send/remote-send imapd/imapd pop3d/pop3d local/sieved \
	service/neighbour
$(if $(LINK_STATIC_$(VARIANT)),$(STATIC:%=$(B)/%)): LDFLAGS_release = \
	$(LINK_STATIC_release)
$(if $(LINK_STATIC_$(VARIANT)),$(STATIC:%=$(B)/%)): LINK_SAYS = \
	2>$@.link || { cat $@.link >&2; exit 1; }
$(if $(LINK_STATIC_$(VARIANT)),$(B)/service/tlsd): LIBS = -Wl,-Bstatic \
	-lxxhash -levent_core -lbsd -lmd -Wl,-Bdynamic -lssl -lcrypto
# HTTPS is sts's alone.
$(B)/send/sts: LIBS += -lcurl
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# A unit test of a role's module links that role's archive.
define unit_test
$(B)/$(1): $(B)/$(1).o $(patsubst %,$(B)/%.a,$(filter $(ROLES),$(word 2,$(subst /, ,$(1))))) $(B)/lib.a
	$$(LINK)
endef
$(foreach t,$(TESTS),$(eval $(call unit_test,$(t))))

# Programs that tests use.
TOOLS := tests/fault/fault tests/attack/attack tests/load/tlsload tests/load/ackload \
	tests/load/fillqueue
$(TOOLS:%=$(B)/%): $(B)/%: $(B)/%.o $(B)/lib.a
	$(LINK)

# ---- testing ------------------------------------------------------------
tests: all $(TESTS:%=$(B)/%) $(TOOLS:%=$(B)/%)

check: tests
	@tests/run $(B)

lint:
	@tests/lint
	@tests/readers

# A fuzz target links what it names of lib/ and of every role.
$(B)/fuzz/%: $(B)/tests/fuzz/%_fuzz.o $(ROLES:%=$(B)/%.a) $(B)/lib.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_$(VARIANT)) -fsanitize=fuzzer -o $@ $^ \
	    -Wl,--as-needed $(LIBS)

fuzz-%:
	@$(MAKE) --no-print-directory CC=clang VARIANT=fuzz build/fuzz/fuzz/$*
	@mkdir -p build/fuzz/corpus/$*
	build/fuzz/fuzz/$* -max_total_time=$(or $(SECONDS),10) -close_fd_mask=1 \
	    -artifact_prefix=build/fuzz/ \
	    build/fuzz/corpus/$* $(wildcard tests/fuzz/corpus/$*)

fuzz: $(FUZZERS:%=fuzz-%)

bench: all $(addprefix $(B)/tests/load/,tlsload ackload fillqueue)
	@BUILD=$(abspath $(B)) tests/bench $(WORKLOADS)

soak: tests
	$(call add_packages,$(SOAK_PACKAGES))
	@BUILD=$(abspath $(B)) KILL_SECONDS=$(or $(SECONDS),3600) \
	    KILL_SEED=$$$$ tests/system/kill_test.py
	@BUILD=$(abspath $(B)) HARM_STEPS=400 HARM_ROUNDS=20 \
	    HARM_SEED=$$$$ tests/imapd/harm_test.py
	@BUILD=$(abspath $(B)) ATTACK=all tests/attack/attack_test.py
	@BUILD=$(abspath $(B)) COUNT=1000000 tests/queue/long_queue.py
	@BUILD=$(abspath $(B)) CONNECTIONS=10000 tests/smtpd/defence_test.py
	@BUILD=$(abspath $(B)) tests/service/testssl
	@BUILD=$(abspath $(B)) tests/system/thunderbird_test.py
	@$(MAKE) --no-print-directory fuzz SECONDS=$(or $(FUZZ_SECONDS),120)

crashtest: tests
	@BUILD=$(abspath $(B)) CRASH_STEP=1 tests/system/crash_test.py

# ---- installing ---------------------------------------------------------
PACKAGES := gcc make libc6-dev perl python3 s6 libbsd-dev libcdb-dev libxxhash-dev \
	libevent-dev libunbound-dev libpam0g-dev libcrypt-dev libargon2-dev \
	libidn2-dev libidn-dev libssl-dev nettle-dev libgsasl-dev libjansson-dev libsqlite3-dev \
	libunistring-dev zlib1g-dev libcurl4-openssl-dev dns-root-data

SOAK_PACKAGES := testssl.sh thunderbird clang libclang-rt-14-dev
CHECK_PACKAGES := $(PACKAGES) git iproute2 procps util-linux dnsmasq-base nsd ldnsutils \
	clang-format clang-tidy curl swaks msmtp gsasl cppcheck mandoc passwd \
	e2fsprogs xfsprogs mount openssl opendkim opendkim-tools rspamd isync \
	mutt alpine fetchmail getmail6 mpop offlineimap3 \
	sieve-connect python3-sievelib

# Of the packages given, install those that are missing.
define add_packages
	@missing=; for p in $(1); do \
	    dpkg-query -W -f '$${Status}' $$p 2>/dev/null | \
		grep -q 'ok installed' || missing="$$missing $$p"; done; \
	[ -z "$$missing" ] || { apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	    --no-install-recommends $$missing >/dev/null; }
endef

deps:
	$(call add_packages,$(PACKAGES))

# Clients that Debian does not have; without them their tests are skipped.
NPM_CLIENTS := imapflow nodemailer

check-deps:
	$(call add_packages,$(CHECK_PACKAGES))
	@! command -v npm >/dev/null || [ -d build/npm/node_modules/imapflow ] || \
	    npm install --silent --no-fund --no-audit --prefix build/npm $(NPM_CLIENTS) \
		>/dev/null || echo "check-deps: npm has not $(NPM_CLIENTS)" >&2

install: all
	@DESTDIR=$(DESTDIR) service/install $(B)

install-links:
	@DESTDIR=$(DESTDIR) service/install-links

uninstall:
	@DESTDIR=$(DESTDIR) service/uninstall

up: deps
	@$(MAKE) --no-print-directory -j2 all
	@$(MAKE) --no-print-directory install
	@/var/mta/bin/mtactl start
	@service/first-message

clean:
	rm -rf build

.PHONY: all tests check check-deps lint fuzz bench soak crashtest deps install install-links \
	uninstall up clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
