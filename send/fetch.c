#include "send/fetch.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "net/dns.h"

enum {
	AUTHORITIES_MAX = 8 << 20,
	HEADER_MAX = 32 << 10,
	WHY_MAX = 300,
	ADDRESSES_MAX = 2000,
	HTTP_OK = 200
};

struct fetch {
	const struct fetch_settings *settings;
	int64_t deadline;
	char host[STS_DOMAIN_MAX + sizeof("mta-sts.")];
	int resolve;
	int result;
	struct buf authorities;
	struct buf body;
	size_t header_len;
	char error[CURL_ERROR_SIZE];
	char why[WHY_MAX];
};

void
fetch_prepare(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		temp_fail("cannot prepare libcurl");
}

/* ---- the answer ---- */

static size_t
take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct fetch *fetch = context;

	buf_add(&fetch->body, (struct span){ bytes, size * count });
	return fetch->body.overflow ? 0 : size * count;
}

/* libcurl bounds a line of the header, but not how many there are. */
static size_t
take_header(char *bytes, size_t size, size_t count, void *context)
{
	struct fetch *fetch = context;

	(void)bytes;
	fetch->header_len += size * count;
	return fetch->header_len > HEADER_MAX ? 0 : size * count;
}

static bool
is_plain_text(const char *type)
{
	struct span rest = span_of(type == NULL ? "" : type);

	return span_equal_nocase(
	    span_trim(span_cut(&rest, ';')), span_of("text/plain"));
}

/* What is wrong with what came; NULL if nothing. */
static const char *
fault_of(struct fetch *fetch, CURL *curl, CURLcode code)
{
	const char *type = NULL;
	long status = 0;

	if (fetch->body.overflow)
		return "the policy is over 64 KiB";
	if (fetch->header_len > HEADER_MAX)
		return "the header is over 32 KiB";
	if (code != CURLE_OK)
		return fetch->error[0] == '\0' ? curl_easy_strerror(code)
					       : fetch->error;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	if (status != HTTP_OK) {
		snprintf(fetch->why, sizeof(fetch->why), "HTTP status %ld%s",
		    status,
		    status / 100 == 3 ? ": a redirect, which is not followed"
				      : "");
		return fetch->why;
	}
	return is_plain_text(type) ? NULL : "it is not text/plain";
}

/* ---- the question ---- */

/* "HOST:443:ADDRESS,ADDRESS", or NULL. */
static struct curl_slist *
find_addresses(struct fetch *fetch)
{
	static struct packet packet;
	struct buf line = buf_new(ADDRESSES_MAX);
	struct curl_slist *list = NULL;
	struct dns_hop hop;
	struct span hops;

	if (dns_addresses(fetch->resolve, span_of(fetch->host),
		fetch->deadline - clock_ms(), &packet, &hops) != DNS_OK)
		return NULL;
	buf_printf(&line, "%s:443:", fetch->host);
	for (const char *comma = ""; dns_next_hop(&hops, &hop); comma = ",") {
		bool is_ipv6 = span_count(hop.address, ':') > 0;

		buf_printf(&line, "%s%s%.*s%s", comma, is_ipv6 ? "[" : "",
		    (int)hop.address.len, hop.address.ptr, is_ipv6 ? "]" : "");
	}
	if (buf_string(&line) != NULL)
		list = curl_slist_append(NULL, buf_string(&line));
	buf_free(&line);
	return list;
}

/*
 * RFC 8461 section 3.3: no redirects, no caching; the certificate has to be the
 * policy host's.  Only addresses that resolve gave; no file is looked at.
 */
static bool
set_options(struct fetch *fetch, CURL *curl, struct curl_slist *addresses)
{
	struct curl_blob authorities = { .data = fetch->authorities.data,
		.len = fetch->authorities.len,
		.flags = CURL_BLOB_NOCOPY };
	char url[sizeof(fetch->host) + 64];

	snprintf(url, sizeof(url), "https://%s/.well-known/mta-sts.txt",
	    fetch->host);
	long left = (long)(fetch->deadline - clock_ms());
	bool is_set =
	    curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") ==
		CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_SSLVERSION,
		(long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_CAINFO, NULL) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &authorities) ==
		CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, left > 0 ? left : 1L) ==
		CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
		(long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_RESOLVE, addresses) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, fetch->error) ==
		CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) ==
		CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header) ==
		CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_HEADERDATA, fetch) == CURLE_OK;
	return is_set;
}

static const char *
get(struct fetch *fetch)
{
	CURL *curl = curl_easy_init();

	if (curl == NULL)
		return "libcurl does not begin";
	struct curl_slist *addresses = find_addresses(fetch);
	if (addresses == NULL)
		return "the policy host has no address";
	if (!set_options(fetch, curl, addresses))
		return "libcurl refuses an option";
	return fault_of(fetch, curl, curl_easy_perform(curl));
}

/* ---- the child ---- */

/* Read before the jail closes, and by nobody who keeps it. */
static void
read_authorities(struct fetch *fetch)
{
	struct buf path = fetch->settings->authorities;
	FILE *file = fopen(buf_string(&path), "re");
	size_t got;

	if (file == NULL)
		temp_fail("cannot read %s", buf_string(&path));
	fetch->authorities = buf_new(AUTHORITIES_MAX);
	do {
		char *room = buf_room(&fetch->authorities, 65536);

		if (room == NULL)
			die(EX_TEMPFAIL, "%s is too long", buf_string(&path));
		got = fread(room, 1, 65536, file);
		buf_grown(&fetch->authorities, got);
	} while (got > 0);
	fclose(file);
}

static void
answer(struct fetch *fetch, const char *fault)
{
	struct buf packet = buf_new(PACKET_MAX);
	struct buf text = buf_new(STS_TEXT_MAX);
	struct sts_policy policy = sts_policy_new();

	if (fault == NULL && !sts_parse_policy(buf_span(&fetch->body), &policy))
		fault = "what the host has is no policy";
	if (fault == NULL) {
		sts_add_policy(&text, &policy);
		record_add(&packet, 'P', buf_span(&text));
	} else {
		record_add(
		    &packet, 'X', span_slice(span_of(fault), 0, WHY_MAX - 1));
	}
	packet_send(fetch->result, buf_span(&packet), NULL, 0);
}

static _Noreturn void
run(struct fetch *fetch, pid_t parent)
{
	const int kept[] = { fetch->resolve, fetch->result };

	/* Nobody would end it when the parent is gone. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != parent)
		_exit(EX_TEMPFAIL);
	read_authorities(fetch);
	close(NEIGHBOUR_SELF);
	sandbox_session(fetch->settings->layer, kept, 2);
	fetch->body = buf_new(STS_BODY_MAX);
	answer(fetch, get(fetch));
	_exit(EX_OK);
}

/* ---- the parent ---- */

pid_t
fetch_begin(const struct fetch_settings *settings, const char *domain, int *fd)
{
	const pid_t self = getpid();
	struct fetch fetch = { .settings = settings,
		.deadline = clock_ms() + settings->timeout_ms };
	int ends[2];

	if (!packet_pair(ends)) {
		warn_errno("cannot make a pair");
		return -1;
	}
	fetch.resolve = neighbour_open_session(NEIGHBOUR_RESOLVE);
	if (fetch.resolve == -1)
		temp_fail("resolve is gone");
	fetch.result = ends[1];
	snprintf(fetch.host, sizeof(fetch.host), "mta-sts.%s", domain);
	pid_t pid = fork();
	if (pid == 0)
		run(&fetch, self);
	if (pid == -1)
		warn_errno("cannot fork");
	close(fetch.resolve);
	close(ends[1]);
	if (pid == -1)
		close(ends[0]);
	*fd = ends[0];
	return pid;
}

bool
fetch_parse(struct span packet, struct sts_policy *policy, struct span *why)
{
	struct span text;

	*why = span_of("its answer is none");
	if (!record_find(packet, 'P', &text)) {
		record_find(packet, 'X', why);
		return false;
	}
	return sts_parse_policy(text, policy);
}
