#include "service/pam.h"

#include <pwd.h>
#include <security/pam_appl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"

static const char service[] = "estafeta";

/* The password for each prompt without echo; nothing else is known here. */
static int
converse(int count, const struct pam_message **messages,
    struct pam_response **responses, void *context)
{
	if (count <= 0 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	struct pam_response *list = calloc((size_t)count, sizeof(*list));
	if (list == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			list[i].resp = strdup(context);
	*responses = list;
	return PAM_SUCCESS;
}

/* Delays are checkpw's and login's, the same for every kind of user. */
static void
no_delay(int code, unsigned delay_us, void *context)
{
	(void)code;
	(void)delay_us;
	(void)context;
}

static enum checkpw_verdict
verdict_of(int code, const char *user)
{
	switch (code) {
	case PAM_SUCCESS:
		return CHECKPW_OK;
	case PAM_AUTH_ERR:
	case PAM_USER_UNKNOWN:
	case PAM_MAXTRIES:
	case PAM_PERM_DENIED:
	case PAM_ACCT_EXPIRED:
	case PAM_NEW_AUTHTOK_REQD:
	case PAM_CRED_INSUFFICIENT:
		return CHECKPW_NO;
	default:
		log_event("PAM user=%s: %s", user, pam_strerror(NULL, code));
		return CHECKPW_LATER;
	}
}

/* A module may have put another name in place of ours. */
static bool
is_still(pam_handle_t *handle, const char *user)
{
	const void *name = NULL;

	return pam_get_item(handle, PAM_USER, &name) == PAM_SUCCESS &&
	       name != NULL && strcmp(name, user) == 0;
}

/* A pointer to a function as PAM wants it, without a cast that ISO C lacks. */
static void
set_no_delay(pam_handle_t *handle)
{
	void (*function)(int, unsigned, void *) = no_delay;
	const void *item;

	memcpy(&item, &function, sizeof(item));
	pam_set_item(handle, PAM_FAIL_DELAY, item);
}

static int
authenticate(pam_handle_t *handle, const char *user, const char *peer)
{
	const int flags = PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK;

	set_no_delay(handle);
	int code = pam_set_item(handle, PAM_RHOST, peer);
	if (code == PAM_SUCCESS)
		code = pam_authenticate(handle, flags);
	if (code == PAM_SUCCESS)
		code = pam_acct_mgmt(handle, flags);
	if (code == PAM_SUCCESS && !is_still(handle, user))
		code = PAM_PERM_DENIED;
	return code;
}

/* The handle stays: its end would unload them. */
void
pam_prepare(void)
{
	static const struct pam_conv nobody = { .conv = converse };
	static pam_handle_t *handle;

	getpwuid(UINT32_MAX - 1);
	int code = pam_start(service, "nobody", &nobody, &handle);
	if (code != PAM_SUCCESS)
		log_event("PAM: %s", pam_strerror(NULL, code));
}

enum checkpw_verdict
pam_verdict(const char *user, const char *password, const char *peer)
{
	struct pam_conv conversation = { converse,
		(void *)(uintptr_t)password };
	const struct passwd *entry = getpwnam(user);
	pam_handle_t *handle = NULL;

	if (entry != NULL && entry->pw_uid == 0)
		return CHECKPW_NO;
	int code = pam_start(service, user, &conversation, &handle);
	if (code == PAM_SUCCESS)
		code = authenticate(handle, user, peer);
	enum checkpw_verdict verdict = verdict_of(code, user);
	if (handle != NULL)
		pam_end(handle, code);
	return verdict;
}
