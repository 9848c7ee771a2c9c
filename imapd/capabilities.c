#include "imapd/capabilities.h"

static const char before[] = " IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE SASL-IR"
			     " LANGUAGE";

static const char after[] =
    " IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE IDLE NAMESPACE CHILDREN"
    " UNSELECT UIDPLUS MOVE MULTIAPPEND LIST-EXTENDED LIST-STATUS"
    " SPECIAL-USE CREATE-SPECIAL-USE STATUS=SIZE CONDSTORE QRESYNC ESEARCH"
    " SEARCHRES WITHIN SAVEDATE PREVIEW OBJECTID BINARY UTF8=ACCEPT SORT"
    " SORT=DISPLAY ESORT QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE"
    " THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS PARTIAL UIDONLY"
    " MULTISEARCH INPROGRESS REPLACE CATENATE COMPRESS=DEFLATE METADATA"
    " NOTIFY FILTERS SEARCH=FUZZY CONTEXT=SEARCH CONTEXT=SORT"
    " I18NLEVEL=2 LANGUAGE";

void
capabilities_add(struct buf *text, bool is_logged_in, uint64_t message_max)
{
	buf_add_string(text, is_logged_in ? after : before);
	if (is_logged_in && message_max > 0)
		buf_printf(
		    text, " APPENDLIMIT=%llu", (unsigned long long)message_max);
}
