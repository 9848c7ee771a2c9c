#include "queue/holdrule.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "base/io.h"
#include "base/paths.h"
#include "mail/domain.h"
#include "queue/holdrules.h"

struct request {
	const struct view *view;
	const char *usage;
	const char *sender;
	const char *domain;
	bool is_all;
	bool with_queued;
	bool is_json;
};

static const char temporary[] = MTA_QUEUE "/holdrules.new";

/* ---- the file ---- */

/* One at a time; the lock ends with the program. */
static void
lock(const struct view *view)
{
	int fd = openat(view->spool.top, "holdrules.lock",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd == -1 || flock(fd, LOCK_EX) == -1)
		temp_fail("cannot lock %s/holdrules.lock", MTA_QUEUE);
}

static void
write_lines(struct span lines)
{
	int fd = open(temporary,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd == -1 || !write_all(fd, lines) ||
	    !file_commit(fd, temporary, MTA_QUEUE "/holdrules"))
		temp_fail("cannot write %s/holdrules", MTA_QUEUE);
	close(fd);
}

/* For the log, which is the manager's. */
static void
tell(const struct view *view, const char *verb, const struct holdrule *rule)
{
	struct buf line = buf_new(HOLDRULE_TEXT_MAX + 64);

	buf_printf(&line, "by=%u holdrule %s %llu: ", view->caller, verb,
	    (unsigned long long)rule->number);
	holdrule_add_text(&line, rule);
	buf_add_char(&line, '\n');
	view_tell_if_running(view, buf_span(&line));
	buf_free(&line);
}

static void
print_rule(const struct holdrule *rule)
{
	struct buf text = buf_new(HOLDRULE_TEXT_MAX);

	holdrule_add_text(&text, rule);
	printf("%llu: ", (unsigned long long)rule->number);
	view_print_text(buf_span(&text));
	buf_free(&text);
}

/* ---- add ---- */

static uint64_t
now_us(void)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_usec;
}

static struct holdrule
wanted_rule(const struct request *request)
{
	struct holdrule rule = { .made_us = now_us(),
		.uid = request->view->caller,
		.sender = span_of("*"),
		.domain = span_of("*") };

	if (request->is_all ==
	    (request->sender != NULL || request->domain != NULL))
		die(EX_USAGE, "say -a, or -f and -d or one of them\n%s",
		    request->usage);
	if (request->sender != NULL)
		rule.sender = span_of(
		    request->sender[0] == '\0' ? "<>" : request->sender);
	if (request->domain != NULL)
		rule.domain = span_of(request->domain);
	if (!holdrule_is_sender(rule.sender))
		die(EX_USAGE,
		    "%s: write an address, '*@DOMAIN', or '<>' for the null "
		    "sender",
		    request->sender);
	if (!holdrule_is_domain(rule.domain))
		die(EX_USAGE, "%s: write one domain", request->domain);
	return rule;
}

/* As the list has it; the texts are in forms. */
static void
list_form(struct holdrule *rule, struct buf forms[2])
{
	forms[0] = buf_new(HOLDRULE_TEXT_MAX);
	forms[1] = buf_new(HOLDRULE_TEXT_MAX);
	domain_add_address(&forms[0], rule->sender);
	if (!domain_add_ascii(&forms[1], rule->domain))
		die(EX_USAGE, "%.*s: no domain can have that name",
		    (int)rule->domain.len, rule->domain.ptr);
	rule->sender = buf_span(&forms[0]);
	rule->domain = buf_span(&forms[1]);
}

static bool
is_same(const struct holdrule *a, const struct holdrule *b)
{
	return span_equal_nocase(a->sender, b->sender) &&
	       span_equal_nocase(a->domain, b->domain);
}

/* As queue hold would be asked for it. */
static void
select_queued(const struct request *request, struct selection *selection)
{
	selection->is_all = request->is_all;
	selection->sender = request->sender;
	selection->domain = request->domain;
	if (request->sender != NULL && strcmp(request->sender, "<>") == 0)
		selection->sender = "";
}

static void
add(const struct request *request)
{
	struct buf lines = buf_new(HOLDRULES_BYTES_MAX);
	struct holdrules rules;
	struct holdrule rule = wanted_rule(request);
	struct buf forms[2];

	list_form(&rule, forms);
	lock(request->view);
	holdrules_read(&rules, request->view->spool.top);
	for (size_t i = 0; i < rules.count; i++) {
		if (is_same(&rules.items[i], &rule))
			die(EX_USAGE, "rule %llu says that already",
			    (unsigned long long)rules.items[i].number);
		if (rules.items[i].number > rule.number)
			rule.number = rules.items[i].number;
	}
	if (rules.count >= HOLDRULES_MAX)
		die(EX_UNAVAILABLE, "there are %d rules, and no more can be",
		    HOLDRULES_MAX);
	rule.number++;
	buf_add(&lines, buf_span(&rules.text));
	if (lines.len > 0 && lines.data[lines.len - 1] != '\n')
		buf_add_char(&lines, '\n'); /* somebody's editor */
	holdrule_add_line(&lines, &rule);
	write_lines(buf_span(&lines));
	tell(request->view, "added", &rule);
	printf("holdrule ");
	print_rule(&rule);
	putchar('\n');
	buf_free(&lines);
	buf_free(&forms[0]);
	buf_free(&forms[1]);
	holdrules_free(&rules);
}

/* ---- remove ---- */

static bool
is_named(const struct holdrule *rule, char **numbers)
{
	uint64_t number;

	for (; *numbers != NULL; numbers++)
		if (span_number(span_of(*numbers), 10, UINT64_MAX, &number) &&
		    number == rule->number)
			return true;
	return false;
}

static void
check_numbers(const struct holdrules *rules, char **numbers)
{
	for (; *numbers != NULL; numbers++) {
		char *one[] = { *numbers, NULL };
		bool is_there = false;

		for (size_t i = 0; i < rules->count; i++)
			is_there = is_there || is_named(&rules->items[i], one);
		if (!is_there)
			die(EX_NOINPUT,
			    "%s is no holdrule: queue holdrule list", *numbers);
	}
}

static void
remove_rules(const struct request *request, char **numbers)
{
	struct buf lines = buf_new(HOLDRULES_BYTES_MAX);
	struct holdrules rules;

	if (request->is_all == (*numbers != NULL))
		die(EX_USAGE, "which rules?  Their numbers, or -a\n%s",
		    request->usage);
	lock(request->view);
	holdrules_read(&rules, request->view->spool.top);
	check_numbers(&rules, numbers);
	for (size_t i = 0; i < rules.count; i++)
		if (!request->is_all && !is_named(&rules.items[i], numbers))
			holdrule_add_line(&lines, &rules.items[i]);
	write_lines(buf_span(&lines));
	for (size_t i = 0; i < rules.count; i++) {
		if (!request->is_all && !is_named(&rules.items[i], numbers))
			continue;
		tell(request->view, "removed", &rules.items[i]);
		printf("removed holdrule ");
		print_rule(&rules.items[i]);
		putchar('\n');
	}
	buf_free(&lines);
	holdrules_free(&rules);
}

/* ---- list ---- */

static void
print_json(const struct holdrule *rule)
{
	printf("{\"rule\":%llu,\"made\":%llu,\"uid\":%llu,\"sender\":",
	    (unsigned long long)rule->number,
	    (unsigned long long)rule->made_us / 1000000,
	    (unsigned long long)rule->uid);
	view_print_json_string(rule->sender);
	printf(",\"domain\":");
	view_print_json_string(rule->domain);
	puts("}");
}

static void
list(const struct request *request)
{
	struct holdrules rules;

	holdrules_read(&rules, request->view->spool.top);
	for (size_t i = 0; i < rules.count; i++) {
		if (request->is_json) {
			print_json(&rules.items[i]);
			continue;
		}
		print_rule(&rules.items[i]);
		printf("  (by uid %llu)\n",
		    (unsigned long long)rules.items[i].uid);
	}
	holdrules_free(&rules);
}

/* ---- arguments ---- */

static void
take_options(struct request *request, int argc, char **argv)
{
	static const struct option words[] = { { .name = "json", .val = 'j' },
		{ .name = NULL } };
	int option;

	optind = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "af:d:jq", words, NULL)) != -1)
		switch (option) {
		case 'a':
			request->is_all = true;
			break;
		case 'f':
			request->sender = optarg;
			break;
		case 'd':
			request->domain = optarg;
			break;
		case 'j':
			request->is_json = true;
			break;
		case 'q':
			request->with_queued = true;
			break;
		default:
			die(EX_USAGE, "%s", request->usage);
		}
}

bool
holdrule_run(struct view *view, int argc, char **argv, const char *usage,
    struct selection *selection)
{
	struct request request = { .view = view, .usage = usage };

	if (!view->sees_all)
		die(EX_NOPERM, "for root and group mta-admin only");
	if (argc < 2)
		die(EX_USAGE, "%s", usage);
	const char *verb = argv[1];
	take_options(&request, argc - 1, argv + 1);
	char **rest = argv + 1 + optind;
	bool has_more = *rest != NULL;
	if (strcmp(verb, "add") == 0 && !has_more)
		add(&request);
	else if (strcmp(verb, "remove") == 0)
		remove_rules(&request, rest);
	else if (strcmp(verb, "list") == 0 && !has_more)
		list(&request);
	else
		die(EX_USAGE, "%s", usage);
	if (request.with_queued)
		select_queued(&request, selection);
	return request.with_queued && strcmp(verb, "add") == 0;
}
