#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/landlock.h"
#include "mail/destination.h"
#include "mail/domain.h"
#include "net/anchors.h"
#include "net/auth.h"
#include "net/dial.h"
#include "net/discards.h"
#include "net/milters.h"
#include "net/providers.h"
#include "net/routes.h"
#include "net/smtpauth.h"
#include "net/solicitation.h"
#include "net/sources.h"
#include "net/tlspolicy.h"
#include "net/wellknown.h"
#include "queue/filters.h"
#include "queue/guarding.h"
#include "service/addresses.h"
#include "service/masters.h"
#include "service/mtactl.h"
#include "store/account_settings.h"
#include "store/conversion_settings.h"
#include "store/uidl.h"

/*
 * ---- settings ----
 *
 * Each is read by the code that will use it, in a child of its own: a fault
 * ends it with a line that names file and line.
 */

static void
read_number(size_t i)
{
	const struct mtactl_number *number = &mtactl_numbers[i];

	control_number(number->name, number->min, number->min, number->max);
}

/* Files of which several are alike. */
static const struct {
	const char *name;
	enum {
		ADDRESSES,
		DOMAINS,
		HOST,
		NETWORKS,
		PATH,
		URL,
		WORD,
		WORDS
	} kind;
} files[] = {
	{ "smtpdaddresses", ADDRESSES },
	{ "submissionaddresses", ADDRESSES },
	{ "lmtpaddresses", ADDRESSES },
	{ "odmraddresses", ADDRESSES },
	{ "pop3daddresses", ADDRESSES },
	{ "imapdaddresses", ADDRESSES },
	{ "sievedaddresses", ADDRESSES },
	{ "locals", DOMAINS },
	{ "virtualdomains", DOMAINS },
	{ "rcpthosts", DOMAINS },
	{ "insecuredomains", DOMAINS },
	{ "me", HOST },
	{ "helohost", HOST },
	{ "relayclients", NETWORKS },
	{ "xclientnets", NETWORKS },
	{ "verpclients", NETWORKS },
	{ "pipeconnectnets", NETWORKS },
	{ "proxynets", NETWORKS },
	{ "cleartextnets", NETWORKS },
	{ "imapdreuse", NETWORKS },
	{ "sievedreuse", NETWORKS },
	{ "imapdsubmitters", WORDS },
	{ "passwordchecker", PATH },
	{ "oauthchecker", PATH },
	{ "tlsca", PATH },
	{ "jmapaccess", URL },
	{ "imapsieve", WORD },
	{ "recipientdelimiter", WORD },
	{ "postmaster", WORD },
	{ "quarantine", WORD },
	{ "doublebounceto", WORD },
};

static void
read_file(size_t i)
{
	switch (files[i].kind) {
	case ADDRESSES:
		addresses_read(files[i].name);
		break;
	case DOMAINS:
		domain_list(files[i].name);
		break;
	case HOST:
		control_host(files[i].name, "");
		break;
	case WORDS:
		control_words(files[i].name);
		break;
	case NETWORKS:
		network_list(files[i].name, "");
		break;
	case PATH:
		control_path(files[i].name);
		break;
	case URL:
		control_https_url(files[i].name);
		break;
	case WORD:
		control_word(files[i].name, "");
		break;
	}
}

/* What has a grammar of its own. */
static void
read_mechanisms(void)
{
	struct mechanisms mechanisms;

	mechanisms_read(&mechanisms);
}

static void
read_sender_logins(void)
{
	auth_sender_logins();
}

static void
read_masters(void)
{
	struct masters masters;

	masters_read(&masters);
}

static void
read_soliciting(void)
{
	solicitation_refused();
}

static void
read_wellknown(void)
{
	wellknown_read();
}

static void
read_filters(void)
{
	struct filters filters = { .count = 0 };

	filters_read(&filters);
}

static void
read_milters(void)
{
	static struct milter_settings milters;

	milters_read(&milters);
}

static void
read_rspamd(void)
{
	struct dial dial;

	dial_control("rspamd", "127.0.0.1:11333", &dial);
}

static void
read_lists(void)
{
	static struct dnsbls lists;

	dnsbls_read(&lists);
}

static void
read_weights(void)
{
	int weights[SIGN_COUNT];

	weights_read(weights);
}

static void
read_greylisting(void)
{
	struct greylisting greylisting;

	greylisting_read(&greylisting);
}

static void
read_routes(void)
{
	const struct control_list routes = routes_read();

	routes_complain(&routes);
}

static void
read_sender_routes(void)
{
	sender_routes_read();
}

static void
read_providers(void)
{
	providers_read();
}

static void
read_discards(void)
{
	discards_read();
}

static void
read_tls_policies(void)
{
	tlspolicy_read();
}

static void
read_logins(void)
{
	smtpauth_read();
}

static void
read_sources(void)
{
	sources_read();
}

static void
read_name_servers(void)
{
	network_name_servers();
}

static void
read_uidl_formats(void)
{
	struct uidl_formats formats;

	uidl_formats_read(&formats);
}

static void
read_destination(void)
{
	destination_default();
}

static void
read_client_authorities(void)
{
	struct buf path = control_path("tlsclientca");

	if (path.len > 0 && access(buf_string(&path), R_OK) == -1)
		control_complain_value("tlsclientca", strerror(errno));
}

static void
read_certificates(void)
{
	int faults = mtactl_check_certificates();

	fflush(stdout);
	_exit(faults == 0 ? EX_OK : EX_CONFIG);
}

static void
read_account_limits(void)
{
	struct account_settings settings = { .specials = NULL };

	account_settings_read_limits(&settings);
}

static void
read_special_folders(void)
{
	struct account_settings settings = { .specials = NULL };

	account_settings_read_specials(&settings);
}

static void
read_conversions(void)
{
	conversion_settings_read();
}

static void
read_landlock(void)
{
	printf("landlock version %d\n", landlock_version());
	fflush(stdout);
}

static void (*const grammars[])(void) = { read_mechanisms, read_sender_logins,
	read_masters, read_soliciting, read_wellknown, read_filters,
	read_milters, read_rspamd, read_routes, read_sender_routes,
	mtactl_read_limits, read_tls_policies, read_discards, read_logins,
	read_sources, anchors_check, read_name_servers, read_destination,
	read_lists, read_weights, read_greylisting, read_account_limits,
	read_special_folders, read_client_authorities, read_certificates,
	read_uidl_formats, mtactl_read_odmr_domains, mtactl_read_delays,
	mtactl_read_suppress_after, mtactl_read_holdrules, read_providers,
	read_conversions, read_landlock };

static void
read_grammar(size_t i)
{
	grammars[i]();
}

/* 1 if a child that reads it comes to a bad end. */
static int
check_setting(void (*read_it)(size_t i), size_t i)
{
	int status = 0;

	fflush(stdout);
	pid_t pid = fork();
	if (pid == -1)
		die_errno(EX_OSERR, "cannot fork");
	if (pid == 0) {
		read_it(i);
		_exit(EX_OK);
	}
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	return status == 0 ? 0 : 1;
}

int
mtactl_check(void)
{
	int faults = 0;

	faults += mtactl_check_owners();
	for (size_t i = 0; i < mtactl_number_count; i++)
		faults += check_setting(read_number, i);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		faults += check_setting(read_file, i);
	for (size_t i = 0; i < sizeof(grammars) / sizeof(*grammars); i++)
		faults += check_setting(read_grammar, i);
	printf("%d fault%s\n", faults, faults == 1 ? "" : "s");
	return faults == 0 ? EX_OK : EX_CONFIG;
}
