#include "imapd/capabilities.h"

#include "imapd/session.h"

static const char before[] = " IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE SASL-IR"
			     " LANGUAGE";

static const char after[] =
    " IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE IDLE NAMESPACE CHILDREN"
    " UNSELECT UIDPLUS MOVE MULTIAPPEND LIST-EXTENDED LIST-STATUS"
    " SPECIAL-USE CREATE-SPECIAL-USE STATUS=SIZE CONDSTORE QRESYNC ESEARCH"
    " SEARCHRES WITHIN SAVEDATE PREVIEW OBJECTID BINARY UTF8=ACCEPT SORT"
    " SORT=DISPLAY ESORT QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE"
    " THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS PARTIAL UIDONLY"
    " MULTISEARCH INPROGRESS REPLACE CATENATE METADATA"
    " NOTIFY FILTERS SEARCH=FUZZY CONTEXT=SEARCH CONTEXT=SORT"
    " I18NLEVEL=2 LANGUAGE LIST-METADATA UIDBATCHES CONVERT URLAUTH"
    " URLAUTH=BINARY URL-PARTIAL";

/* RFC 9738 section 3: MESSAGELIMIT or SAVELIMIT, not both. */
void
capabilities_add(struct buf *text, const struct session_settings *settings)
{
	buf_add_string(text, settings == NULL ? before : after);
	if (settings == NULL)
		return;
	/* RFC 8437 section 4.1: a relay could read nothing of it. */
	buf_add_string(text,
	    settings->is_relayed ? " UNAUTHENTICATE" : " COMPRESS=DEFLATE");
	if (settings->sieve_host != NULL)
		buf_printf(text, " IMAPSIEVE=sieve://%s", settings->sieve_host);
	if (settings->jmap_url != NULL)
		buf_add_string(text, " JMAPACCESS");
	if (settings->can_share)
		buf_add_string(text, " ACL RIGHTS=texk LIST-MYRIGHTS");
	if (settings->message_max > 0)
		buf_printf(text, " APPENDLIMIT=%llu",
		    (unsigned long long)settings->message_max);
	if (settings->limit > 0)
		buf_printf(text, " MESSAGELIMIT=%llu",
		    (unsigned long long)settings->limit);
	else if (settings->save_limit > 0)
		buf_printf(text, " SAVELIMIT=%llu",
		    (unsigned long long)settings->save_limit);
}
