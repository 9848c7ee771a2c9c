#include "queue/odmr.h"

#include <string.h>

#include "mail/domain.h"
#include "mail/header.h"
#include "queue/tls.h"

void
odmr_add_request(struct buf *buf, const struct odmr_request *request)
{
	record_add(buf, 'A', request->account);
	record_add(buf, 'D', request->domains);
	record_add(buf, 'S', request->server);
	record_add(buf, 'T', request->tls);
}

bool
odmr_parse_request(struct span packet, struct odmr_request *request)
{
	return record_find(packet, 'A', &request->account) &&
	       record_find(packet, 'D', &request->domains) &&
	       record_find(packet, 'S', &request->server) &&
	       record_find(packet, 'T', &request->tls) &&
	       request->account.len > 0 && request->server.len > 0 &&
	       request->server.len <= ODMR_SERVER_MAX &&
	       header_is_safe(request->account) &&
	       header_is_safe(request->domains) &&
	       header_is_safe(request->server) && header_is_safe(request->tls);
}

void
odmr_add_answer(struct buf *buf, enum odmr_verdict verdict)
{
	char letter = (char)verdict;

	record_add(buf, 'V', (struct span){ &letter, 1 });
}

enum odmr_verdict
odmr_parse_answer(struct span packet)
{
	struct span verdict;

	if (!record_find(packet, 'V', &verdict) || verdict.len != 1 ||
	    strchr("KNDZ", verdict.ptr[0]) == NULL)
		return ODMR_LATER;
	return (enum odmr_verdict)verdict.ptr[0];
}

/* As lib/queue/tls.h has it. */
static bool
is_tls_text(struct span text)
{
	return text.len < TLS_TEXT_MAX && header_is_safe(text) &&
	       span_is_ascii(text) && span_index(text, ' ') == text.len;
}

void
odmr_add_turned(struct buf *buf, const struct odmr_turned *turned)
{
	record_add(buf, 'A', turned->address);
	record_add(buf, 'T', turned->tls);
	record_add(buf, 'C', turned->cipher);
}

bool
odmr_parse_turned(struct span packet, struct odmr_turned *turned)
{
	return record_find(packet, 'A', &turned->address) &&
	       record_find(packet, 'T', &turned->tls) &&
	       record_find(packet, 'C', &turned->cipher) &&
	       turned->address.len > 0 &&
	       (turned->tls.len > 0) == (turned->cipher.len > 0) &&
	       is_tls_text(turned->tls) && is_tls_text(turned->cipher);
}

/* ---- control/odmrdomains ---- */

struct span
odmr_domain_of(struct span item, struct span *accounts)
{
	struct span domain = span_trim(span_cut(&item, ':'));

	*accounts = span_trim(item);
	return domain;
}

/* As DNS has it: what the queue compares, and ATRN can say. */
static bool
is_domain(struct span domain)
{
	for (const char *c = " \t@,/*"; *c != '\0'; c++)
		if (span_index(domain, *c) < domain.len)
			return false;
	return domain.len > 0 && domain.len <= CONTROL_HOST_MAX &&
	       domain.ptr[0] != '.' && span_is_ascii(domain);
}

struct control_list
odmr_domains(void)
{
	struct control_list list = domain_lines("odmrdomains", ":");

	for (size_t i = 0; i < list.count; i++) {
		struct span accounts;

		if (!is_domain(odmr_domain_of(list.items[i], &accounts)) ||
		    accounts.len == 0)
			control_complain("odmrdomains", list.lines[i],
			    "write DOMAIN: ACCOUNT ...");
	}
	return list;
}

bool
odmr_has(const struct control_list *list, struct span domain)
{
	struct span accounts;

	for (size_t i = 0; i < list->count; i++)
		if (span_equal_nocase(
			odmr_domain_of(list->items[i], &accounts), domain))
			return true;
	return false;
}

bool
odmr_allows(
    const struct control_list *list, struct span domain, struct span account)
{
	struct span accounts;

	for (size_t i = 0; i < list->count; i++) {
		if (!span_equal_nocase(
			odmr_domain_of(list->items[i], &accounts), domain))
			continue;
		while (accounts.len > 0)
			if (span_equal_nocase(
				span_cut_word(&accounts), account))
				return true;
	}
	return false;
}
